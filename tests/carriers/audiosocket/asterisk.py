"""Asterisk's end of an AudioSocket, in memory."""

from __future__ import annotations

import asyncio
import struct
from typing import Any

import numpy as np

from voiceserver.carriers.audiosocket.frames import Frame


class FakeTransport:
    """Says how much Asterisk has not taken.

    Attributes:
        waiting: Bytes.
        closing: Asterisk has reset the connection.
    """

    def __init__(self) -> None:
        self.waiting = 0
        self.closing = False

    def is_closing(self) -> bool:
        return self.closing

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def abort(self) -> None:
        pass


class FakeWriter:
    """Reads frames off what is written, each of which must be whole.

    Attributes:
        frames: With their times in seconds.
        closed: Whether it was.
    """

    def __init__(self) -> None:
        self.frames: list[tuple[float, Frame]] = []
        self.transport = FakeTransport()
        self.closed = False

    def write(self, octets: bytes) -> None:
        kind, length = struct.unpack(">BH", octets[:3])
        assert len(octets) == 3 + length, "a frame is one write"
        if self.transport.closing:
            raise RuntimeError("the handler is closed")  # as uvloop says
        now_s = asyncio.get_running_loop().time()
        self.frames.append((now_s, Frame(kind, octets[3:])))

    def close(self) -> None:
        self.closed = True

    async def wait_closed(self) -> None:
        pass


class Asterisk:
    """One call of it.

    Attributes:
        reader: What the server reads.
        writer: What the server writes to.
        rate: Hz.
    """

    def __init__(self, rate: int = 8_000, kind: int = 0x10) -> None:
        self.reader = asyncio.StreamReader()
        self.writer: Any = FakeWriter()
        self.rate, self._kind = rate, kind

    def put(self, kind: int, payload: bytes = b"") -> None:
        self.reader.feed_data(Frame(kind, payload).written())

    async def tone(self, duration_s: float, level: float) -> None:
        """20 ms a frame, in real time."""
        pcm = np.full(self.rate // 50, level * 32767, "<i2").tobytes()
        for _ in range(round(duration_s * 50)):
            self.put(self._kind, pcm)
            await asyncio.sleep(0.02)

    @property
    def audio(self) -> list[tuple[float, Frame]]:
        return [each for each in self.writer.frames if each[1].kind >= 0x10]

    @property
    def sounding(self) -> list[tuple[float, Frame]]:
        """Those frames that are not silence."""
        return [
            (at_s, frame)
            for at_s, frame in self.audio
            if np.abs(np.frombuffer(frame.payload, "<i2")).max() > 1000
        ]
