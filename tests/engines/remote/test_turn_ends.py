"""A turn-end model in a process of its own."""

from __future__ import annotations

import asyncio
import os
import signal

import numpy as np
import pytest

from tests.polling import until
from voiceserver.engines.remote.turn_ends import RemoteTurnEnds, turn_ends_spec
from voiceserver.errors import EngineFailed
from voiceserver.metrics import Metrics

pytestmark = pytest.mark.net
CORE = "tests.engines.remote.fake_cores:load_ends"
SECOND = np.full(16_000, 0.25, np.float32)


def ends(core: str = CORE, needed: bool = True) -> RemoteTurnEnds:
    return RemoteTurnEnds(turn_ends_spec("ends", core), Metrics(), needed)


async def test_a_probability_comes_back() -> None:
    """The fake's is the level of what it hears; eight seconds are five messages."""
    told: asyncio.Queue[float] = asyncio.Queue()
    async with ends() as model:
        await model.ready()
        model.score(SECOND, told.put_nowait)
        model.score(np.tile(SECOND * 2, 8), told.put_nowait)
        assert await told.get() == pytest.approx(0.25, abs=1e-3)
        assert await told.get() == pytest.approx(0.5, abs=1e-3)


async def test_what_is_withdrawn_is_not_told() -> None:
    """The next question is."""
    told: asyncio.Queue[float] = asyncio.Queue()
    async with ends() as model:
        await model.ready()
        model.score(SECOND, told.put_nowait)()
        model.score(SECOND * 3, told.put_nowait)
        assert await told.get() == pytest.approx(0.75, abs=1e-3)
        assert told.empty()


async def test_too_much_at_once_and_a_failure_are_just_not_told() -> None:
    """Nobody waits for a score."""
    told: list[float] = []
    async with ends() as model:
        await model.ready()
        model.score(-SECOND, told.append)  # fails
        for _ in range(30):
            model.score(SECOND, told.append)
        await until(lambda: len(told) >= 7)
        await asyncio.sleep(0.05)
        assert len(told) == 7


async def test_a_process_that_dies_is_started_again() -> None:
    """Pauses in between go without a score."""
    told: list[float] = []
    async with ends() as model:
        await model.ready()
        pid = model.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await until(lambda: model.pid is None)
        model.score(SECOND, told.append)
        await until(lambda: model.pid is not None)
        model.score(SECOND, told.append)
        await until(lambda: len(told) == 1)


async def test_one_that_is_needed_and_does_not_start_is_an_error() -> None:
    """With why."""
    async with ends("tests.engines.remote.fake_cores:nothing") as model:
        with pytest.raises(EngineFailed, match="cannot be loaded"):
            await model.ready()


async def test_one_that_is_not_needed_is_done_without() -> None:
    """Turns end by silence and words."""
    async with ends("tests.engines.remote.fake_cores:nothing", needed=False) as model:
        await model.ready()
        model.score(SECOND, lambda _: pytest.fail("told"))
