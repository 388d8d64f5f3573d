"""A child that is kept running."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable

import psutil
import pytest

from tests.processes.children import gone, voice_spec
from tests.processes.test_jobs import Sink
from voiceserver.errors import EngineFailed
from voiceserver.processes.process import ChildSpec
from voiceserver.processes.supervised import Supervised


async def until(condition: Callable[[], object], limit_s: float = 20.0) -> None:
    async with asyncio.timeout(limit_s):
        while not condition():  # noqa: ASYNC110 - a process, not an event
            await asyncio.sleep(0.005)


@pytest.mark.net
async def test_a_killed_child_is_started_again() -> None:
    """Its job is told, the restart is counted, and it takes jobs again."""
    restarts: list[int] = []
    async with Supervised(voice_spec(), 1, restarted=lambda: restarts.append(1)) as it:
        await it.ready()
        first, sink = it.pid, Sink()
        assert first is not None
        it.open({"voice": "alloy", "speed": 1.0, "credit": 1}, sink)
        os.kill(first, signal.SIGKILL)
        await until(lambda: sink.told)
        assert sink.told[0].startswith("lost")
        assert "signal 9" in sink.told[0]
        await until(lambda: it.free)
        second = it.pid
        assert second not in (None, first)
        assert restarts == [1]
    assert second is not None
    assert gone(second)


@pytest.mark.net
async def test_a_child_that_is_down_refuses_jobs() -> None:
    """Between its end and the next start there is an error, no wait."""
    async with Supervised(voice_spec(), 1) as it:
        await it.ready()
        assert it.pid is not None
        os.kill(it.pid, signal.SIGKILL)
        await until(lambda: it.pid is None)
        with pytest.raises(EngineFailed, match="restarted"):
            it.open({}, Sink())


@pytest.mark.net
async def test_a_child_that_cannot_start_is_given_up_after_its_attempts() -> None:
    """The reason is the error; nothing is left running."""
    async with Supervised(voice_spec("load_and_die", attempts=2), 1) as it:
        with pytest.raises(EngineFailed, match="exit code 7"):
            await it.ready()


@pytest.mark.net
async def test_a_refusal_is_not_tried_again() -> None:
    """A missing model stays missing: one start, and its words are the error."""
    async with Supervised(voice_spec("load_nothing", attempts=50), 1) as it:
        with pytest.raises(EngineFailed, match="install it"):
            await it.ready()


@pytest.mark.net
async def test_leaving_before_it_is_ready_leaves_nothing() -> None:
    """A server that is interrupted while it starts stops its children too."""
    spec, this = ChildSpec("fake", "tests.processes.sleeper"), psutil.Process()
    before = {child.pid for child in this.children()}
    async with Supervised(spec, 1):
        await until(lambda: {child.pid for child in this.children()} - before)
        [pid] = {child.pid for child in this.children()} - before
    assert gone(pid)


@pytest.mark.net
async def test_an_error_inside_comes_out_unchanged() -> None:
    """The body's own exception is not wrapped in a group."""

    async def fail() -> None:
        async with Supervised(voice_spec(), 1) as it:
            await it.ready()
            raise KeyError("ours")

    with pytest.raises(KeyError):
        await fail()


@pytest.mark.net
async def test_a_child_that_hangs_in_a_step_is_killed_and_started_again() -> None:
    """A cancel without an answer is a restart."""
    restarts: list[int] = []
    child = Supervised(
        voice_spec(), 1, restarted=lambda: restarts.append(1), cancel_limit_s=0.3
    )
    async with child as it:
        await it.ready()
        job = it.open({"voice": "alloy", "speed": 1.0, "credit": 1}, Sink())
        job.push(b"hang")
        job.finish()
        await asyncio.sleep(0.1)
        job.cancel()
        await until(lambda: restarts)
        await until(lambda: it.free)
