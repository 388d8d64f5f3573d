"""Counts errors that end in the event loop, and logs only so many of them.

Libraries raise in callbacks: aioice does for each malformed STUN packet, and anybody
can send those, so one line each would let a stranger fill the disk.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from voiceserver.metrics import Metrics

log = logging.getLogger(__name__)

QUIET_S = 10.0  # between two lines about the same kind of error
MOST_KINDS = 64  # remembered; class names are few


class FaultLog:
    """An exception handler for an event loop.

    Args:
        metrics: Where errors are counted.
        now_s: A monotonic clock.
    """

    def __init__(
        self, metrics: Metrics, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._metrics = metrics
        self._now_s = now_s
        self._last_s: dict[str, float] = {}
        self._skipped: dict[str, int] = {}

    def __call__(
        self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]
    ) -> None:
        """Take an error of the loop."""
        error = context.get("exception")
        kind = type(error).__name__ if error is not None else "message"
        self._metrics.faults.labels("loop", kind).inc()
        now_s = self._now_s()
        if now_s - self._last_s.get(kind, -QUIET_S) < QUIET_S:
            self._skipped[kind] = self._skipped.get(kind, 0) + 1
            return
        if len(self._last_s) >= MOST_KINDS:
            self._last_s.clear()
        self._last_s[kind] = now_s
        log.error(
            "an error reached the event loop",
            extra={
                "kind": kind,
                "what": context.get("message", ""),
                "skipped": self._skipped.pop(kind, 0),
            },
            exc_info=error,
        )
