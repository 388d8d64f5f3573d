"""The clock of the running parts: monotonic nanoseconds, injected everywhere."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """A monotonic clock; tests give the virtual loop's."""

    def now_ns(self) -> int:
        """Nanoseconds since an arbitrary start."""

    def computed_ns(self) -> int:
        """Nanoseconds that this thread has computed, without what others did."""


class MonotonicClock:
    """The machine's clock. ``loop.time()`` is none: uvloop's steps by 1 ms."""

    def now_ns(self) -> int:
        """Nanoseconds of ``perf_counter``."""
        return time.perf_counter_ns()

    def computed_ns(self) -> int:
        """CPU time of the thread."""
        return time.thread_time_ns()
