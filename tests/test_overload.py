"""The global ladder."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from voiceserver.overload import FALLS_AFTER, LAG_MS, TICKS, Crowd, Load, Overload


def second(it: Overload, lag_ms: float) -> Load:
    for _ in range(TICKS):
        it.tick(lag_ms)
    return it.level


def test_it_rises_rung_by_rung_and_falls_slowly() -> None:
    """Two seconds up, five down; never two rungs at once."""
    it = Overload()
    levels = [second(it, 5 * LAG_MS) for _ in range(7)]
    assert levels == [0, 1, 1, 2, 2, 3, 3]
    levels = [second(it, 0) for _ in range(3 * FALLS_AFTER)]
    assert levels == [3] * 4 + [2] * 5 + [1] * 5 + [0]


def test_a_hiccup_is_no_overload() -> None:
    """A quarter of a second once, or one bad second."""
    it = Overload()
    for _ in range(10):
        it.tick(250)
        for _ in range(TICKS - 1):
            it.tick(1)
        second(it, 1)
        second(it, 3 * LAG_MS)
    assert it.level is Load.NORMAL


def test_between_the_bounds_it_stays() -> None:
    """A level does not flap."""
    it = Overload()
    second(it, LAG_MS)
    assert second(it, LAG_MS) is Load.LEAN
    for lag in (0.6 * LAG_MS, 1.9 * LAG_MS) * 20:
        assert second(it, lag) is Load.LEAN


@given(st.lists(st.floats(0, 1000), max_size=40))
def test_a_level_changes_by_one_rung_a_second(lags: list[float]) -> None:
    """Whatever the lags."""
    it = Overload()
    for lag in lags:
        before = it.level
        assert abs(second(it, lag) - before) <= 1


def seconds(it: Crowd, n: float, speaking: int, at_ease: int = 4) -> bool:
    for _ in range(round(n * TICKS)):
        it.tick(speaking, at_ease)
    return it.full


def test_a_crowd_is_more_speakers_than_are_heard_on_the_average() -> None:
    """Who listens does not count, nor turns that meet for a moment."""
    it = Crowd()
    assert not seconds(it, 60, speaking=3)
    assert not seconds(it, 2, speaking=6)
    assert seconds(it, 20, speaking=6)
    assert not seconds(it, 10, speaking=1)


def test_nobody_is_a_crowd_where_nobody_can_tell() -> None:
    """A recogniser that is down, or a stub."""
    assert not seconds(Crowd(), 60, speaking=9, at_ease=0)
