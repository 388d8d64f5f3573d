"""A circuit breaker for one provider: whether a caller's turn may be spent on it.

Pure: seconds of one monotonic clock are passed in. A provider that fails is left
alone and tried again by a probe in the background, never by a caller's turn. Slow
calls and lost races count against it; a success counts only at a clean end.
"""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass
from enum import Enum

FAILURES_IN_A_ROW = 3
RECENT, RECENT_FAILED = 20, 0.20  # more than that share of so many calls
BEGUN, BEGUN_SLOWLY = 10, 0.50  # the same of slow first words
BACK_OFF_S, LONGEST_S = 5.0, 120.0
JITTER = 0.2  # of the back-off, so that servers do not come back in step
LONGEST_RETRY_AFTER_S = 3600.0
REFUSALS_IN_A_ROW = 3  # then a probe asks whether it refuses everybody


class BreakerState(Enum):
    """What a breaker does with a call."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"  # a probe is under way
    DRAINED = "drained"  # taken out by the operator
    MISCONFIGURED = "misconfigured"  # until the server is started again
    MISMATCH = "pin_mismatch"  # the same: another model than the pinned one answers


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a breaker stands, as others that guard the same provider are told.

    Attributes:
        state: Its state; while it probes, open.
        opened: Times in a row that it has opened.
        probe_s: When its next probe is due, if it is open.
    """

    state: BreakerState = BreakerState.CLOSED
    opened: int = 0
    probe_s: float = 0.0


class Breaker:
    """The breaker of one provider.

    Args:
        rng: For the jitter of the back-off.
    """

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._state = BreakerState.CLOSED
        self._in_a_row = 0
        self._outcomes: deque[bool] = deque(maxlen=RECENT)  # true is a failure
        self._begins: deque[bool] = deque(maxlen=BEGUN)  # true is slow
        self._opened = 0  # times in a row
        self._probe_s = 0.0
        self._refused = 0  # requests in a row
        self._doubted_s: float | None = None  # when a probe is due while it is asked

    @property
    def state(self) -> BreakerState:
        """Where it stands."""
        return self._state

    @property
    def standing(self) -> Standing:
        """Where it stands, for others that guard the same provider."""
        if self._state in (BreakerState.OPEN, BreakerState.HALF_OPEN):
            return Standing(BreakerState.OPEN, self._opened, self._probe_s)
        return Standing(self._state)

    def adopt(self, told: Standing, later_s: float) -> None:
        """Stand where another does.

        Args:
            told: Where.
            later_s: After its probe is due one is due here, should nothing be heard of
                it: one asks for all, and another only when that one is gone.
        """
        if told == self.standing:
            return  # told here
        if told.state is BreakerState.CLOSED:
            self._close()
            return
        self._state = told.state
        self._opened, self._probe_s = told.opened, told.probe_s + later_s

    @property
    def admits(self) -> bool:
        """Whether a caller's turn may be spent on the provider."""
        return self._state is BreakerState.CLOSED

    @property
    def probe_s(self) -> float | None:
        """When the next probe is due; None if none is."""
        if self._state is BreakerState.CLOSED:
            return self._doubted_s
        return self._probe_s if self._state is BreakerState.OPEN else None

    def began(self, slow: bool, now_s: float) -> None:
        """The first words of a call came, or will not: ``slow`` if late or lost."""
        self._begins.append(slow)
        many = len(self._begins) == BEGUN
        if many and sum(self._begins) > BEGUN_SLOWLY * BEGUN:
            self._open(now_s)

    def succeeded(self) -> None:
        """A call came to a clean end."""
        self._in_a_row = self._refused = 0
        self._outcomes.append(False)

    def doubted(self, now_s: float) -> None:
        """It may refuse everybody: a probe is to find out, and it is asked meanwhile.

        A request that is refused says nothing of others; what it was is not known here.
        """
        if self._doubted_s is None:
            self._doubted_s = now_s

    def failed(self, now_s: float, kind: str, retry_after_s: float = 0.0) -> None:
        """A call failed.

        Args:
            now_s: Now.
            kind: See ``errors.ProviderFailed``.
            retry_after_s: How long the provider asks to be left alone.
        """
        if kind in ("refused", "doubtful"):
            self._refused += 1
            if kind == "doubtful" or self._refused % REFUSALS_IN_A_ROW == 0:
                self.doubted(now_s)
            return
        self._in_a_row += 1
        self._outcomes.append(True)
        if self._state is BreakerState.DRAINED:
            return
        many = len(self._outcomes) == RECENT
        if kind == "misconfigured":
            self._state = BreakerState.MISCONFIGURED
        elif kind == "pin":
            self._state = BreakerState.MISMATCH
        elif kind == "busy" or retry_after_s > 0:
            self._open(now_s, retry_after_s)
        elif self._in_a_row >= FAILURES_IN_A_ROW or (
            many and sum(self._outcomes) > RECENT_FAILED * RECENT
        ):
            self._open(now_s)

    def probing(self) -> None:
        """A probe begins."""
        if self._state is BreakerState.OPEN:
            self._state = BreakerState.HALF_OPEN
        self._doubted_s = None

    def probed(
        self, now_s: float, good: bool, kind: str = "error", retry_after_s: float = 0.0
    ) -> None:
        """A probe ended; a good one closes the breaker, its history forgotten."""
        if self._state is BreakerState.CLOSED:  # it was doubted
            self._refused = 0
            if good:
                return
        elif self._state is not BreakerState.HALF_OPEN:
            return
        if good:
            self._close()
            return
        self._state = BreakerState.CLOSED  # so that it opens once more
        if kind in ("refused", "doubtful"):
            kind = "error"  # a word is refused to nobody
        self.failed(now_s, kind, retry_after_s)
        if self._state is BreakerState.CLOSED:
            self._open(now_s)

    def drain(self, drained: bool) -> None:
        """Take the provider out, or put it back in."""
        if drained:
            self._state = BreakerState.DRAINED
        elif self._state is BreakerState.DRAINED:
            self._state = BreakerState.CLOSED

    def _close(self) -> None:
        """Close it, its history forgotten."""
        self._state = BreakerState.CLOSED
        self._opened = self._in_a_row = 0
        self._outcomes.clear()
        self._begins.clear()

    def _open(self, now_s: float, at_least_s: float = 0.0) -> None:
        if self._state not in (BreakerState.CLOSED, BreakerState.HALF_OPEN):
            return
        wait_s = min(LONGEST_S, BACK_OFF_S * 2**self._opened)
        wait_s *= 1 + self._rng.uniform(-JITTER, JITTER)
        if at_least_s > 0:
            wait_s = min(at_least_s, LONGEST_RETRY_AFTER_S)
        self._opened += 1
        self._state = BreakerState.OPEN
        self._probe_s = now_s + wait_s
        # What opened it must not open it again after one more failure.
        self._in_a_row = 0
        self._begins.clear()
        self._outcomes.clear()
