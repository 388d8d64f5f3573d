"""The global ladder: what a server that cannot keep up leaves out first.

Judged by how late the event loop runs, in the median of a second, so that a hiccup is
no overload: first nothing is done on a guess and nobody asked twice, then replies are
kept short, then new calls are refused. They are, too, while more people speak than the
recogniser hears in time, and long before all of the loop is late: where one frame in
ten of those calls is that are in progress, one call more would be at their cost,
whatever limit was set. A call in progress is never cut. Pure: fed with lateness, with
what the loop computes, with how many calls there are and how many speak.
"""

from __future__ import annotations

from enum import IntEnum
from statistics import median

LAG_MS = 20.0  # one frame; twice that keeps replies short, four times refuses calls
TICKS = 50  # a second's
RISES_AFTER, FALLS_AFTER = 2, 5  # seconds in a row
CALM = 0.5  # of what raised the level

# A second is crowded from so many late ticks on, and calm up to so many: a call that
# is set up, or a collection of garbage, makes one.
CROWDED, CALM_TICKS = 5, 1
# Seconds in a row. Five hundred calls that come within five seconds, each over at once,
# keep two cores for nearly twenty: whoever is patient is answered, and nobody stays.
FULL_AFTER, FREE_AFTER = 30, 5
BUSY = 0.8  # share of its time that the loop may compute, before it is looked closer
SETTLED_S = 3.0  # from when on a call is in progress; before, it is set up
TOO_FEW = 12  # settled calls: where these are late it is by something else

CROWD_S = 10.0  # in which speakers are averaged: a turn, its answer, and some more


class Load(IntEnum):
    """How much is left out."""

    NORMAL = 0
    LEAN = 1
    SHORT = 2
    FULL = 3


class Overload:
    """The level of one server.

    Args:
        lag_ms: Lateness that reaches the first level.
    """

    def __init__(self, lag_ms: float = LAG_MS) -> None:
        self._lag_ms = lag_ms
        self._ticks: list[float] = []
        self._above = self._below = 0
        self.level = Load.NORMAL

    def tick(self, lag_ms: float) -> None:
        """The loop woke so late; called fifty times a second."""
        self._ticks.append(lag_ms)
        if len(self._ticks) < TICKS:
            return
        lag_ms, self._ticks = median(self._ticks), []
        self._above = self._above + 1 if lag_ms >= self._rises_at() else 0
        self._below = self._below + 1 if lag_ms < self._falls_at() else 0
        if self._above >= RISES_AFTER and self.level < Load.FULL:
            self._move(+1)
        elif self._below >= FALLS_AFTER and self.level > Load.NORMAL:
            self._move(-1)

    def _rises_at(self) -> float:
        return float(self._lag_ms * 2**self.level)

    def _falls_at(self) -> float:
        return float(CALM * self._lag_ms * 2 ** (self.level - 1))

    def _move(self, by: int) -> None:
        self.level = Load(self.level + by)
        self._above = self._below = 0


class Headroom:
    """Whether a call more would be at the cost of those in progress, by how these are.

    That the loop is busy is no reason to refuse a call. It is busy, too, where a client
    sends faster than it speaks, or where many calls are set up at once, and late for
    nobody who is in a call. Where it stays so, it is a reason to look first: calls are
    then taken one at a time, each once the last has settled. They are refused once
    those that have settled have been late for long, until they have not been for some
    seconds.
    """

    def __init__(self) -> None:
        self._n_ticks = self._n_late = 0
        self._computed_s = self._passed_s = 0.0  # in this second
        self._crowded = self._calm = 0  # seconds in a row
        self._busy = 0  # seconds in a row
        self._late = False

    def tick(
        self,
        lag_ms: float,
        settled: int,
        computed_s: float = 0.0,
        passed_s: float = 0.0,
    ) -> None:
        """The loop woke so late; called fifty times a second.

        Args:
            lag_ms: Of what should have been done 20 ms after the last tick.
            settled: Calls in progress for ``SETTLED_S``.
            computed_s: What the loop computed since.
            passed_s: Since then.
        """
        self._n_ticks += 1
        self._n_late += lag_ms > LAG_MS and settled >= TOO_FEW
        self._computed_s += computed_s
        self._passed_s += passed_s
        if self._n_ticks >= TICKS:
            self._look()

    def full(self, settled: int, young: int) -> bool:
        """Whether no call is taken now.

        Args:
            settled: Calls in progress for ``SETTLED_S``.
            young: Others.
        """
        if settled < TOO_FEW:
            return False
        return self._late or (self._busy >= FULL_AFTER and young > 0)

    def _look(self) -> None:
        """A second is over."""
        self._crowded = self._crowded + 1 if self._n_late >= CROWDED else 0
        self._calm = self._calm + 1 if self._n_late <= CALM_TICKS else 0
        if self._crowded >= FULL_AFTER:
            self._late = True
        elif self._calm >= FREE_AFTER:
            self._late = False
        busy = self._computed_s > BUSY * self._passed_s
        self._busy = self._busy + 1 if busy else 0
        self._n_ticks = self._n_late = 0
        self._computed_s = self._passed_s = 0.0


class Crowd:
    """Whether as many people speak as a recogniser hears at ease, on the average.

    Counted are speakers, not calls: who listens costs the recogniser nothing. Turns
    that happen to meet are heard a little later, and are no crowd.
    """

    def __init__(self) -> None:
        self._share = 0.0

    def tick(self, speaking: int, at_ease: int) -> None:
        """So many speak now; called fifty times a second.

        Args:
            speaking: People who speak, or wait to be heard.
            at_ease: So many are heard in time; 0 where nobody can tell.
        """
        share = speaking / at_ease if at_ease else 0.0
        self._share += (share - self._share) / (CROWD_S * TICKS)

    @property
    def full(self) -> bool:
        """Whether one call more would make all of them late."""
        return self._share >= 1.0
