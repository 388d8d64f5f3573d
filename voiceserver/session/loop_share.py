"""How much of the event loop one sender's messages may take.

All calls share one thread: what a message takes to be read is taken from them. Each
sender pays for it by waiting before its next message is read, so that its part is
bounded whatever its messages are made of. Knows nothing of messages.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from voiceserver.clock import Clock

PART = 10  # a sender has one in so many milliseconds of the loop
BURST_MS = 50  # of the loop that may be taken at once: a session with all its tools


class LoopShare:
    """What one sender has taken, and how long it waits for that.

    Args:
        clock: Its computing time is what counts: a busy machine is no sender's fault.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._free_ns = 0  # when a burst of the full size is possible again

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        """What is computed inside is the sender's; nothing is awaited there."""
        began_ns = self._clock.computed_ns()
        try:
            yield
        finally:
            self.pay(self._clock.computed_ns() - began_ns)

    def pay(self, spent_ns: int) -> None:
        """Count computing time that was known otherwise."""
        self._free_ns = max(self._free_ns, self._clock.now_ns()) + spent_ns * PART

    def wait_s(self) -> float:
        """Seconds to wait before the sender's next message is read."""
        ahead_ns = self._free_ns - self._clock.now_ns()
        return max(0.0, (ahead_ns - BURST_MS * PART * 1_000_000) / 1e9)


class LoopShares:
    """The shares of one call's senders, by their numbers; 0 is its own client.

    Args:
        clock: Its computing time is what counts: a busy machine is no sender's fault.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._shares = {0: LoopShare(clock)}

    def of(self, sender: int = 0) -> LoopShare:
        """What a sender may take of the loop; of one that is gone, of no effect."""
        return self._shares.get(sender) or LoopShare(self._clock)

    def begin(self, sender: int) -> None:
        """One more sends."""
        self._shares[sender] = LoopShare(self._clock)

    def end(self, sender: int) -> None:
        """It is gone."""
        self._shares.pop(sender, None)
