"""RTP packets: the fixed header, taken apart and put together.

Pure, RFC 3550 section 5.1. Extensions are skipped, not read. Knows no codec.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

_HEADER = struct.Struct("!BBHLL")
_VERSION = 2 << 6
_PADDING, _EXTENSION, _CSRC_COUNT, _MARKER = 0x20, 0x10, 0x0F, 0x80


class RtpPacket(NamedTuple):
    """One packet.

    Attributes:
        payload_type: 0..127.
        sequence: 0..65535.
        timestamp: 0..2**32-1.
        ssrc: Who sent it.
        payload: May be empty.
        marker: For audio, the first packet of a talk-spurt (RFC 3551, section 4.1).
    """

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False


def parse(packet: bytes) -> RtpPacket | None:
    """Take a packet apart; None if it is none."""
    if len(packet) < _HEADER.size:
        return None
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(packet)
    if first & 0xC0 != _VERSION:
        return None
    start = _HEADER.size + 4 * (first & _CSRC_COUNT)
    if first & _EXTENSION:
        if len(packet) < start + 4:
            return None
        start += 4 + 4 * int.from_bytes(packet[start + 2 : start + 4], "big")
    end = len(packet)
    if first & _PADDING:
        if packet[-1] == 0:
            return None
        end -= packet[-1]
    if start > end:
        return None
    return RtpPacket(
        second & 0x7F,
        sequence,
        timestamp,
        ssrc,
        packet[start:end],
        bool(second & _MARKER),
    )


def serialize(packet: RtpPacket) -> bytes:
    """Put a packet together."""
    second = packet.payload_type | (_MARKER if packet.marker else 0)
    header = _HEADER.pack(
        _VERSION, second, packet.sequence, packet.timestamp, packet.ssrc
    )
    return header + packet.payload
