"""Measures how late the event loop wakes: what a call's audio would feel.

And how long what may wait for a turn of the loop has waited: what is left undone there
makes no timer late, and is as much a sign of too much work. And how much of the time
the loop's thread computed. What callers hear is how late the frames of calls were,
which are told as they were counted.
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


def _unnoticed(_lag_ms: float, _computed_s: float, _passed_s: float) -> None:
    """Nobody minds."""


async def watch_lag(
    histogram: Histogram, late: Callable[[float, float, float], None] = _unnoticed
) -> None:
    """Observe the lateness of a 20 ms timer, in seconds, until cancelled.

    Args:
        histogram: Takes seconds.
        late: Takes milliseconds, the longest wait of work that was put off included;
            and seconds that this thread has computed, and that passed meanwhile.
    """
    while True:
        began_s, computed_s = time.perf_counter(), time.thread_time()
        await asyncio.sleep(TICK_S)
        passed_s = time.perf_counter() - began_s
        lag_s = max(0.0, passed_s - TICK_S)
        histogram.observe(lag_s)
        put_off_s = max(READING.longest_s(), LISTENING.longest_s())
        computed_s = time.thread_time() - computed_s
        late(max(lag_s, put_off_s) * 1000, computed_s, passed_s)


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
