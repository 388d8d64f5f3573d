"""How much of the event loop one sender's messages may take.

All calls share one thread: what a message takes to be read is taken from them. Each
sender pays for it by waiting before its next message is read, so that its part is
bounded whatever its messages are made of. Knows nothing of messages.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

PART = 10  # a sender has one in so many milliseconds of the loop
BURST_MS = 50  # of the loop that may be taken at once: a session with all its tools
# A step beyond this was not computed all the while: the machine was busy or asleep.
LONGEST_STEP_MS = 50


class LoopShare:
    """What one sender has taken, and how long it waits for that.

    Args:
        now_ns: Monotonic clock.
    """

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self._free_ns = 0  # when a burst of the full size is possible again

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        """What is computed inside is the sender's; nothing is awaited there."""
        began_ns = self._now_ns()
        try:
            yield
        finally:
            ended_ns = self._now_ns()
            self.pay(min(ended_ns - began_ns, LONGEST_STEP_MS * 1_000_000))

    def pay(self, spent_ns: int) -> None:
        """Count computing time that was known otherwise."""
        self._free_ns = max(self._free_ns, self._now_ns()) + spent_ns * PART

    def wait_s(self) -> float:
        """Seconds to wait before the sender's next message is read."""
        ahead_ns = self._free_ns - self._now_ns()
        return max(0.0, (ahead_ns - BURST_MS * PART * 1_000_000) / 1e9)


class LoopShares:
    """The shares of one call's senders, by their numbers; 0 is its own client.

    Args:
        now_ns: Monotonic clock.
    """

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self._shares = {0: LoopShare(now_ns)}

    def of(self, sender: int = 0) -> LoopShare:
        """What a sender may take of the loop; of one that is gone, of no effect."""
        return self._shares.get(sender) or LoopShare(self._now_ns)

    def begin(self, sender: int) -> None:
        """One more sends."""
        self._shares[sender] = LoopShare(self._now_ns)

    def end(self, sender: int) -> None:
        """It is gone."""
        self._shares.pop(sender, None)
