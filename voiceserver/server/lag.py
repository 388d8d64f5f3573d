"""Measures how late the event loop wakes: what a call's audio would feel."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from prometheus_client import Histogram

TICK_S = 0.02  # as often as a call's frame


async def watch_lag(
    histogram: Histogram, late: Callable[[float], None] = lambda _ms: None
) -> None:
    """Observe the lateness of a 20 ms timer, in seconds, until cancelled.

    Args:
        histogram: Takes seconds.
        late: Takes milliseconds.
    """
    while True:
        due_s = time.perf_counter() + TICK_S
        await asyncio.sleep(TICK_S)
        lag_s = max(0.0, time.perf_counter() - due_s)
        histogram.observe(lag_s)
        late(lag_s * 1000)
