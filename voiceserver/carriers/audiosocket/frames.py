"""AudioSocket's frames: a kind, a length, a payload.

Asterisk's ``include/asterisk/res_audiosocket.h`` and
docs.asterisk.org/Configuration/Channel-Drivers/AudioSocket. Knows nothing of sockets.
"""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass
from uuid import UUID

from voiceserver.errors import BadRequest

HANG_UP, IDENTITY, DTMF, ERROR = 0x00, 0x01, 0x03, 0xFF
RATES = {  # Hz of 16-bit little-endian PCM, by kind
    0x10: 8_000,
    0x11: 12_000,
    0x12: 16_000,
    0x13: 24_000,
    0x14: 32_000,
    0x15: 44_100,
    0x16: 48_000,
}
KINDS = {rate: kind for kind, rate in RATES.items()}
_HEAD = struct.Struct(">BH")


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame.

    Attributes:
        kind: What it is.
        payload: At most 65,535 bytes.
    """

    kind: int
    payload: bytes = b""

    def written(self) -> bytes:
        """The whole frame: in one write, as Asterisk loses its place otherwise."""
        return _HEAD.pack(self.kind, len(self.payload)) + self.payload


async def read_frame(reader: asyncio.StreamReader) -> Frame:
    """Read the next frame.

    Raises:
        EOFError: If the connection ends; ``IncompleteReadError`` is one.
        ConnectionError: If it breaks.
    """
    kind, length = _HEAD.unpack(await reader.readexactly(_HEAD.size))
    return Frame(kind, await reader.readexactly(length) if length else b"")


def identity(frame: Frame) -> UUID:
    """The call's name, which comes first.

    Raises:
        BadRequest: If it is another frame.
    """
    if frame.kind != IDENTITY or len(frame.payload) != 16:
        raise BadRequest("the first frame must be the call's UUID", "out_of_order")
    return UUID(bytes=frame.payload)
