"""Whose step is launched next: the earliest deadline first, in buckets. Pure.

A step gives the next audio of one phrase. The first of a phrase is due when it has to
sound, the others when what was given before has been played. What is launched cannot
be broken off, so no launch is begun that would end past the deadline of anything in
it: a first step that cannot be in time any more is refused, for somebody else speaks
the phrase sooner; any other is late, is counted, and is due again as soon as may be.
Several steps are one launch, padded to a bucket, as far as that makes nobody late.

First steps go before others, so that none waits behind more than one launch, as long
as all of them fit into one; those others that would fall silent go along. Where one
step is a launch, one of those goes first where nothing is lost by it, or after a few
launches that passed it over: nobody starves. Knows no clock and no engine: seconds of
one clock are passed in, and what launches take is told.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Generic, TypeVar

NEVER_S = math.inf  # the deadline of what nobody waits for
RENEWED_S = 0.1  # what is late is due again so much later
PASSED_OVER = 4  # launches that leave out something late; then it goes first
RISES, FALLS = 0.5, 0.05  # of a difference: a slow launch is believed at once

Job = TypeVar("Job", bound=Hashable)


class Lane(IntEnum):
    """What a step gives."""

    FIRST = 0  # of a phrase
    REFILL = 1


class StepTimes:
    """How long launches take, by lane and bucket; measured, then followed.

    Args:
        table: Seconds of a launch, for each lane and the same buckets of each.

    Raises:
        ValueError: If there is no bucket of one, or a lane has other buckets.
    """

    def __init__(self, table: Mapping[Lane, Mapping[int, float]]) -> None:
        self._table = {lane: dict(table[lane]) for lane in Lane}
        self.buckets = tuple(sorted(self._table[Lane.FIRST]))
        if not self.buckets or self.buckets[0] != 1:
            raise ValueError("a step alone is the smallest bucket")
        if tuple(sorted(self._table[Lane.REFILL])) != self.buckets:
            raise ValueError("both lanes have the same buckets")

    def bucket(self, steps: int) -> int:
        """The smallest bucket that holds so many steps, or the largest."""
        return next((b for b in self.buckets if b >= steps), self.buckets[-1])

    def seconds(self, lanes: Collection[Lane], bucket: int) -> float:
        """How long a launch takes: as long as the slowest of its lanes."""
        return max(self._table[lane][bucket] for lane in lanes)

    def took(self, lanes: Collection[Lane], bucket: int, seconds: float) -> None:
        """A launch has taken so long. What rises is believed sooner than what falls.

        Lanes that were launched together are told apart by what was known of them.
        """
        slowest = max(lanes, key=lambda lane: self._table[lane][bucket])
        known = self._table[slowest][bucket]
        part = RISES if seconds > known else FALLS
        self._table[slowest][bucket] = known + part * (seconds - known)


@dataclass(frozen=True, slots=True)
class Launch(Generic[Job]):
    """Steps to be launched together.

    Attributes:
        jobs: Whose.
        lanes: Of the steps.
        bucket: They are padded to so many.
        until_s: When it will be over.
    """

    jobs: tuple[Job, ...]
    lanes: frozenset[Lane]
    bucket: int
    until_s: float


@dataclass(slots=True)
class _Step(Generic[Job]):
    job: Job
    lane: Lane
    due_s: float  # as it was asked for: the order goes by it
    until_s: float  # no launch of it may end later
    behind: int = 0  # launches since it was wanted, one under way then included
    passed: int = 0  # of those, since it was late


class Schedule(Generic[Job]):
    """The steps that wait, and the one launch that is under way.

    Args:
        times: How long launches take.
        longest_s: No launch is made longer than that by steps that can wait.
        refuses: First steps that cannot be in time are refused. Else they are late as
            others are: where whoever asked has limits of his own, and nobody else.

    Attributes:
        late: Steps that came too late.
    """

    def __init__(
        self, times: StepTimes, longest_s: float = NEVER_S, *, refuses: bool = True
    ) -> None:
        self.times = times
        self.late = 0
        self._refuses = refuses
        self._longest_s = longest_s
        self._waiting: dict[Job, _Step[Job]] = {}
        self._under_way = False

    def __len__(self) -> int:
        return len(self._waiting)

    def wants(self, job: Job, lane: Lane, due_s: float) -> None:
        """The next step of a job may be launched from now on.

        Args:
            job: Whose. A step of it that waits is replaced, if now it is another.
            lane: Of the step.
            due_s: When its audio has to be there.
        """
        known = self._waiting.get(job)
        if known is not None and (known.lane, known.due_s) == (lane, due_s):
            return
        behind = int(self._under_way)
        self._waiting[job] = _Step(job, lane, due_s, due_s, behind)

    def forget(self, job: Job) -> None:
        """The job is over, or waits for something else."""
        self._waiting.pop(job, None)

    def refused(self, now_s: float) -> list[Job]:
        """Take out the jobs whose first step cannot be in time any more."""
        if not self._refuses:
            return []
        alone_s = self.times.seconds((Lane.FIRST,), 1)
        doomed = [
            step.job
            for step in self._waiting.values()
            if step.lane is Lane.FIRST and now_s + alone_s > step.until_s
        ]
        for job in doomed:
            del self._waiting[job]
        return doomed

    def next(self, now_s: float) -> Launch[Job] | None:
        """Begin a launch; None if nothing waits. First steps too late are left."""
        launch = self.plan(now_s)
        if launch is not None:
            self.begin(launch)
        return launch

    def plan(self, now_s: float) -> Launch[Job] | None:
        """What would be launched now; it is not begun. As ``next``."""
        self._renew(now_s)
        ready = sorted(
            (s for s in self._waiting.values() if self._can(s, now_s)),
            key=lambda step: step.due_s,
        )
        if not ready:
            return None
        launch = self._filled(self._head(ready, now_s), ready, now_s)
        lanes = frozenset(step.lane for step in launch)
        bucket = self.times.bucket(len(launch))
        until_s = now_s + self.times.seconds(lanes, bucket)
        return Launch(tuple(step.job for step in launch), lanes, bucket, until_s)

    def alone(self, job: Job, now_s: float) -> Launch[Job]:
        """The waiting step of one job, as a launch of its own; it is not begun."""
        lanes = frozenset((self._waiting[job].lane,))
        return Launch((job,), lanes, 1, now_s + self.times.seconds(lanes, 1))

    def begin(self, launch: Launch[Job]) -> None:
        """It is launched; the one before is over, and ``done`` was called."""
        assert not self._under_way, "one launch at a time"
        for job in launch.jobs:
            del self._waiting[job]
        for step in self._waiting.values():
            step.behind += 1
            step.passed += step.lane is Lane.REFILL and step.due_s < step.until_s
        self._under_way = True

    def done(self, launch: Launch[Job], took_s: float | None) -> None:
        """A launch is over, and has taken so long; None if it gave nothing."""
        self._under_way = False
        if took_s is not None:
            self.times.took(launch.lanes, launch.bucket, took_s)

    def _can(self, step: _Step[Job], now_s: float) -> bool:
        """Whether it would be in time, launched alone and now."""
        return now_s + self.times.seconds((step.lane,), 1) <= step.until_s

    def _renew(self, now_s: float) -> None:
        """What comes too late in any case is due as soon as may be."""
        for step in self._waiting.values():
            if step.lane is Lane.FIRST and self._refuses:
                continue
            alone_s = self.times.seconds((step.lane,), 1)
            if now_s + alone_s > step.until_s:
                self.late += step.due_s == step.until_s
                step.until_s = now_s + alone_s + RENEWED_S

    def _head(self, ready: list[_Step[Job]], now_s: float) -> _Step[Job]:
        """The step that the launch is for."""
        firsts = [step for step in ready if step.lane is Lane.FIRST]
        refills = [step for step in ready if step.lane is Lane.REFILL]
        starving = [step for step in refills if step.passed >= PASSED_OVER]
        if starving or not firsts:
            return (starving or refills)[0]
        if refills and not any(step.behind for step in firsts):
            refill, rest = refills[0], self.times.bucket(len(firsts))
            alone_s = self.times.seconds((Lane.REFILL,), 1)
            firsts_s = self.times.seconds((Lane.FIRST,), rest)
            silent = refill.until_s < now_s + firsts_s + alone_s
            if silent and now_s + alone_s + firsts_s <= firsts[0].until_s:
                return refill
        return firsts[0]

    def _filled(
        self, head: _Step[Job], ready: list[_Step[Job]], now_s: float
    ) -> list[_Step[Job]]:
        """The head with those that can go along: first steps, then the most urgent."""
        launch, lanes, until_s = [head], {head.lane}, head.until_s
        alone_s = self.times.seconds((Lane.REFILL,), 1)
        for step in sorted(ready, key=lambda step: (step.lane, step.due_s)):
            if len(launch) == self.times.buckets[-1]:
                break
            if step is head:
                continue
            before_s = self.times.seconds(lanes, self.times.bucket(len(launch)))
            after = lanes | {step.lane}
            after_s = self.times.seconds(after, self.times.bucket(len(launch) + 1))
            if now_s + after_s > min(until_s, step.until_s):
                continue
            # Whether it is worth what it makes the launch longer.
            silent = step.until_s < now_s + before_s + alone_s
            patient = Lane.FIRST not in lanes and after_s <= self._longest_s
            if step.lane is Lane.FIRST or after_s <= before_s or silent or patient:
                launch.append(step)
                lanes, until_s = after, min(until_s, step.until_s)
        return launch
