"""The global ladder: what a server that cannot keep up leaves out first.

Judged by how late the event loop runs, in the median of a second, so that a hiccup is
no overload: first nothing is done on a guess and nobody asked twice, then replies are
kept short, then new calls are refused. A call in progress is never cut. Pure: fed
with lateness, asked for the level.
"""

from __future__ import annotations

from enum import IntEnum
from statistics import median

LAG_MS = 20.0  # one frame; twice that keeps replies short, four times refuses calls
TICKS = 50  # a second's
RISES_AFTER, FALLS_AFTER = 2, 5  # seconds in a row
CALM = 0.5  # of what raised the level


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
