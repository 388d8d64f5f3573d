"""A UDP socket that is read a bounded number of packets at a time, and never raises.

By the loop's readers, so that any loop will do. Knows nothing of what is in a packet.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import time
from collections.abc import Callable, Iterator
from typing import Protocol

from voiceserver.errors import ConfigError, Overloaded
from voiceserver.loop_turns import READING

Address = tuple[str, int]
Receive = Callable[[bytes, Address], None]

LARGEST = 65_535
AT_ONCE = 32  # packets; then it is others' turn on the loop
BUFFER_BYTES = 1 << 20


class Datagrams(Protocol):
    """A socket, as its user sees it."""

    @property
    def address(self) -> Address:
        """Where it is bound."""

    def start(self, receive: Receive) -> None:
        """Give packets to ``receive``, which must not raise."""

    def send(self, packet: bytes, to: Address) -> None:
        """Send, or drop what cannot be sent."""

    def close(self) -> None:
        """Give the address back; may be called again."""


Pair = tuple[Datagrams, Datagrams]  # for RTP and RTCP


class UdpSocket:
    """One socket.

    Args:
        bound: The system's, bound; taken over.
    """

    def __init__(self, bound: socket.socket) -> None:
        bound.setblocking(False)
        self._socket = bound
        self._receive: Receive | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waits_ns = 0  # since when there is something that was not read
        self.n_unsent = 0

    @property
    def address(self) -> Address:
        """Where it is bound."""
        host, port = self._socket.getsockname()[:2]
        return host, port

    def start(self, receive: Receive) -> None:
        """Give packets to ``receive``, which must not raise."""
        self._receive = receive
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket.fileno(), self._readable)

    def pause(self) -> None:
        """Read no more; may be called again."""
        if self._loop is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._loop = None

    def send(self, packet: bytes, to: Address) -> None:
        """Send, or drop what cannot be sent."""
        try:
            self._socket.sendto(packet, to)
        except (OSError, OverflowError):
            self.n_unsent += 1

    def close(self) -> None:
        """Give the address back; may be called again."""
        if self._socket.fileno() >= 0:
            self.pause()
            self._socket.close()

    def _readable(self) -> None:
        assert self._receive is not None
        for _ in range(AT_ONCE):
            if not READING.has_room():
                self._waits_ns = self._waits_ns or time.perf_counter_ns()
                return  # it is told again that there is something to read
            if self._waits_ns:
                READING.waited(self._waits_ns)
                self._waits_ns = 0
            try:
                packet, (host, port, *_) = self._socket.recvfrom(LARGEST)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                continue  # what was sent before was refused, says the network
            self._receive(packet, (host, port))
            if self._loop is None:
                return  # paused by what it read


def family_of(host: str) -> socket.AddressFamily:
    """Of an IP address."""
    version = ipaddress.ip_address(host).version
    return socket.AF_INET6 if version == 6 else socket.AF_INET


def bound_udp(host: str, port: int) -> socket.socket:
    """Bind a UDP socket.

    Raises:
        OSError: If the address is in use, or not this machine's.
    """
    made = socket.socket(family_of(host), socket.SOCK_DGRAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        made.bind((host, port))
    except OSError:
        made.close()
        raise
    return made


def listening_udp(host: str, port: int) -> socket.socket:
    """Bind the socket that calls come to.

    Raises:
        ConfigError: If the address is in use; says which.
    """
    try:
        return bound_udp(host, port)
    except OSError as error:
        raise ConfigError(
            f"cannot listen at UDP {host}:{port}: {error.strerror}; "
            "choose another [sip] host or port"
        ) from None


class PortRange:
    """Pairs of ports for the audio of calls: even for RTP, the next for RTCP.

    Args:
        host: To bind.
        lowest: Port.
        highest: Port.
    """

    def __init__(self, host: str, lowest: int, highest: int) -> None:
        self._host = host
        self._even = range(lowest + lowest % 2, highest, 2)
        self._next = 0

    def pair(self) -> Pair:
        """Bind the next free pair, the one free for longest first.

        Raises:
            Overloaded: If none is free.
        """
        for port in self._from_next():
            try:
                first = bound_udp(self._host, port)
            except OSError:
                continue
            try:
                second = bound_udp(self._host, port + 1)
            except OSError:
                first.close()
                continue
            return UdpSocket(first), UdpSocket(second)
        raise Overloaded("no port for the audio of one more call is free")

    def _from_next(self) -> Iterator[int]:
        for _ in self._even:
            yield self._even[self._next % len(self._even)]
            self._next += 1


def address_towards(host: str, port: int) -> str:
    """This machine's address as the network shows it to a peer; sends nothing."""
    with socket.socket(family_of(host), socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host, port or 9))
        except OSError:
            return "127.0.0.1"
        found: str = probe.getsockname()[0]
        return found
