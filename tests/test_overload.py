"""The global ladder."""

from __future__ import annotations

from bisect import bisect_right

from hypothesis import given, settings
from hypothesis import strategies as st

from voiceserver.overload import (
    BUSY,
    CROWDED,
    FALLS_AFTER,
    FREE_AFTER,
    FULL_AFTER,
    LAG_MS,
    SETTLED_S,
    TICKS,
    TOO_FEW,
    Crowd,
    Headroom,
    Load,
    Overload,
)


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


class Loop:
    """An event loop to which calls come, each of which costs a share of its time.

    What is not done in its tick is done later. Work comes unevenly, so that some of it
    is late before the loop is full.
    """

    def __init__(self, cost: float, setup_s: float = 0.0, lasts_s: float = 1e9) -> None:
        self.cost, self.setup_s, self.lasts_s = cost, setup_s, lasts_s
        self.headroom = Headroom()
        self.calls: list[int] = []  # when each came, in ticks
        self.refused = self.n_late = 0
        self._now = 0
        self._behind_s = 0.0

    def offered(self, seconds: float, per_s: float, limit: int = 10_000) -> None:
        """Calls come at a pace; a limit is what somebody has set."""
        come = 0.0
        for _ in range(round(seconds * TICKS)):
            come += per_s / TICKS
            while come >= 1:
                come -= 1
                self.asks(limit)
            self.passes()

    def asks(self, limit: int) -> None:
        settled = self.settled
        if self.headroom.full(settled, len(self.calls) - settled):
            self.refused += 1
        elif len(self.calls) < limit:
            self.calls.append(self._now)
            self._behind_s += self.setup_s

    @property
    def settled(self) -> int:
        return bisect_right(self.calls, self._now - SETTLED_S * TICKS)

    def passes(self) -> None:
        """A tick; each call costs three times as much in one of four."""
        self._now += 1
        del self.calls[: bisect_right(self.calls, self._now - self.lasts_s * TICKS)]
        swing = 1.6 if self._now % 4 == 0 else 0.8
        work_s = self._behind_s + len(self.calls) * self.cost * swing / TICKS
        computed_s = min(work_s, 1 / TICKS)
        self._behind_s = work_s - computed_s
        late_ms = 1000 * self._behind_s
        self.n_late += late_ms > LAG_MS
        self.headroom.tick(late_ms, self.settled, computed_s, 1 / TICKS)


@given(st.floats(0.02, 0.08), st.floats(0.5, 4.0))
@settings(max_examples=15, deadline=None)
def test_a_limit_that_is_too_high_costs_those_already_in_little(
    cost: float, per_s: float
) -> None:
    """Ten thousand are allowed: what there is room for is taken, one more at most."""
    loop = Loop(cost)
    loop.offered(20 + 2 * FULL_AFTER + 1 / cost / per_s + 1 / cost, per_s)
    cores = len(loop.calls) * cost
    assert loop.refused
    # What was taken before it was known that it stays as busy as that.
    unseen = 1 + (SETTLED_S + FULL_AFTER + 1) * per_s + TOO_FEW
    assert BUSY - cost <= cores <= max(1 + 2 * cost, BUSY + unseen * cost)


def test_a_loop_that_is_busy_and_in_time_refuses_nobody_for_long() -> None:
    """A client that sends faster than it speaks keeps it busy, and nobody waits."""
    it, came, taken = Headroom(), [0] * 20, 0
    for now in range(60 * TICKS):
        settled = sum(now - each >= SETTLED_S * TICKS for each in came)
        it.tick(3.0, settled, 0.99 / TICKS, 1 / TICKS)
        if now > 5 * TICKS and not it.full(settled, len(came) - settled):
            came.append(now)
            taken += 1
    assert taken >= 50 / SETTLED_S


@given(st.floats(1, 200), st.floats(0.001, 0.02))
@settings(max_examples=25, deadline=None)
def test_calls_that_are_short_and_many_are_not_refused(
    per_s: float, setup_s: float
) -> None:
    """However much setting them up takes: nobody is in a call who would notice."""
    loop = Loop(0.01, setup_s, lasts_s=0.3)
    loop.offered(12, per_s)
    assert not loop.refused


def test_many_at_once_are_taken() -> None:
    """A hundred in two seconds: nobody knows yet what they will cost."""
    loop = Loop(0.008, setup_s=0.008)
    loop.offered(2, 50)
    assert len(loop.calls) == 100
    assert not loop.refused


def test_a_call_that_is_set_up_makes_no_crowd() -> None:
    """A tick that is late by it, three times a second."""
    it = Headroom()
    for n in range(30 * TICKS):
        it.tick(60.0 if n % 16 == 0 else 2.0, 16)
        assert not it.full(16, 2)


def test_lateness_with_few_calls_is_not_theirs() -> None:
    """Something else keeps the machine; the ladder above tells that."""
    it = Headroom()
    for _ in range(10 * TICKS):
        it.tick(70.0, TOO_FEW - 1, 1 / TICKS, 1 / TICKS)
        assert not it.full(TOO_FEW - 1, 1)
        assert not it.full(TOO_FEW + 1, 0)


def second_of(it: Headroom, n_late: int, settled: int = 30) -> None:
    for n in range(TICKS):
        it.tick(LAG_MS + 5 if n < n_late else 1.0, settled)


def test_it_is_full_after_many_crowded_seconds_and_free_after_five_calm_ones() -> None:
    """And neither by less: it does not flicker."""
    it = Headroom()
    for _ in range(FULL_AFTER):
        assert not it.full(30, 0)
        second_of(it, CROWDED)
    for _ in range(FREE_AFTER):
        assert it.full(30, 0)
        second_of(it, 1)
    assert not it.full(30, 0)


@given(st.lists(st.integers(0, TICKS), max_size=80))
def test_it_is_never_full_without_crowded_seconds(late: list[int]) -> None:
    """All of them in a row, in all that it has seen."""
    it = Headroom()
    for n_late in late:
        second_of(it, n_late)
        if it.full(30, 0):
            runs = "".join("x" if n >= CROWDED else "." for n in late)
            assert "x" * FULL_AFTER in runs
