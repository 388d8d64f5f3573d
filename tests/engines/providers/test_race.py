"""Asking several: in turn, side by side, and nothing left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.virtual_time import run_virtual
from voiceserver.engines.providers.race import Start, first_to_begin
from voiceserver.errors import EngineFailed


class Horse:
    """Begins after ``takes_s``, or fails then."""

    def __init__(self, name: str, takes_s: float, fails: bool = False) -> None:
        self.name, self.takes_s, self.fails = name, takes_s, fails
        self.began_s: float | None = None
        self.cancelled = self.closed = False

    async def run(self) -> Horse:
        loop = asyncio.get_running_loop()
        self.began_s = loop.time()
        try:
            await asyncio.sleep(self.takes_s)
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        if self.fails:
            raise EngineFailed(self.name, "fell")
        return self

    async def close(self) -> None:
        self.closed = True


def starts(horses: list[Horse], alone_s: float | None) -> Iterator[Start[Horse]]:
    return (Start(horse.run, alone_s) for horse in horses)


def race(horses: list[Horse], alone_s: float | None = None) -> Horse:
    return run_virtual(first_to_begin(starts(horses, alone_s)))


def test_the_next_is_asked_when_one_fails() -> None:
    """And not before."""
    horses = [Horse("a", 1, fails=True), Horse("b", 1), Horse("c", 1)]
    assert race(horses).name == "b"
    assert [horse.began_s for horse in horses] == [0, 1, None]


def test_the_next_is_asked_beside_a_slow_one() -> None:
    """The first to begin wins; the other is cancelled."""
    horses = [Horse("a", 9), Horse("b", 1)]
    assert race(horses, 0.5).name == "b"
    assert horses[1].began_s == 0.5
    assert horses[0].cancelled


def test_a_slow_one_may_still_win() -> None:
    """Being asked later is no advantage."""
    horses = [Horse("a", 1), Horse("b", 1)]
    assert race(horses, 0.5).name == "a"
    assert horses[1].cancelled


def test_all_are_waited_for_before_it_fails() -> None:
    """Also the slow one, when there is nobody left to ask."""
    horses = [Horse("a", 3), Horse("b", 1, fails=True)]
    assert race(horses, 0.5).name == "a"
    with pytest.raises(EngineFailed, match="b: fell"):
        race([Horse("a", 1, fails=True), Horse("b", 1, fails=True)])


def test_nobody_to_ask_is_a_failure() -> None:
    """It says so."""
    with pytest.raises(EngineFailed, match="nobody"):
        race([])


@pytest.mark.parametrize("at_ms", range(0, 2000, 50))
def test_a_race_that_is_cancelled_leaves_nothing_running(at_ms: int) -> None:
    """At whatever moment; the one that had begun is closed or was never returned."""
    horses = [Horse("a", 1), Horse("b", 0.5), Horse("c", 0.8)]

    async def scenario() -> bool:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(first_to_begin(starts(horses, 0.4)))
            await asyncio.sleep(at_ms / 1000)
            task.cancel()
        return task.cancelled()

    cancelled = run_virtual(scenario())
    for horse in horses:
        started = horse.began_s is not None
        ended = horse.cancelled or horse.closed or not cancelled
        assert not started or ended


def test_two_that_begin_at_once_are_not_both_kept() -> None:
    """The second is closed."""
    horses = [Horse("a", 1), Horse("b", 0.5)]
    winner = race(horses, 0.5)
    [other] = [horse for horse in horses if horse is not winner]
    assert other.closed or other.cancelled
