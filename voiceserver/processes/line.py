"""The parent's end of a child's socket: never waits, tells of messages and of the end.

Outgoing messages wait in a bounded queue while the child does not read. The bound is
beyond what credits and windows allow to be under way, so a full queue means a child
that hangs: the line ends, and whoever owns the process kills it.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable

from voiceserver.processes import ipc
from voiceserver.processes.ipc import Message

MAX_QUEUED = 4_000_000  # bytes; two minutes of 16 kHz int16
_BURST = 32  # messages read before others of the loop have their turn


class Line:
    """One connection to a child. Owns the socket.

    Args:
        sock: A connected ``SEQPACKET`` socket.
        receive: Takes each message, at once and without raising.
        ended: Called once, with why, when the child is gone or talks nonsense; not
            after ``close``.
    """

    def __init__(
        self,
        sock: socket.socket,
        receive: Callable[[Message], None],
        ended: Callable[[str], None],
    ) -> None:
        self._sock = sock
        self._receive = receive
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
        packet = ipc.encode(message)
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
                message = ipc.decode(ipc.receive_packet(self._sock))
            except BlockingIOError:
                return
            except ipc.Closed:
                self._end("it ended")
                return
            except ipc.Malformed as error:
                self._end(f"it sent nonsense ({error})")
                return
            self._receive(message)

    def _end(self, why: str) -> None:
        self._release()
        # Later: who calls ``send`` does not find the world changed on return.
        self._telling = self._loop.call_soon(self._ended, why)
