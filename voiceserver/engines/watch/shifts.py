"""Whether the newest of a series of numbers is otherwise than it used to be. Pure.

Two windows: what is usual, and the newest 30, 100, 300 or 1000. A shift is told where
it is both large enough to matter and too unlikely to be chance, so that neither a quiet
night nor a busy month of harmless answers raises an alarm. The short windows find what
is grave, the long one what is slight. Knows not what the numbers are of.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WINDOWS = (30, 100, 300, 1000)  # newest numbers that are looked at
EVERY = 5  # numbers between two looks
# Looks overlap, and there are thousands in a month: five standard deviations by chance
# are one in three million looks.
UNLIKELY = 5.0
# A spell of ten is no shift: each third of a window must be by so much of what matters,
# and what is left without it so many standard deviations from chance.
LASTS = 0.9
STILL_UNLIKELY = 4.0
CALM = 0.5  # of the shift that matters: less than this and it is over
CALM_WINDOW = 100  # newest numbers that must be so


@dataclass(frozen=True, slots=True)
class Shift:
    """What is otherwise.

    Attributes:
        usual: The value that was.
        now: The value that is.
        over: How many of the newest numbers show it.
        sigmas: How unlikely it is by chance, in standard deviations.
    """

    usual: float
    now: float
    over: int
    sigmas: float


class Level:
    """Watches how large numbers are, by their median and their order.

    Args:
        usual: What they used to be, at least 30; their order does not matter.
        ratio: A median so many times larger, or smaller, matters; 0 judges by
            ``step`` alone.
        step: A median further away than this matters, in the numbers' own unit.
        smaller: Whether a smaller one matters too.
    """

    def __init__(
        self,
        usual: Iterable[float],
        ratio: float = 0.0,
        step: float = 0.0,
        smaller: bool = True,
    ) -> None:
        self._usual: NDArray[np.float64] = np.sort(np.asarray([*usual], np.float64))
        if len(self._usual) < WINDOWS[0]:
            raise ValueError(f"usual must be at least {WINDOWS[0]} numbers")
        self._median = float(np.median(self._usual))
        self._ratio, self._step, self._smaller = ratio, step, smaller
        self._newest: deque[float] = deque(maxlen=WINDOWS[-1])
        self._n = 0

    def add(self, value: float) -> Shift | None:
        """Add the newest number; return a shift, if one is found now."""
        self._newest.append(value)
        self._n += 1
        if self._n % EVERY:
            return None
        newest = np.asarray(self._newest)
        return next(filter(None, (self._look(newest, n) for n in WINDOWS)), None)

    @property
    def calm(self) -> bool:
        """Whether a hundred since the last ``forget`` are as usual again."""
        if len(self._newest) < CALM_WINDOW:
            return False
        return not self._matters(np.asarray(self._newest)[-CALM_WINDOW:], CALM)

    def forget(self) -> None:
        """Begin a new window; what is usual stays."""
        self._newest.clear()

    def _look(self, newest: NDArray[np.float64], n: int) -> Shift | None:
        if len(newest) < n or not self._matters(newest[-n:], 1.0):
            return None
        sigmas = self._sigmas(newest[-n:])
        if abs(sigmas) < UNLIKELY or not self._lasts(newest[-n:], sigmas):
            return None
        now = float(np.median(newest[-n:]))
        return Shift(self._median, now, n, round(sigmas, 1))

    def _lasts(self, newest: NDArray[np.float64], sigmas: float) -> bool:
        """Whether it is no spell: there without any third of the window, and in it."""
        thirds = np.array_split(newest, 3)
        for at, third in enumerate(thirds):
            rest = np.concatenate(thirds[:at] + thirds[at + 1 :])
            still = self._sigmas(rest) * math.copysign(1, sigmas)
            if still < STILL_UNLIKELY or not self._matters(third, LASTS):
                return False
        return True

    def _matters(self, newest: NDArray[np.float64], share: float) -> bool:
        now = float(np.median(newest))
        if now < self._median and not self._smaller:
            return False
        by = abs(now - self._median)
        if self._ratio and self._median > 0 and now > 0:
            large = abs(math.log(now / self._median)) >= share * math.log(self._ratio)
        else:
            large = by > 0
        return large and by >= share * self._step

    def _sigmas(self, newest: NDArray[np.float64]) -> float:
        """Mann and Whitney's test, by ranks: no shape of the numbers is assumed."""
        n, m = len(newest), len(self._usual)
        below = np.searchsorted(self._usual, newest, "left")
        upto = np.searchsorted(self._usual, newest, "right")
        u = float((below + upto).sum()) / 2
        return (u - n * m / 2) / math.sqrt(n * m * (n + m + 1) / 12)


class Share:
    """Watches how often something happens.

    Args:
        happened: How often it used to.
        of: Of how many.
        points: A rise by so much of all matters, 0..1.
    """

    def __init__(self, happened: int, of: int, points: float) -> None:
        if of < WINDOWS[0]:
            raise ValueError(f"of must be at least {WINDOWS[0]}")
        self._happened, self._of = happened, of
        self._usual = happened / of
        self._points = points
        self._newest: deque[bool] = deque(maxlen=WINDOWS[-1])
        self._n = 0

    def add(self, happened: bool) -> Shift | None:
        """Add whether it happened; return a rise, if one is found now."""
        self._newest.append(happened)
        self._n += 1
        if self._n % EVERY:
            return None
        newest = list(self._newest)
        return next(filter(None, (self._look(newest, n) for n in WINDOWS)), None)

    @property
    def calm(self) -> bool:
        """Whether a hundred since the last ``forget`` are as usual again."""
        newest = list(self._newest)[-CALM_WINDOW:]
        if len(newest) < CALM_WINDOW:
            return False
        return sum(newest) / len(newest) < self._usual + CALM * self._points

    def forget(self) -> None:
        """Begin a new window; what is usual stays."""
        self._newest.clear()

    def _look(self, newest: list[bool], n: int) -> Shift | None:
        if len(newest) < n:
            return None
        count = sum(newest[-n:])
        now = count / n
        if now < self._usual + self._points:
            return None
        sigmas = _apart(self._happened, self._of, count, n)
        if sigmas < UNLIKELY:
            return None
        return Shift(self._usual, now, n, round(sigmas, 1))


def _apart(before: int, of: int, now: int, n: int) -> float:
    """How unlikely two shares are one, as standard deviations (likelihood ratio).

    What is usual is itself known from so many only, which counts here.
    """
    pooled = (before + now) / (of + n)
    gained = _likelihood(before, of, before / of) + _likelihood(now, n, now / n)
    gained -= _likelihood(before, of, pooled) + _likelihood(now, n, pooled)
    return math.sqrt(max(0.0, 2 * gained))


def _likelihood(happened: int, of: int, share: float) -> float:
    log = 0.0
    if happened:
        log += happened * math.log(share)
    if happened < of:
        log += (of - happened) * math.log(1 - share)
    return log
