"""When something is started again, in virtual time."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable

import pytest

from tests.virtual_time import run_virtual
from voiceserver.processes.process import StartFailed
from voiceserver.processes.restarts import (
    BACK_OFF_S,
    STEADY_S,
    back_off_s,
    keep_running,
)

NEVER_UP = StartFailed("fake", "exit code 7", final=False)
REFUSES = StartFailed("fake", "no such voice", final=True)
LOAD_S = 3.0


def test_waits_before_a_start_grow_to_a_bound() -> None:
    """At once after one crash, five seconds apart in the end."""
    waits = [back_off_s(failures) for failures in range(1, 20)]
    assert waits[0] == 0
    assert waits == sorted(waits)
    assert waits[-1] == BACK_OFF_S[-1] == 5


class Fake:
    """Loads for a while, then fails or lives for so long.

    Args:
        lives: One a start: how many seconds, or why it does not come up.
        ends: The last of them is its last.

    Attributes:
        waits_s: Between each end and the next start.
        failures: That were told.
    """

    def __init__(
        self, lives: Iterable[float | StartFailed], ends: bool = False
    ) -> None:
        self._lives = list(lives)
        self._ends = ends
        self._ended_s = 0.0
        self.waits_s: list[float] = []
        self.failures: list[StartFailed] = []

    async def start(self) -> float:
        loop = asyncio.get_running_loop()
        self.waits_s.append(round(loop.time() - self._ended_s, 6))
        await asyncio.sleep(LOAD_S)
        life = self._lives.pop(0)
        self._ended_s = loop.time()
        if isinstance(life, StartFailed):
            raise life
        return life

    async def live(self, life_s: float) -> None:
        await asyncio.sleep(life_s)
        self._ended_s = asyncio.get_running_loop().time()

    def wanted(self) -> bool:
        return bool(self._lives) or not self._ends

    def run(self, attempts: int = 3) -> None:
        """Until it is not wanted any more, or its first start fails for good."""
        run_virtual(
            keep_running(
                self.start, self.live, self.failures.append, attempts, self.wanted
            )
        )


def test_what_keeps_dying_is_started_ever_more_slowly() -> None:
    """However long it loads: that is no life."""
    it = Fake([1.0] * 9, ends=True)
    it.run()
    assert it.waits_s == [0, 0, 0.2, 0.5, 1, 2, 5, 5, 5]
    assert not it.failures


def test_after_a_steady_life_it_is_started_at_once() -> None:
    """Earlier failures are forgotten."""
    it = Fake([1.0, 1.0, 1.0, STEADY_S + 1, 1.0, 1.0], ends=True)
    it.run()
    assert it.waits_s == [0, 0, 0.2, 0.5, 0, 0.2]


def test_once_up_its_starts_may_fail_for_ever() -> None:
    """Calls are in progress; each failure is told, a refusal too."""
    later = [REFUSES, *itertools.repeat(NEVER_UP, 20)]
    it = Fake([1.0, *later, 1.0], ends=True)
    it.run(attempts=2)
    assert it.failures == later
    assert it.waits_s[-1] == BACK_OFF_S[-1]


def test_a_first_start_is_tried_as_often_as_asked_for() -> None:
    """The last failure comes out, the others were told."""
    it = Fake([NEVER_UP] * 3)
    with pytest.raises(StartFailed, match="exit code 7"):
        it.run(attempts=3)
    assert it.failures == [NEVER_UP] * 2
    assert it.waits_s == [0, 0, 0.2]


def test_a_first_start_that_is_refused_is_tried_once() -> None:
    """It would end the same way."""
    it = Fake([REFUSES])
    with pytest.raises(StartFailed, match="no such voice"):
        it.run(attempts=3)
    assert not it.failures


@pytest.mark.parametrize("last", [1.0, REFUSES])
def test_what_is_not_wanted_ends_without_a_word(last: float | StartFailed) -> None:
    """Whether its last start came up or not."""
    it = Fake([last], ends=True)
    it.run()
    assert it.waits_s == [0]
    assert not it.failures


@pytest.mark.parametrize("when_s", [1.0, 4.0, 7.1])
def test_cancelled_it_starts_nothing_more(when_s: float) -> None:
    """While it starts, lives, or waits for the next start."""
    it = Fake([1.0, 0.0, 1.0])

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(
                keep_running(it.start, it.live, it.failures.append, 3)
            )
            await asyncio.sleep(when_s)
            started = len(it.waits_s)
            task.cancel()
            await asyncio.wait({task})
            assert task.cancelled()
            assert len(it.waits_s) == started

    run_virtual(scenario())
