"""Measures how late the event loop wakes: what a call's audio would feel.

And how long what may wait for a turn of the loop has waited: what is left undone there
makes no timer late, and is as much a sign of too much work. What callers hear is how
late the frames of calls were, which are told as they were counted.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from itertools import accumulate

from prometheus_client import Histogram
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

from voiceserver.loop_turns import LISTENING, READING
from voiceserver.media.pacing import LATE_MS, LATENESS, Lateness

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


class FrameLateness(Collector):
    """Shows how late the frames of calls left, those of all servers of this process.

    Args:
        lateness: Where they are counted.
    """

    def __init__(self, lateness: Lateness = LATENESS) -> None:
        self._lateness = lateness

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """One histogram, in seconds."""
        ends = [*(f"{end / 1000:g}" for end in LATE_MS), "+Inf"]
        sums = accumulate(self._lateness.counts)
        family = HistogramMetricFamily(
            "voiceserver_frame_lateness_seconds",
            "How late the frames of calls were sent, those left out not among them",
        )
        pairs = list(zip(ends, sums, strict=True))
        family.add_metric([], pairs, self._lateness.total_ms / 1000)
        yield family
