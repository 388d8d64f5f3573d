"""Checks that hold for every test: nothing left behind, and a wall-clock limit."""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import settings

from voiceserver.weights.place import FOLDER_VARIABLE, is_there, models_folder

# How long one example takes is the machine's, and no property of what is tested.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

TEST_LIMIT_S = 120
# Transports close over a few turns of the loop, be it a slow one; and aiohttp waits a
# second (``LINGER_S``) for the rest of a body, also where its client has gone
# meanwhile.
_CLOSING_S = 4.0


@pytest.fixture(autouse=True)
def wall_clock_limit() -> Iterator[None]:
    """Fail a test that hangs, with the stacks of all threads."""

    def expired(_signal: int, _frame: object) -> None:
        faulthandler.dump_traceback(file=2)
        raise TimeoutError(f"the test ran longer than {TEST_LIMIT_S} s")

    before = signal.signal(signal.SIGALRM, expired)
    signal.alarm(TEST_LIMIT_S)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


_NAMED = os.environ.get(FOLDER_VARIABLE)
_HIDDEN = f"{os.devnull}/models"


def pytest_collection_finish() -> None:
    """Leave all that was imported out of collections, and of the search for leaks.

    It is half a million objects, which no test made: 0.2 s to look through, 0.5 s to
    collect.
    """
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Hide the models that lie on this machine from all tests but ``weights``.

    Those say which they need, and are skipped where they were not fetched. Before any
    fixture of the test is set up: some start servers, for a whole module.
    """
    marked = list(item.iter_markers("weights"))
    if not marked:
        os.environ[FOLDER_VARIABLE] = _HIDDEN
    elif _NAMED is None:
        os.environ.pop(FOLDER_VARIABLE, None)
    else:
        os.environ[FOLDER_VARIABLE] = _NAMED
    for name in (name for marker in marked for name in marker.args):
        if not is_there(name):
            pytest.skip(
                f"{name} is not in {models_folder()}: voiceserver models get {name}"
            )


def _open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def _peer_connections() -> int:
    """Live aiortc peer connections that were not closed."""
    module = sys.modules.get("aiortc.rtcpeerconnection")
    if module is None:
        return 0
    kind = module.RTCPeerConnection
    # By type, not isinstance: that asks each object's __class__, and some warn.
    return sum(
        type(thing) is kind and thing.connectionState != "closed"
        for thing in gc.get_objects()
    )


@pytest.fixture(autouse=True)
async def nothing_left_behind(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """Fail an asynchronous test that leaves tasks, files or peer connections."""
    if not asyncio.iscoroutinefunction(
        getattr(request.function, "__wrapped__", request.function)
    ):
        yield
        return
    task = asyncio.current_task()
    tasks = asyncio.all_tasks()
    files, peers = _open_files(), _peer_connections()
    yield
    loop = asyncio.get_running_loop()
    until = loop.time() + _CLOSING_S
    while True:
        left = asyncio.all_tasks() - tasks - {task, asyncio.current_task()}
        leaks = {
            "tasks": [str(item.get_coro()) for item in left],
            "files": max(0, _open_files() - files),
            "peer connections": max(0, _peer_connections() - peers),
        }
        if not any(leaks.values()) or loop.time() > until:
            break
        await asyncio.sleep(0.02)
        gc.collect()
    assert not any(leaks.values()), f"left behind: {leaks}"
