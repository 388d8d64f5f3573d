"""Many hosts through a day, in virtual time: who takes a call, who dies, who is full.

Five seconds are a step, and a host is known as it was at its beginning: a directory
that is seldom told. A caller is sent to the
roomier of two hosts drawn at random; one that is full after all sends on to another
two. ``RoomPlaces`` counts with the server's own ``server.places``, call by call;
``CountedPlaces`` does the same with whole hosts at once, for thousands of them, and a
test holds the two together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from voiceserver.errors import Overloaded
from voiceserver.metrics import Metrics
from voiceserver.server.places import Room

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

DAY_S = 86_400
STEP_S = 5
TRIES = 3  # pairs of hosts that are asked for one caller
# Share of the peak by the hour: offices from nine to five, a little in the evening.
HOURS = (
    *(0.08, 0.06, 0.05, 0.05, 0.06, 0.10, 0.20, 0.42, 0.75, 0.96, 1.00, 0.95),
    *(0.86, 0.92, 0.97, 0.93, 0.84, 0.68, 0.50, 0.40, 0.33, 0.26, 0.18, 0.12),
)


def of_peak(at_s: float) -> float:
    """Share of the peak at a time of the day."""
    hour = at_s / 3600 % 24
    low = int(hour)
    return HOURS[low] + (HOURS[(low + 1) % 24] - HOURS[low]) * (hour - low)


class Places(Protocol):
    """The places of some hosts."""

    @property
    def calls(self) -> Ints:
        """How many each has."""

    def take(self, hosts: Ints) -> Ints:
        """One caller for each entry; return where those refused stood."""

    def leave(self, ended: Ints) -> None:
        """So many calls of each host are over."""


class CountedPlaces:
    """Places as numbers."""

    def __init__(self, hosts: int, places: int) -> None:
        self._calls = np.zeros(hosts, np.int64)
        self._places = places

    @property
    def calls(self) -> Ints:
        """How many each has."""
        return self._calls

    def take(self, hosts: Ints) -> Ints:
        """One caller for each entry, in order; return where those refused stood."""
        if not len(hosts):
            return hosts
        order = np.argsort(hosts, kind="stable")
        of = hosts[order]
        starts = np.flatnonzero(np.r_[True, of[1:] != of[:-1]])
        counts = np.diff(np.r_[starts, len(of)])
        nth = np.arange(len(of)) - np.repeat(starts, counts)
        refused = nth >= self._places - self._calls[of]
        self._calls += np.bincount(of[~refused], minlength=len(self._calls))
        return np.sort(order[refused])

    def leave(self, ended: Ints) -> None:
        """So many calls of each host are over."""
        self._calls -= ended


class RoomPlaces:
    """Places as the server counts them."""

    def __init__(self, hosts: int, places: int) -> None:
        metrics = Metrics()
        self._rooms = [Room(places, 0, metrics) for _ in range(hosts)]

    @property
    def calls(self) -> Ints:
        """How many each has."""
        return np.array([len(room) for room in self._rooms], np.int64)

    def take(self, hosts: Ints) -> Ints:
        """One caller for each entry, in order; return where those refused stood."""
        refused = []
        for at, host in enumerate(hosts):
            try:
                self._rooms[host].check()
            except Overloaded:
                refused.append(at)
            else:
                self._rooms[host].take()
        return np.array(refused, np.int64)

    def leave(self, ended: Ints) -> None:
        """So many calls of each host are over."""
        for room, count in zip(self._rooms, ended, strict=True):
            for _ in range(count):
                room.leave()


@dataclass(frozen=True, slots=True)
class Day:
    """What happens to a fleet.

    Attributes:
        hosts: How many there are.
        places: ``max_calls`` of each.
        peak_calls: At a time, at the busiest moment.
        call_s: How long a call lasts, on the average.
        dead_a_day: Share of the hosts that die in a day; each is back after a while.
        back_after_s: So long.
        at_once: At noon so many die together, as with a rack.
        begins_s: Time of the day at which it begins.
        lasts_s: How much of it is looked at.
    """

    hosts: int
    places: int
    peak_calls: float
    call_s: float = 180.0
    dead_a_day: float = 1 / 30
    back_after_s: float = 120.0
    at_once: int = 0
    begins_s: float = 0.0
    lasts_s: float = DAY_S


@dataclass
class Tally:
    """What came of it.

    Attributes:
        offered: Callers.
        refused: Of them, with 503 after all tries.
        lost: Calls that a death ended; they call again.
        forwarded: Callers that a host sent on since it was full.
        busiest: Calls at a time, at most.
        call_s: Seconds of calls.
        fullest: Share of its places that the fullest host had, at most.
        uneven: Calls of the fullest host beyond the mean, when most were there.
        by_load: Calls at all steps, by how many their host has.
    """

    offered: int = 0
    refused: int = 0
    lost: int = 0
    forwarded: int = 0
    call_s: float = 0.0
    busiest: int = 0
    fullest: float = 0.0
    uneven: float = 0.0
    by_load: Floats = field(default_factory=lambda: np.zeros(0))

    def mean_over_calls(self, of: Callable[[Ints], Floats]) -> float:
        """A figure of hosts by their number of calls, as calls see it."""
        loads = np.flatnonzero(self.by_load)
        return float(np.average(of(loads), weights=self.by_load[loads]))


def lived(day: Day, places: Places, seed: int = 1) -> Tally:
    """Let it pass."""
    rng = np.random.default_rng(seed)
    tally = Tally(by_load=np.zeros(day.places + 1))
    back_s = np.zeros(day.hosts)
    again = 0
    for second in range(0, round(day.lasts_s), STEP_S):
        at_s = day.begins_s + second
        calls = places.calls
        places.leave(rng.binomial(calls, 1 - np.exp(-STEP_S / day.call_s)))
        died = _dying(day, at_s, rng)
        if len(died):
            ended = np.zeros(day.hosts, np.int64)
            ended[died] = places.calls[died]
            places.leave(ended)
            back_s[died] = at_s + day.back_after_s
            tally.lost += int(ended.sum())
        alive = np.flatnonzero(back_s <= at_s)
        new = int(rng.poisson(STEP_S * day.peak_calls * of_peak(at_s) / day.call_s))
        tally.offered += new
        tally.refused += _placed(places, alive, new + again, rng, tally)
        again = int(ended.sum()) if len(died) else 0
        _count(tally, places.calls, day.places)
    return tally


def _dying(day: Day, at_s: float, rng: np.random.Generator) -> Ints:
    """Who dies now."""
    if day.at_once and at_s == DAY_S // 2:
        return rng.choice(day.hosts, day.at_once, replace=False)
    count = rng.binomial(day.hosts, STEP_S * day.dead_a_day / DAY_S)
    return rng.choice(day.hosts, count, replace=False)


def _placed(
    places: Places, alive: Ints, callers: int, rng: np.random.Generator, tally: Tally
) -> int:
    """Send callers to the roomier of two; return how many nobody took."""
    if not len(alive):
        return callers
    known = places.calls.copy()  # as the directory has it
    for attempt in range(TRIES):
        if not callers:
            break
        pairs = alive[rng.integers(0, len(alive), (2, callers))]
        first, second = pairs
        chosen = np.where(known[first] <= known[second], first, second)
        callers = len(places.take(chosen))
        tally.forwarded += callers * (attempt + 1 < TRIES)
    return callers


def _count(tally: Tally, calls: Ints, places: int) -> None:
    total = int(calls.sum())
    tally.call_s += STEP_S * total
    tally.by_load += np.bincount(calls, weights=calls, minlength=len(tally.by_load))
    fullest = int(calls.max())
    tally.fullest = max(tally.fullest, fullest / places)
    if total > tally.busiest:
        tally.busiest, tally.uneven = total, fullest - total / len(calls)


def told(tally: Tally) -> dict[str, Any]:
    """The figures of a day, rounded."""
    offered = max(1, tally.offered)
    return {
        "calls_offered": tally.offered,
        "most_at_a_time": tally.busiest,
        "refused_percent": round(100 * tally.refused / offered, 4),
        "lost_by_deaths_percent": round(100 * tally.lost / offered, 4),
        "sent_on_percent": round(100 * tally.forwarded / offered, 4),
        "fullest_host_percent": round(100 * tally.fullest, 1),
        "fullest_over_mean_calls": round(tally.uneven, 1),
    }
