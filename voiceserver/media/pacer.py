"""The pace of speech: something to be done every 20 ms.

One timer by absolute deadlines, no task or queue. A loop that was away never makes up
for it by a burst of more than two: the time is left out, and told. Knows nothing of
what is done, nor of who listens.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from voiceserver.audio import PTIME_MS
from voiceserver.clock import Clock

PTIME_NS = PTIME_MS * 1_000_000
# Frames that may follow at once after a short delay: less than any client's jitter
# buffer holds, so nothing is heard, where leaving them out would be.
CATCH_UP = 2
# Deadlines of all calls are multiples of it: a few calls at a time, one wake-up of the
# loop for all of them, the codec's code still in the processor's cache.
GRID_NS = 5_000_000


class Pacer:
    """Keeps the pace of one call.

    Args:
        due: Called for each frame whose time has come.
        left_out: Called before it with the number of frame times that are left out,
            as the loop was late.
        clock: Monotonic clock.
    """

    def __init__(
        self, due: Callable[[], None], left_out: Callable[[int], None], clock: Clock
    ) -> None:
        self._due = due
        self._left_out = left_out
        self._clock = clock
        self._timer: asyncio.TimerHandle | None = None
        self._running = False
        self._due_ns = 0  # of the next frame

    def start(self) -> None:
        """Begin with the next deadline."""
        now_ns = self._clock.now_ns()
        self._running = True
        self._due_ns = now_ns + -now_ns % GRID_NS
        self._wake(now_ns)

    def stop(self) -> None:
        """Nothing is due any more; may be called again."""
        self._running = False
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self) -> None:
        """Do what is due, up to the limit."""
        if not self._running:
            return
        now_ns = self._clock.now_ns()
        late = max(0, now_ns - self._due_ns) // PTIME_NS  # frames besides the first
        n_frames = 1
        if late <= CATCH_UP:
            n_frames += late
        else:
            self._left_out(late)
            self._due_ns += late * PTIME_NS
        self._due_ns += n_frames * PTIME_NS
        # Before the work: whatever that raises, the next frame has its time.
        self._wake(now_ns)
        for _ in range(n_frames):
            self._due()

    def _wake(self, now_ns: int) -> None:
        after_s = max(0.0, (self._due_ns - now_ns) / 1e9)
        self._timer = asyncio.get_running_loop().call_later(after_s, self._tick)
