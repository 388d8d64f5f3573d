"""The global ladder: what a server that cannot keep up leaves out first.

Judged by how late the event loop runs, in the median of a second, so that a hiccup is
no overload: first nothing is done on a guess and nobody asked twice, then replies are
kept short, then new calls are refused. They are, too, while more people speak than the
recogniser hears in time. A call in progress is never cut. Pure: fed with lateness and
with how many speak, asked for the level.
"""

from __future__ import annotations

from enum import IntEnum
from statistics import median

LAG_MS = 20.0  # one frame; twice that keeps replies short, four times refuses calls
TICKS = 50  # a second's
RISES_AFTER, FALLS_AFTER = 2, 5  # seconds in a row
CALM = 0.5  # of what raised the level


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
