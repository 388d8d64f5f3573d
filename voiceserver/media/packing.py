"""Packets of another length than frames: 10 to 60 ms, where the other side wants that.

For codecs of one byte and one tick a sample of 8 kHz, G.711 and G.722, whose payloads
may be cut and joined anywhere (RFC 3551, section 4.5). Pure. Knows no packet's number
and no time but timestamps.
"""

from __future__ import annotations

from dataclasses import dataclass

BYTES_PER_MS = 8  # and ticks
LEAST_MS, MOST_MS = 10, 60
_WRAP = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Packed:
    """What one packet carries.

    Attributes:
        timestamp: Of its first sample.
        payload: Never empty.
        marker: A talk-spurt begins in it.
    """

    timestamp: int
    payload: bytes
    marker: bool


class Packing:
    """Cuts one stream of payloads anew.

    Args:
        ptime_ms: Of its packets, ``LEAST_MS`` to ``MOST_MS``.
    """

    def __init__(self, ptime_ms: int) -> None:
        self._size = ptime_ms * BYTES_PER_MS
        self._held = b""
        self._timestamp = 0  # of the first byte that is held
        self._marker = False

    def add(self, frame: Packed) -> list[Packed]:
        """Take the payload of a frame; return what is whole with it.

        Where time was left out before it, what is held leaves as it is: one packet has
        no gap in it.
        """
        packed: list[Packed] = []
        if frame.timestamp != (self._timestamp + len(self._held)) & _WRAP:
            packed = self.rest()
            self._timestamp = frame.timestamp
        self._held += frame.payload
        self._marker |= frame.marker
        while len(self._held) >= self._size:
            packed.append(self._cut(self._size))
        return packed

    def rest(self) -> list[Packed]:
        """Return what is held, shorter than the others; none if nothing is."""
        return [self._cut(len(self._held))] if self._held else []

    def _cut(self, size: int) -> Packed:
        cut = Packed(self._timestamp, self._held[:size], self._marker)
        self._held = self._held[size:]
        self._timestamp = (self._timestamp + size) & _WRAP
        self._marker = False
        return cut
