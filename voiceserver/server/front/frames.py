"""Where the frames of a WebSocket begin and end (RFC 6455, 5.2), and nothing more.

A front that relays bytes has to know whether it may put in a frame of its own, when the
worker behind it dies: only between two frames, and only if the worker did not say
goodbye itself. Pure: fed with the bytes that go by; payloads are neither kept nor read,
which is why ``websockets``, whose frames are whole, writes frames here and reads none.
"""

from __future__ import annotations

from websockets.frames import Close, Frame, Opcode

from voiceserver.carriers.websocket.socket import MAX_REASON_BYTES

_LENGTH_BYTES = {126: 2, 127: 8}


class FrameBorders:
    """Follows the frames of one direction."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._left = 0  # bytes of the current frame's payload
        self._closed = False

    @property
    def between(self) -> bool:
        """Whether a whole number of frames has gone by."""
        return not self._head and not self._left

    @property
    def closed(self) -> bool:
        """Whether a close frame has gone by, or has begun to."""
        return self._closed

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes."""
        at = 0
        while at < len(chunk):
            if self._left:
                skipped = min(self._left, len(chunk) - at)
                self._left -= skipped
                at += skipped
                continue
            self._head.append(chunk[at])
            at += 1
            self._read_head()

    def _read_head(self) -> None:
        head = self._head
        if len(head) < 2:
            return
        short = head[1] & 0x7F
        n_length = _LENGTH_BYTES.get(short, 0)
        n_mask = 4 if head[1] & 0x80 else 0
        if len(head) < 2 + n_length + n_mask:
            return
        length = head[2 : 2 + n_length]
        self._left = int.from_bytes(length, "big") if n_length else short
        self._closed = self._closed or head[0] & 0x0F == Opcode.CLOSE
        head.clear()


def close_frame(code: int, reason: str) -> bytes:
    """A server's close frame; a reason that is too long is cut."""
    told = reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")
    return Frame(Opcode.CLOSE, Close(code, told).serialize()).serialize(mask=False)
