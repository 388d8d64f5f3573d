"""One host in virtual time: its event loops, its recognisers, its voices.

What each of them costs is measured (``benchmarks/results``); how they are scheduled is
the server's own code: ``whisper.pace`` for recognisers, ``engines.remote.schedule`` for
voices, ``overload`` for what is refused. A loop works off what comes one by one.
"""

from __future__ import annotations

import functools
import heapq
import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.hearing_pace import Core
from voiceserver.engines.remote.schedule import Lane, Schedule, StepTimes
from voiceserver.overload import TICKS, Load, Overload

Floats = NDArray[np.float64]

FRAME_S, BLOCK_S = 0.02, 0.04  # of a call: packets and pulls, and what is listened to
TICK_S = 1 / TICKS  # a loop watches its own lateness so often
SIMULATED_S = 4.0
GRID_S = 0.001  # of timers


@dataclass(frozen=True, slots=True)
class LoopCost:
    """What calls cost the loop that holds them, in cores.

    A call costs less where there are many, as a loop that is awake already need not be
    woken. How often it has to be grows about as the root of the calls does.

    Attributes:
        call: For each call.
        root: Times the root of the calls.
    """

    call: float
    root: float

    def cores(self, calls: float) -> float:
        """Of one loop with so many calls."""
        return self.call * calls + self.root * float(calls**0.5)

    def over(self, loops: int, calls: int) -> float:
        """Of some loops that share so many."""
        return loops * self.cores(calls / loops)

    def slower(self, by: float) -> LoopCost:
        """On cores that others want, too."""
        return LoopCost(by * self.call, by * self.root)

    def most(self, share: float) -> int:
        """So many calls fit into that share of a core."""
        return next(n for n in range(1, 10_000) if self.cores(n + 1) > share)


def fitted(measured: Sequence[tuple[int, float]], loops: int = 1) -> LoopCost:
    """The law, by what some numbers of calls took.

    Args:
        measured: Calls, and cores that they took; two at least.
        loops: That the calls were spread over.
    """
    rows = [[calls, (loops * calls) ** 0.5] for calls, _ in measured]
    cores = np.array([took for _, took in measured])
    # By shares: what few calls took counts as much as what many did.
    found, *_ = np.linalg.lstsq(np.array(rows) / cores[:, None], np.ones(len(cores)))
    return LoopCost(*map(float, found))


@dataclass(frozen=True, slots=True)
class LoopRun:
    """What a loop did with so many calls.

    Attributes:
        share: Of its core.
        waits_s: How long each packet, pull and block waited until it was done.
        late_ms: How late its own timer was, each time.
    """

    share: float
    waits_s: Floats
    late_ms: Floats

    @property
    def level(self) -> Load:
        """What the server's own rule says of that lateness, a minute long."""
        overload = Overload()
        for late_ms in itertools.islice(itertools.cycle(self.late_ms), 60 * TICKS):
            overload.tick(float(late_ms))
        return overload.level


@functools.lru_cache(maxsize=512)
def loop_run(calls: int, cost: LoopCost, seed: int = 1) -> LoopRun:
    """Let one loop hold so many calls for a while; packets come at any moment."""
    rng = np.random.default_rng(seed)
    came: list[Floats] = []
    for _ in range(calls):
        heard, pulled = rng.uniform(0, FRAME_S, 2)
        came.append(_each(FRAME_S, heard))
        came.append(_each(BLOCK_S, heard + FRAME_S * int(rng.integers(2))))
        came.append(_each(FRAME_S, _on_grid(pulled)))
    ticks = _each(TICK_S, _on_grid(rng.uniform(0, TICK_S)))
    times = np.concatenate([*came, ticks])
    is_tick = np.zeros(len(times), bool)
    is_tick[len(times) - len(ticks) :] = True
    order = np.argsort(times, kind="stable")
    times, is_tick = times[order], is_tick[order]
    event_s = cost.cores(calls) * SIMULATED_S / len(times)
    # One after the other: each is done an event after it came, or after the one before.
    steps = event_s * np.arange(1, len(times) + 1)
    done = steps + np.maximum.accumulate(times - steps + event_s)
    return LoopRun(
        min(1.0, cost.cores(calls)),
        (done - times)[~is_tick],
        1000 * (done - event_s - times)[is_tick],
    )


def _on_grid(at_s: float) -> float:
    return round(at_s / GRID_S) * GRID_S


def _each(every_s: float, from_s: float) -> Floats:
    return np.arange(from_s, SIMULATED_S, every_s)


def reply_ms(run: LoopRun, beside_ms: float, turns: int = 4000) -> Floats:
    """From the end of the configured silence to the reply's first packet.

    What is heard is looked at in blocks, what is said is pulled in frames, each at a
    phase of its own, and each waits for the loop.

    Args:
        run: Of the loop.
        beside_ms: All that does not depend on how many calls there are.
        turns: How many are drawn.
    """
    rng = np.random.default_rng(2)
    waits_ms = 1000 * rng.choice(run.waits_s, (3, turns))
    phases_ms = 1000 * (rng.uniform(0, BLOCK_S, turns) + rng.uniform(0, FRAME_S, turns))
    return np.asarray(beside_ms + phases_ms + waits_ms.sum(0))


@functools.lru_cache(maxsize=64)
def final_waits_ms(speakers: int, slowness: float) -> Floats:
    """How long final words wait on one core, by so many who speak turn after turn."""
    core = Core(speakers, slowness)
    core.run()
    return np.array(core.waits_ms)


@dataclass(frozen=True, slots=True)
class Voiced:
    """What a voice did.

    Attributes:
        first_ms: From asking to the first audio, each phrase that was spoken.
        refused: Share of phrases that could not begin in time.
        late: Share of later steps whose audio came too late.
        share: Of the time it worked.
    """

    first_ms: Floats
    refused: float
    late: float
    share: float


@dataclass(frozen=True, slots=True)
class Speaking:
    """What callers have a voice do.

    Attributes:
        every_s: A call's turns, on the average.
        lasts_s: Audio of an answer.
        chunk_s: Audio of a step after the first.
        first_s: Audio of the first.
        within_s: A first step is due so long after it was asked for.
        ahead_s: So much is made before it is played.
    """

    every_s: float = 15.0
    lasts_s: float = 10.0
    chunk_s: float = 0.8
    first_s: float = 0.17
    within_s: float = 0.3
    ahead_s: float = 0.8


def launches(
    first_s: dict[int, float], refill_s: dict[int, float], by: float = 1.0
) -> StepTimes:
    """Times of launches, so many times slower than measured."""
    return StepTimes(
        {
            Lane.FIRST: {b: by * s for b, s in first_s.items()},
            Lane.REFILL: {b: by * s for b, s in refill_s.items()},
        }
    )


def voiced(
    calls: int, times: StepTimes, how: Speaking, lasts_s: float = 60.0, seed: int = 3
) -> Voiced:
    """Let one voice speak for so many calls."""
    rng, schedule = random.Random(seed), Schedule[int](times)
    begins = sorted(
        (rng.uniform(0, lasts_s), call)
        for call in range(calls)
        for _ in range(max(1, round(lasts_s / how.every_s)))
    )
    firsts, refills, refused, work_s, now_s = [], 0, 0, 0.0, 0.0
    asked: dict[int, float] = {}  # phrases that have not begun
    until: dict[int, tuple[float, float]] = {}  # audio until then, and still to make
    waiting: list[tuple[float, int]] = []  # refills, by when they may be launched
    at = 0
    while at < len(begins) or asked or until:
        while at < len(begins) and begins[at][0] <= now_s:
            asked[at] = begins[at][0]
            schedule.wants(at, Lane.FIRST, begins[at][0] + how.within_s)
            at += 1
        while waiting and waiting[0][0] <= now_s:
            _, job = heapq.heappop(waiting)
            schedule.wants(job, Lane.REFILL, until[job][0])
        for job in schedule.refused(now_s):
            del asked[job]
            refused += 1
        launch = schedule.next(now_s)
        if launch is None:
            soon = [begins[at][0]] if at < len(begins) else []
            soon += [waiting[0][0]] if waiting else []
            now_s = max(now_s + 1e-4, min(soon, default=now_s))
            continue
        took_s = launch.until_s - now_s
        now_s, work_s = launch.until_s, work_s + took_s
        schedule.done(launch, took_s)
        for job in launch.jobs:
            if job in asked:
                firsts.append(1000 * (now_s - asked.pop(job)))
                until[job] = (now_s + how.first_s, how.lasts_s - how.first_s)
            else:
                refills += 1
                end_s, rest_s = until[job]
                until[job] = (max(end_s, now_s) + how.chunk_s, rest_s - how.chunk_s)
            if until[job][1] <= 0:
                del until[job]
                continue
            heapq.heappush(waiting, (max(now_s, until[job][0] - how.ahead_s), job))
    return Voiced(
        np.array(firsts or [0.0]),
        refused / max(1, len(begins)),
        schedule.late / max(1, refills),
        work_s / max(lasts_s, now_s),
    )


def quantiles(values: Sequence[float] | Floats) -> dict[str, float]:
    """Median and 95th percentile, rounded."""
    p50, p95 = np.percentile(values, (50, 95))
    return {"p50": round(float(p50), 1), "p95": round(float(p95), 1)}
