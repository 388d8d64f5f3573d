"""Digits as telephones send them beside the audio: RFC 4733's events, both ways.

Pure. A digit is told once, at the first packet that says it is over, or when another
one begins or its packets stop, as the last ones may all be lost.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from voiceserver.media.rtp import RtpPacket

DIGITS = "0123456789*#ABCD"  # by event number (RFC 4733, section 3.2)
_PAYLOAD = struct.Struct("!BBH")
_END = 0x80
VOLUME = 10  # -dBm0
N_ENDS = 3  # copies of the last packet (section 2.5.1.4)
UPDATE_MS = 50
LONGEST_MS = 5_000
LONG_MS = 100  # a digit of ours, and at least GAP_MS after it: no receiver wants more
GAP_MS = 80


@dataclass(frozen=True, slots=True)
class _Event:
    timestamp: int
    digit: str


class EventReader:
    """Reads the digits of one stream."""

    def __init__(self) -> None:
        self._open: _Event | None = None
        self._told: int | None = None  # timestamp of the last one that is over

    def read(self, packet: RtpPacket) -> str:
        """Take a packet of events; return the digits that are over now, often none."""
        if len(packet.payload) < _PAYLOAD.size:
            return ""
        event, flags, _ = _PAYLOAD.unpack_from(packet.payload)
        if event >= len(DIGITS) or packet.timestamp == self._told:
            return ""
        told = ""
        if self._open is not None and self._open.timestamp != packet.timestamp:
            if (packet.timestamp - self._open.timestamp) & 0x80000000:
                return ""  # a late packet of an earlier one
            told = self.lapsed()
        self._open = _Event(packet.timestamp, DIGITS[event])
        return told + (self.lapsed() if flags & _END else "")

    @property
    def pressed(self) -> bool:
        """Whether a digit has begun and is not over."""
        return self._open is not None

    def lapsed(self) -> str:
        """No packet came for long, or audio goes on: what was pressed is over."""
        if self._open is None:
            return ""
        over, self._open = self._open, None
        self._told = over.timestamp
        return over.digit


@dataclass(frozen=True, slots=True)
class EventTick:
    """What is sent in one time of a frame, in place of audio.

    Attributes:
        payloads: With whether each has the marker; often none.
        begins: A digit begins; the packets' timestamp is that of this frame.
    """

    payloads: tuple[tuple[bytes, bool], ...]
    begins: bool


class EventWriter:
    """Writes digits one after the other, by the time of frames.

    Args:
        digits: To be sent.
        clock_rate: Ticks a second of the events' format.
        tick_ms: Length of a frame.
    """

    def __init__(self, digits: str, clock_rate: int, tick_ms: int) -> None:
        self._left = deque(
            tick
            for digit in digits
            for tick in _ticks(
                list(event_payloads(digit, LONG_MS, clock_rate)), tick_ms
            )
        )

    def __len__(self) -> int:
        return len(self._left)

    def next(self) -> EventTick | None:
        """What the next frame's time is for; None once all were sent."""
        return self._left.popleft() if self._left else None


def _ticks(packets: list[tuple[int, bytes, bool]], tick_ms: int) -> Iterator[EventTick]:
    for at_ms in range(0, packets[-1][0] + GAP_MS, tick_ms):
        due = tuple(
            (payload, marker)
            for when_ms, payload, marker in packets
            if at_ms <= when_ms < at_ms + tick_ms
        )
        yield EventTick(due, at_ms == 0)


def event_payloads(
    digit: str, duration_ms: int, clock_rate: int
) -> Iterator[tuple[int, bytes, bool]]:
    """What is sent for a digit: when, what, and whether it is the first packet.

    Yields:
        Milliseconds since it began, payload, marker.

    Raises:
        ValueError: If it is no digit.
    """
    event = DIGITS.index(digit.upper())
    duration_ms = min(LONGEST_MS, max(UPDATE_MS, duration_ms))
    for at_ms in range(UPDATE_MS, duration_ms, UPDATE_MS):
        ticks = at_ms * clock_rate // 1000
        yield at_ms, _PAYLOAD.pack(event, VOLUME, ticks & 0xFFFF), at_ms == UPDATE_MS
    ticks = duration_ms * clock_rate // 1000
    last = _PAYLOAD.pack(event, VOLUME | _END, ticks & 0xFFFF)
    for copy in range(N_ENDS):
        yield duration_ms + 10 * copy, last, copy == 0 and duration_ms <= UPDATE_MS
