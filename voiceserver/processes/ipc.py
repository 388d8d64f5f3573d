"""Messages between processes: framing, and both ends of the socket that carries them.

A message is one packet of a Unix ``SEQPACKET`` socket: a header, a small JSON object
and raw bytes (audio, text). Packets keep their borders and their order, and a peer
that is gone is an end-of-file: 14 microseconds for a round trip of a 20 ms frame, and
nothing of shared memory's tearing. A parent never waits: what its child does not read
waits in a bounded queue, and as credits and windows allow less than that to be under
way, a full queue means a child that hangs. A child blocks. Knows nothing of what is
asked or answered.
"""

from __future__ import annotations

import asyncio
import errno
import json
import select
import socket
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum, unique
from typing import TypeAlias

Meta: TypeAlias = "dict[str, object]"

# kind, slot, generation, length of the JSON that follows; the rest is the body.
_HEADER = struct.Struct("<BxHIH")
MAX_BODY = 60_000  # bytes; half a second of 24 kHz float32 is 48,000
MAX_META = 4_000  # bytes
MAX_MESSAGE = _HEADER.size + MAX_META + MAX_BODY
MAX_SLOT = 0xFFFF
MAX_GENERATION = 0xFFFF_FFFF
# Twice the system's default: a burst of a second of audio fits, so that a child
# which computes for a moment keeps nobody from writing.
_BUFFER = 425_984
_TOO_MANY_FILES = (errno.EMFILE, errno.ENFILE)
MAX_QUEUED = 4_000_000  # bytes of a parent's; two minutes of 16 kHz int16
_BURST = 32  # messages read before others of the loop have their turn
_AT_ONCE = getattr(socket, "MSG_DONTWAIT", 0)


@unique
class Kind(IntEnum):
    """What a message says. A job is one call of an engine, named by slot and number."""

    # From parent to child.
    SETTINGS = 1  # part of the settings; meta says whether it is the last part
    OPEN = 2  # a job begins; meta is its request
    PUSH = 3  # more input
    FINISH = 4  # that was all the input
    CANCEL = 5  # stop; answered by CANCELLED unless the job has ended
    CREDIT = 6  # so many more items may come
    NOTE = 12  # something about the input so far; meta says what
    # From child to parent.
    READY = 7  # warmed up; meta describes the engine
    ITEM = 8  # output of a job
    END = 9  # the job is done; the slot is free
    FAILED = 10  # the job, or with slot 0 of generation 0 the start, came to nothing
    CANCELLED = 11  # the job was stopped; the slot is free
    LOST = 14  # what did the job died, and may be asked again; the slot is free
    # Either way.
    NEWS = 13  # what others of the same server must know; meta is all of it


class Malformed(Exception):
    """A packet that is no message: a bug or a foreign process at the other end."""


class Closed(Exception):
    """The process at the other end is gone."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message.

    Attributes:
        kind: What it says.
        slot: Place of the job in the child, 0..65535.
        generation: Number of the job; differs from all earlier ones of its slot.
        meta: JSON object, at most ``MAX_META`` bytes when written.
        body: Raw bytes, at most ``MAX_BODY``.
    """

    kind: Kind
    slot: int = 0
    generation: int = 0
    meta: Meta = field(default_factory=dict)
    body: bytes = b""


def encode(message: Message) -> bytes:
    """Write a message as one packet.

    Raises:
        ValueError: If a part is beyond its bound; the caller cuts its input.
    """
    meta = _json(message.meta) if message.meta else b""
    if len(meta) > MAX_META or len(message.body) > MAX_BODY:
        raise ValueError(
            f"message too long: {len(meta)} bytes of meta, {len(message.body)} of body"
        )
    header = _HEADER.pack(message.kind, message.slot, message.generation, len(meta))
    return header + meta + message.body


def fitting(text: str, most_bytes: int) -> str:
    """Return a beginning of ``text`` that takes no more than so many bytes of meta."""
    while (n_bytes := len(_json(text))) > most_bytes:
        text = text[: len(text) * most_bytes // n_bytes]
    return text


def decode(packet: bytes) -> Message:
    """Read a packet.

    Raises:
        Malformed: If it is not a message.
    """
    try:
        kind, slot, generation, n_meta = _HEADER.unpack_from(packet)
        body_at = _HEADER.size + n_meta
        if len(packet) > MAX_MESSAGE or len(packet) < body_at:
            raise Malformed(f"length {len(packet)} with {n_meta} bytes of meta")
        meta = json.loads(packet[_HEADER.size : body_at]) if n_meta else {}
        if not isinstance(meta, dict):
            raise Malformed("meta is no object")
        return Message(Kind(kind), slot, generation, meta, packet[body_at:])
    except (struct.error, ValueError, RecursionError) as error:
        raise Malformed(str(error)) from error


def _json(value: object) -> bytes:
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "replace")


def pair() -> tuple[socket.socket, socket.socket]:
    """Return the two connected ends; both belong to the caller, neither is inherited.

    Raises:
        OSError: Where the system has no such sockets; Linux has.
    """
    try:
        ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    except (AttributeError, OSError) as error:
        if getattr(error, "errno", None) in _TOO_MANY_FILES:
            raise
        raise OSError("no Unix SEQPACKET sockets here: this needs Linux") from error
    for end in ends:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
    return ends


def receive_packet(sock: socket.socket, flags: int = 0) -> bytes:
    """Take one packet off the socket.

    Raises:
        Closed: If the peer is gone and everything it sent has been taken.
        Malformed: If the packet is longer than any message.
        BlockingIOError: If nothing is there and the call may not wait.
    """
    try:
        packet = _reset_once(sock, flags)
    except ConnectionError as error:
        raise Closed(str(error)) from error
    if not packet:
        raise Closed("end of file")
    if len(packet) > MAX_MESSAGE:
        raise Malformed("longer than any message")
    return packet


def _reset_once(sock: socket.socket, flags: int) -> bytes:
    size = MAX_MESSAGE + 1  # one more shows what was too long
    try:
        return sock.recv(size, flags)
    except ConnectionResetError:
        # Linux reports a peer that ended with unread input before its last packets.
        return sock.recv(size, flags)


class BlockingLine:
    """A child's end: waits in ``receive`` and ``send``. Owns the socket.

    Args:
        sock: A connected ``SEQPACKET`` socket.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._sock.setblocking(True)

    def receive(self, wait: bool = True) -> Message | None:
        """Return the next message; None if there is none and ``wait`` is false.

        Raises:
            Closed: If the parent is gone.
            Malformed: If the packet is no message.
        """
        try:
            return decode(receive_packet(self._sock, 0 if wait else _AT_ONCE))
        except BlockingIOError:
            return None

    def receive_within(self, limit_s: float) -> Message | None:
        """Return the next message; None if there is none in time.

        Raises:
            Closed: If the parent is gone.
            Malformed: If the packet is no message.
        """
        readable, _, _ = select.select([self._sock], [], [], max(0.0, limit_s))
        return self.receive(wait=False) if readable else None

    def send(self, message: Message) -> None:
        """Write a message; waits while the parent does not read.

        Raises:
            Closed: If the parent is gone.
        """
        try:
            self._sock.send(encode(message))
        except ConnectionError as error:
            raise Closed(str(error)) from error

    def detach(self) -> socket.socket:
        """Give the socket away, for another kind of end."""
        return self._sock

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()


def read_settings(line: BlockingLine) -> Meta:
    """Read a child's settings, the first thing that its parent sends.

    Raises:
        Closed: If the parent is gone.
        Malformed: If something else comes.
    """
    raw = b""
    while True:
        message = line.receive()
        if message is None or message.kind is not Kind.SETTINGS:
            raise Malformed("settings were expected")
        raw += message.body
        if message.meta.get("last"):
            settings = json.loads(raw)
            if not isinstance(settings, dict):
                raise Malformed("settings are no table")
            return settings


class Line:
    """One connection to a child. Owns the socket.

    Args:
        sock: A connected ``SEQPACKET`` socket.
        receive: Takes each message, at once and without raising.
        ended: Called once, with why, when the child is gone or talks nonsense; not
            after ``close``.

    Attributes:
        receive: As given; another may take its place, for the messages from then on.
    """

    def __init__(
        self,
        sock: socket.socket,
        receive: Callable[[Message], None],
        ended: Callable[[str], None],
    ) -> None:
        self._sock = sock
        self.receive = receive
        self._ended = ended
        self._queue: deque[bytes] = deque()
        self._queued = 0  # bytes
        self._open = True
        self._telling: asyncio.Handle | None = None
        self._loop = asyncio.get_running_loop()
        sock.setblocking(False)
        self._loop.add_reader(sock, self._readable)

    @property
    def queued(self) -> int:
        """Bytes waiting for the child to read."""
        return self._queued

    def send(self, message: Message) -> None:
        """Send in order; a line that has ended drops what it is given."""
        if not self._open:
            return
        packet = encode(message)
        if self._queue or not self._write(packet):
            self._wait_with(packet)

    def close(self) -> None:
        """Close the socket and tell nothing any more; may be called again."""
        if self._telling is not None:
            self._telling.cancel()
        self._release()

    def _release(self) -> None:
        if not self._open:
            return
        self._open = False
        self._loop.remove_reader(self._sock)
        self._loop.remove_writer(self._sock)
        self._queue.clear()
        self._queued = 0
        self._sock.close()

    def _wait_with(self, packet: bytes) -> None:
        if not self._queue:
            self._loop.add_writer(self._sock, self._writable)
        self._queue.append(packet)
        self._queued += len(packet)
        if self._queued > MAX_QUEUED:
            self._end("it stopped reading")

    def _write(self, packet: bytes) -> bool:
        """Write a packet; False if it has to wait."""
        try:
            self._sock.send(packet)
        except BlockingIOError:
            return False
        except OSError:
            # Gone; its last words may still be unread, and after them comes the end.
            pass
        return True

    def _writable(self) -> None:
        while self._queue:
            if not self._write(self._queue[0]):
                return
            self._queued -= len(self._queue.popleft())
        self._loop.remove_writer(self._sock)

    def _readable(self) -> None:
        for _ in range(_BURST):
            if not self._open:
                return
            try:
                message = decode(receive_packet(self._sock))
            except BlockingIOError:
                return
            except Closed:
                self._end("it ended")
                return
            except Malformed as error:
                self._end(f"it sent nonsense ({error})")
                return
            self.receive(message)

    def _end(self, why: str) -> None:
        self._release()
        # Later: who calls ``send`` does not find the world changed on return.
        self._telling = self._loop.call_soon(self._ended, why)
