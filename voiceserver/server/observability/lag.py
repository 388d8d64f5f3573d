"""Measures how late the event loop wakes: what a call's audio would feel.

And how long what may wait for a turn of the loop has waited: what is left undone there
makes no timer late, and is as much a sign of too much work.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from prometheus_client import Histogram

from voiceserver.loop_turns import LISTENING, READING

TICK_S = 0.02  # as often as a call's frame


async def watch_lag(
    histogram: Histogram, late: Callable[[float], None] = lambda _ms: None
) -> None:
    """Observe the lateness of a 20 ms timer, in seconds, until cancelled.

    Args:
        histogram: Takes seconds.
        late: Takes milliseconds, the longest wait of work that was put off included.
    """
    while True:
        due_s = time.perf_counter() + TICK_S
        await asyncio.sleep(TICK_S)
        lag_s = max(0.0, time.perf_counter() - due_s)
        histogram.observe(lag_s)
        late(max(lag_s, READING.longest_s(), LISTENING.longest_s()) * 1000)
