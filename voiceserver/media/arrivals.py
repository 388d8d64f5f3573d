"""When packets arrive: the quickest way through the network, and how far off it.

Pure: time is passed in, in milliseconds of any monotonic clock. The sender's clock and
ours differ in origin and a little in speed, so only differences mean anything: the
least ``arrival - timestamp`` of the last seconds is the quickest way, and every other
packet is late by what it exceeds it. The window makes it follow a drifting clock and a
changed route by itself.
"""

from __future__ import annotations

import math

BASE_WINDOW_MS = 5_000.0  # the quickest way is looked for in the last 5 to 10 s
SPREAD_WINDOW_MS = 2_000.0  # lateness counts for 2 to 4 s: waiting shrinks back soon
DRIFT_AFTER_MS = 20_000.0  # earlier, jitter is larger than any drift
JITTER_GAIN = 1 / 16  # RFC 3550, section 6.4.1


class SlidingMax:
    """The largest value of the last one to two windows, in constant space.

    Args:
        window_ms: Length of a window.
    """

    def __init__(self, window_ms: float) -> None:
        self._window_ms = window_ms
        self._began_ms = -math.inf
        self._now = self._before = -math.inf

    def add(self, value: float, now_ms: float) -> bool:
        """Take a value; return whether a new window began."""
        turned = now_ms - self._began_ms >= self._window_ms
        if turned:
            idle = now_ms - self._began_ms >= 2 * self._window_ms
            self._before = -math.inf if idle else self._now
            self._began_ms, self._now = now_ms, -math.inf
        self._now = max(self._now, value)
        return turned

    @property
    def value(self) -> float:
        """The largest value; minus infinity before the first."""
        return max(self._now, self._before)


class Arrivals:
    """What the arrival of packets tells of the network; one object per stream.

    Attributes:
        jitter_ms: Interarrival jitter as RFC 3550 defines it.
        drift_ppm: By how much the sender's clock is slower than ours; 0 until it is
            known.
    """

    def __init__(self) -> None:
        self._quickest = SlidingMax(BASE_WINDOW_MS)  # of the negated transit
        self._spread = SlidingMax(SPREAD_WINDOW_MS)
        self._last_transit_ms: float | None = None
        self._first: tuple[float, float] | None = None  # time, quickest transit
        self.jitter_ms = 0.0
        self.drift_ppm = 0.0

    def add(self, sent_ms: float, now_ms: float) -> float:
        """Take a packet; return by how many ms it is later than the quickest.

        Args:
            sent_ms: Its timestamp, in milliseconds of the sender's clock.
            now_ms: When it arrived.
        """
        transit_ms = now_ms - sent_ms
        if self._last_transit_ms is not None:
            change = abs(transit_ms - self._last_transit_ms)
            self.jitter_ms += (change - self.jitter_ms) * JITTER_GAIN
        self._last_transit_ms = transit_ms
        if self._quickest.add(-transit_ms, now_ms):
            self._measure_drift(now_ms)
        late_ms = transit_ms - self.transit_ms
        self._spread.add(late_ms, now_ms)
        return late_ms

    @property
    def transit_ms(self) -> float:
        """The quickest way: ``arrival - timestamp``, meaningful in differences only."""
        return -self._quickest.value

    @property
    def spread_ms(self) -> float:
        """How late packets of the last seconds were at worst."""
        return max(0.0, self._spread.value)

    def _measure_drift(self, now_ms: float) -> None:
        if self._first is None:
            self._first = (now_ms, self.transit_ms)
            return
        elapsed_ms = now_ms - self._first[0]
        if elapsed_ms >= DRIFT_AFTER_MS:
            self.drift_ppm = (self.transit_ms - self._first[1]) / elapsed_ms * 1e6
