"""Whose step is next: in virtual time, with drawn launches, streams and deadlines."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voiceserver.engines.remote.schedule import (
    NEVER_S,
    PASSED_OVER,
    Lane,
    Launch,
    Schedule,
    StepTimes,
)

CAP_S = 0.11  # a first step is due so long after it was wanted
CHUNK_S, AHEAD_S = 0.4, 0.4  # what a refill gives; what is made beforehand, at most


def times(first_s: float, refill_s: float, *buckets: int) -> StepTimes:
    """Launches that take a tenth longer for each step."""
    return StepTimes(
        {
            lane: {b: alone_s * (1 + 0.1 * (b - 1)) for b in buckets}
            for lane, alone_s in ((Lane.FIRST, first_s), (Lane.REFILL, refill_s))
        }
    )


@dataclass
class Stream:
    """One phrase: when it is wanted, and how many steps it takes."""

    begins_s: float
    steps: int
    given: int = 0
    wanted_s: float = 0.0
    until_s: float = 0.0  # there is audio to play until then


@dataclass
class Told:
    """What a run did."""

    launches: list[tuple[Launch[int], dict[int, tuple[Lane, float]]]] = field(
        default_factory=list
    )
    behind: list[int] = field(default_factory=list)  # launches before a first step
    refills_before: list[int] = field(default_factory=list)
    refused: int = 0


class Voice:
    """Speaks all of it, one launch after the other; time is what launches take."""

    def __init__(self, schedule: Schedule[int], streams: list[Stream]) -> None:
        self.told = Told()
        self._schedule = schedule
        self._left = dict(enumerate(streams))
        self._waits: dict[int, tuple[Lane, float]] = {}
        self._before: dict[int, list[Launch[int]]] = {}
        self._under_way: Launch[int] | None = None

    def run(self) -> Told:
        """Speak."""
        now_s = 0.0
        while self._left:
            self._want(now_s)
            for job in self._schedule.refused(now_s):
                self.told.refused += 1
                del self._left[job], self._waits[job]
            launch = self._schedule.next(now_s)
            if launch is None:
                now_s += 0.001
                continue
            waited = {job: self._waits[job] for job in launch.jobs}
            self.told.launches.append((launch, waited))
            for job in self._waits:
                if job not in waited:
                    self._before[job].append(launch)
            self._under_way = launch
            self._want(launch.until_s)
            for job in launch.jobs:
                self._given(job, launch.until_s)
            self._schedule.done(launch, launch.until_s - now_s)
            now_s, self._under_way = launch.until_s, None
        return self.told

    def _want(self, until_s: float) -> None:
        """Ask for what is wanted up to then."""
        for job, one in self._left.items():
            at_s = one.until_s - AHEAD_S if one.given else one.begins_s
            if job in self._waits or max(at_s, one.wanted_s) > until_s:
                continue
            lane = Lane.REFILL if one.given else Lane.FIRST
            due_s = one.until_s if one.given else at_s + CAP_S
            self._schedule.wants(job, lane, due_s)
            self._waits[job] = (lane, due_s)
            self._before[job] = [self._under_way] if self._under_way else []

    def _given(self, job: int, now_s: float) -> None:
        lane, _ = self._waits.pop(job)
        if lane is Lane.FIRST:
            before = self._before[job]
            self.told.behind.append(len(before))
            without = [it for it in before if Lane.FIRST not in it.lanes]
            self.told.refills_before.append(len(without))
        one = self._left[job]
        one.given += 1
        one.wanted_s = now_s
        one.until_s = max(one.until_s, now_s) + CHUNK_S
        if one.given == one.steps:
            del self._left[job]


streams = st.lists(
    st.builds(Stream, st.floats(0, 3), st.integers(1, 6)), min_size=1, max_size=40
)


@given(streams, st.floats(0.001, 0.05), st.floats(0.001, 0.05), st.booleans())
@settings(max_examples=25, deadline=None)
def test_no_launch_ends_past_a_deadline(
    drawn: list[Stream], first_s: float, refill_s: float, alone: bool
) -> None:
    """Of first steps; of others it ends past none that could still be met."""
    buckets = (1,) if alone else (1, 2, 4, 8, 16, 32, 64)
    schedule = Schedule[int](times(first_s, refill_s, *buckets))
    told = Voice(schedule, drawn).run()
    for launch, waited in told.launches:
        for lane, due_s in waited.values():
            begun_s = launch.until_s - schedule.times.seconds(
                launch.lanes, launch.bucket
            )
            assert lane is Lane.REFILL or launch.until_s <= due_s + 1e-9
            if due_s > begun_s + refill_s:
                assert launch.until_s <= due_s + 1e-9
    spoken = sum(len(launch.jobs) for launch, _ in told.launches)
    assert spoken + told.refused >= len(drawn)  # each is spoken to its end or refused


@given(streams, st.floats(0.001, 0.006), st.floats(0.001, 0.006))
@settings(max_examples=25, deadline=None)
def test_a_first_step_is_behind_one_launch_at_most(
    drawn: list[Stream], first_s: float, refill_s: float
) -> None:
    """Where those that wait fit into one; none is refused then."""
    schedule = Schedule[int](times(first_s, refill_s, 1, 2, 4, 8, 16, 32, 64))
    told = Voice(schedule, drawn).run()
    assert told.refused == 0
    assert max(told.behind) <= 1


@given(streams, st.floats(0.001, 0.02), st.floats(0.001, 0.02))
@settings(max_examples=25, deadline=None)
def test_one_at_a_time_a_first_step_waits_for_few_others(
    drawn: list[Stream], first_s: float, refill_s: float
) -> None:
    """For what is under way, and for one in five launches of those before it."""
    told = Voice(Schedule[int](times(first_s, refill_s, 1)), drawn).run()
    for behind, refills in zip(told.behind, told.refills_before, strict=True):
        assert refills <= 2 + behind // PASSED_OVER


@given(st.integers(1, 60), st.floats(0.001, 0.03))
@settings(max_examples=25, deadline=None)
def test_nobody_starves(begun: int, step_s: float) -> None:
    """First steps come without end; what is late is passed over a few times."""
    schedule = Schedule[int](times(step_s, step_s, 1))
    for job in range(begun):
        schedule.wants(job, Lane.REFILL, 0.0)
    now_s, served = 0.0, 0
    for number in range((PASSED_OVER + 1) * (begun + 1) + 1):
        schedule.wants(1000 + number, Lane.FIRST, now_s + CAP_S)
        launch = schedule.next(now_s)
        assert launch is not None
        served += launch.jobs[0] < 1000
        now_s = launch.until_s
        schedule.done(launch, step_s)
        schedule.refused(now_s)
    assert served == begun


def test_the_earliest_deadline_is_first() -> None:
    """Whoever asked first."""
    schedule = Schedule[str](times(0.01, 0.01, 1))
    for job, due_s in (("later", 0.3), ("sooner", 0.1), ("between", 0.2)):
        schedule.wants(job, Lane.FIRST, due_s)
    order: list[str] = []
    while (launch := schedule.next(0.0)) is not None:
        order += launch.jobs
        schedule.done(launch, 0.01)
    assert order == ["sooner", "between", "later"]


def test_who_would_fall_silent_goes_first_where_nothing_is_lost() -> None:
    """The other has time."""
    schedule = Schedule[str](times(0.04, 0.04, 1))
    schedule.wants("first", Lane.FIRST, 0.11)
    schedule.wants("refill", Lane.REFILL, 0.06)
    launch = schedule.next(0.0)
    assert launch is not None
    assert launch.jobs == ("refill",)
    schedule.done(launch, 0.04)
    schedule.wants("next", Lane.REFILL, 0.09)
    launch = schedule.next(0.04)
    assert launch is not None
    assert launch.jobs == ("first",)  # it has waited once


def test_what_can_wait_makes_no_launch_longer() -> None:
    """It fills what is padded anyway; who would fall silent goes along."""
    table = {1: 0.01, 2: 0.02, 4: 0.025}
    schedule = Schedule[str](StepTimes({lane: table for lane in Lane}))
    schedule.wants("a", Lane.FIRST, 0.11)
    schedule.wants("calm", Lane.REFILL, 5.0)
    launch = schedule.next(0.0)
    assert launch is not None
    assert (launch.jobs, launch.bucket) == (("a",), 1)
    schedule.done(launch, 0.01)
    schedule.wants("b", Lane.FIRST, 0.11)
    schedule.wants("c", Lane.FIRST, 0.11)
    schedule.wants("silent", Lane.REFILL, 0.037)
    launch = schedule.next(0.01)
    assert launch is not None
    assert (set(launch.jobs), launch.bucket) == ({"b", "c", "silent", "calm"}, 4)


def test_what_cannot_be_in_time_is_refused_and_costs_nothing() -> None:
    """Before it is launched; what is late in speaking goes on."""
    schedule = Schedule[str](times(0.05, 0.05, 1))
    schedule.wants("doomed", Lane.FIRST, 0.04)
    schedule.wants("late", Lane.REFILL, 0.02)
    schedule.wants("files", Lane.REFILL, NEVER_S)
    assert schedule.refused(0.0) == ["doomed"]
    launch = schedule.next(0.0)
    assert launch is not None
    assert launch.jobs == ("late",)
    assert schedule.late == 1
    schedule.forget("files")
    assert len(schedule) == 0


def test_what_launches_take_is_followed() -> None:
    """A slow one at once, quick ones little by little."""
    it = times(0.01, 0.01, 1, 2)
    it.took((Lane.FIRST,), 1, 0.03)
    assert it.seconds((Lane.FIRST,), 1) == pytest.approx(0.02)
    it.took((Lane.FIRST,), 1, 0.0)
    assert it.seconds((Lane.FIRST,), 1) == pytest.approx(0.019)
    assert it.seconds((Lane.REFILL,), 1) == pytest.approx(0.01)
    assert (it.bucket(1), it.bucket(2), it.bucket(9)) == (1, 2, 2)


@pytest.mark.parametrize("refills", [{1: 0.1, 2: 0.1}, {2: 0.1}])
def test_a_table_has_the_same_buckets_from_one_on(refills: dict[int, float]) -> None:
    """Else it is said."""
    firsts = {2: 0.1} if 1 not in refills else {1: 0.1}
    with pytest.raises(ValueError, match="bucket"):
        StepTimes({Lane.FIRST: firsts, Lane.REFILL: refills})
