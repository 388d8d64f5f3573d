"""Measures how late the event loop wakes: what a call's audio would feel."""

from __future__ import annotations

import asyncio
import time

from prometheus_client import Histogram

TICK_S = 0.02  # as often as a call's frame


async def watch_lag(histogram: Histogram) -> None:
    """Observe the lateness of a 20 ms timer, in seconds, until cancelled."""
    while True:
        due_s = time.perf_counter() + TICK_S
        await asyncio.sleep(TICK_S)
        histogram.observe(max(0.0, time.perf_counter() - due_s))
