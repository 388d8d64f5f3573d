"""The one place that touches the inside of aiortc and aioice.

Everything else uses their public interface. Its test fails when an upgrade changes what
is touched here. Versions: aiortc 1.16, aioice 0.13.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Mapping, Set
from functools import partial
from typing import Any, Protocol

import aioice
import aioice.ice
import pylibsrtp
from aioice.candidate import candidate_foundation, candidate_priority
from aiortc import (
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCRtpSender,
    RTCRtpTransceiver,
    clock,
    rtcrtpreceiver,
    rtcrtpsender,
    rtcsctptransport,
)
from aiortc.rtp import is_rtcp

from voiceserver.audio import MIC_RATE
from voiceserver.loop_turns import READING
from voiceserver.media import rtp as rtp_packets
from voiceserver.media.rtp import RtpPacket

log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
# Datagrams that nobody has read yet. aioice keeps any number, from anybody, from the
# answer on; the reader of a live call leaves none. 1,024 are 1.5 MB, and more than a
# client's largest event in one burst.
MAX_UNREAD_DATAGRAMS = 1_024
# Bytes; no client sends more: an Ethernet frame holds as much, heads included. Beyond
# its buffer libsrtp's Python binding raises what ends aiortc's reader.
MAX_DATAGRAM = 1_500
# bit/s that a client may send: browsers take 20,000 for 16 kHz, and at that save the
# error correction out of the voice's upper half.
MOST_BIT_RATE = 32_000
# Of messages of a data channel that are not whole: bytes, fragments, channels. aiortc
# bounds none of them, and looks through all fragments for each that comes. A browser
# sends 1,200 bytes in each; what waits behind a lost one must fit.
MAX_UNFINISHED_BYTES = 524_288
MAX_FRAGMENTS = 1_024
MAX_CHANNELS = 64
_LAST_FRAGMENT = 1  # flag of a message's (RFC 9260, 3.3.1)
REPORTED_EVERY = 10  # packets; reports leave every 0.5 to 1.5 s
_RECEIVER, _SENDER = "_RTCRtpReceiver__", "_RTCRtpSender__"

_original_addresses = aioice.ice.get_host_addresses
_original_received = aioice.ice.StunProtocol.datagram_received
_original_gather = aioice.ice.Connection.get_component_candidates
_original_worker = rtcrtpreceiver.decoder_worker


class _SteadyTime:
    """Stands for the module ``time`` where aiortc measures spans by the wall clock.

    A step of that clock would make its round trips, and with them the data channel's
    retransmissions, as long or short as the step.
    """

    time = staticmethod(time.monotonic)


def include_loopback() -> None:
    """Offer 127.0.0.1 as a host candidate: aioice leaves it out.

    Without it a machine with no network has no candidate at all.
    """
    aioice.ice.get_host_addresses = _addresses


def install(
    malformed: Callable[[], None] = lambda: None, ports: range | None = None
) -> None:
    """Patch what cannot be had otherwise; may be called again.

    Args:
        malformed: Called for each datagram that is dropped: it made the STUN parser
            raise, is empty or too long, or came while too many were unread.
        ports: UDP ports that connections made from now on may take; None is any.
    """
    include_loopback()

    async def gather(
        self: Any,
        component: int,
        addresses: list[str],
        timeout: int = 5,  # noqa: ASYNC109 - aioice's
    ) -> Any:
        if ports is None:
            return await _original_gather(self, component, addresses, timeout)
        return await _gathered(self, component, addresses, timeout, ports)

    def datagram_received(self: Any, data: Any, address: Any) -> None:
        audio = getattr(self.receiver, "_audio", None)
        # RFC 7983: 128 to 191 is RTP or RTCP.
        if audio is not None and data and 127 < data[0] < 192 and not is_rtcp(data):
            audio(data)
            return
        # aiortc reads the first byte of every datagram: an empty one, which anybody
        # can send, would end the call, and so would one that is too long.
        unread = self.receiver._queue.qsize()
        if not 0 < len(data) <= MAX_DATAGRAM or unread >= MAX_UNREAD_DATAGRAMS:
            malformed()
            return
        try:
            _original_received(self, data, address)
        except Exception:  # noqa: BLE001 - whatever a stranger's bytes provoke
            malformed()

    protocol: Any = aioice.ice.StunProtocol
    protocol.datagram_received = datagram_received
    connection: Any = aioice.ice.Connection
    connection.get_component_candidates = gather
    module: Any = rtcrtpreceiver
    module.decoder_worker = _worker
    for measuring in (rtcrtpreceiver, rtcrtpsender, rtcsctptransport):
        setattr(measuring, "time", _SteadyTime)  # noqa: B010 - not declared there


async def _gathered(
    connection: Any, component: int, addresses: list[str], timeout_s: int, ports: range
) -> list[Any]:
    """Gather candidates as aioice does, with host ports out of a range.

    aioice binds port 0, whatever it is told.
    """
    candidates = []
    for address in addresses:
        protocol = await _bound(connection, address, ports)
        if protocol is None:
            log.warning("no free UDP port for a call in [media]'s range")
            continue
        host, port = protocol.transport.get_extra_info("sockname")[:2]
        protocol.local_candidate = aioice.Candidate(
            foundation=candidate_foundation("host", "udp", host),
            component=component,
            transport="udp",
            priority=candidate_priority(component, "host"),
            host=host,
            port=port,
            type="host",
        )
        connection._protocols.append(protocol)
        candidates.append(protocol.local_candidate)
    # Relayed candidates; with STUN alone a range makes no sense without public_ip.
    return candidates + await _original_gather(connection, component, [], timeout_s)


async def _bound(connection: Any, address: str, ports: range) -> Any:
    """Bind a free port, from a random one on; None if all are taken."""
    loop = asyncio.get_running_loop()
    first = secrets.randbelow(len(ports))
    for port in (*ports[first:], *ports[:first]):
        try:
            _, protocol = await loop.create_datagram_endpoint(
                lambda: aioice.ice.StunProtocol(connection), local_addr=(address, port)
            )
        except OSError:
            continue
        return protocol
    return None


def bound_messages(
    peer: RTCPeerConnection,
    too_much: Callable[[], None],
    wait_s: Callable[[], float] = lambda: 0.0,
) -> None:
    """Keep what a client sends on data channels within bounds before it is whole.

    Args:
        peer: An offer was taken; nothing happens if it has no data channel.
        too_much: Called once, when the client goes beyond; nothing that it sends on
            any channel is taken from then on.
        wait_s: Asked with each message how long it has to wait. Meanwhile nothing is
            acknowledged, so that the client's own network stack holds the rest back;
            audio has a way of its own and does not wait.
    """
    sctp: Any = peer.sctp
    if sctp is None:
        return
    receive, most_bytes = sctp._receive_data_chunk, sctp._advertised_rwnd
    over = False

    async def received(chunk: Any) -> None:
        nonlocal over
        if over:
            return
        if chunk.flags & _LAST_FRAGMENT and (waited_s := wait_s()):
            await asyncio.sleep(waited_s)
        await receive(chunk)
        streams = sctp._inbound_streams
        stream = streams.get(chunk.stream_id)
        # aiortc takes from its window what is not whole, and gives it back.
        over = (
            most_bytes - sctp._advertised_rwnd > MAX_UNFINISHED_BYTES
            or len(streams) > MAX_CHANNELS
            or len(sctp._sack_misordered) > MAX_FRAGMENTS
            or (stream is not None and len(stream.reassembly) > MAX_FRAGMENTS)
        )
        if over:
            streams.clear()
            too_much()

    sctp._receive_data_chunk = received


class EndOfAudio:
    """Stands where aiortc keeps the queue of an audio receiver's decoder thread.

    Nothing is ever decoded there; what is left of it is ``None``, the end. ``put``
    never raises: what is raised there would close the connection.

    Args:
        ended: Called once, when the client said that its audio is over.
    """

    def __init__(self, ended: Callable[[], None]) -> None:
        self._ended: Callable[[], None] | None = ended

    def put(self, item: object) -> None:
        """Take the end."""
        if item is None and self._ended is not None:
            ended, self._ended = self._ended, None
            ended()


class ReceivedStream(Protocol):
    """What receiver reports are made from: aiortc's ``StreamStatistics``."""

    @property
    def packets_received(self) -> int:
        """Packets that were of use."""

    @property
    def packets_lost(self) -> int:
        """Packets that never came."""

    @property
    def fraction_lost(self) -> int:
        """Share lost since this was last asked, in 1/256."""

    @property
    def max_seq(self) -> int:
        """Highest sequence number."""

    @property
    def jitter(self) -> int:
        """Interarrival jitter, in ticks."""


class AudioSink(Protocol):
    """Takes a client's audio; its methods never raise."""

    def start(self, codecs: Mapping[int, str]) -> None:
        """Packets come from now on, in these codecs by payload type."""

    def receive(self, packet: RtpPacket) -> None:
        """Take a packet."""


def receive_audio(
    receiver: RTCRtpReceiver,
    sink: AudioSink,
    stream: ReceivedStream,
    ended: Callable[[], None],
) -> None:
    """Have an audio receiver that has not started give its packets to ``sink``.

    They take a way of their own, from the socket through SRTP to the sink in one
    call, as many in a turn of the loop as it has room for: aiortc's goes through a
    queue, a task, a parser, a jitter buffer without a clock, a thread and another
    queue. Reports to the sender stay aiortc's.

    Args:
        receiver: Of a transceiver; negotiated, not started.
        sink: Takes the packets.
        stream: Tells what to report of them.
        ended: Called once, when the client said that its audio is over.
    """
    for name in ("decoder_queue", "remote_streams"):
        getattr(receiver, _RECEIVER + name)  # fails here if an upgrade renames it
    setattr(receiver, _RECEIVER + "decoder_queue", EndOfAudio(ended))
    start: Any = receiver.receive
    reported: dict[int, ReceivedStream] = getattr(
        receiver, _RECEIVER + "remote_streams"
    )

    async def receive(parameters: Any) -> None:
        await start(parameters)
        sink.start({one.payloadType: one.mimeType for one in parameters.codecs})
        dtls: Any = receiver.transport
        dtls.transport._connection._audio = partial(READING.do, take)

    async def queued(packet: Any, arrival_time_ms: int) -> None:
        """Take a packet that came before the short way was open."""
        del arrival_time_ms
        sequence, stamp = packet.sequence_number, packet.timestamp
        kind, payload = packet.payload_type, packet.payload
        sink.receive(RtpPacket(kind, sequence, stamp, packet.ssrc, payload))

    def take(data: bytes) -> None:
        dtls: Any = receiver.transport
        try:
            packet = rtp_packets.parse(dtls._rx_srtp.unprotect(data))
        except (pylibsrtp.Error, ValueError):
            return  # a stranger's, or one sent twice
        if packet is not None:
            if packet.ssrc not in reported:
                reported.clear()  # a stream at a time; reports stay small
                reported[packet.ssrc] = stream
            sink.receive(packet)

    receiver.receive = receive  # type: ignore[method-assign]
    receiver._handle_rtp_packet = queued  # type: ignore[method-assign]


class AudioLine:
    """Sends packets for an audio sender, from the call straight to the socket.

    Args:
        sender: aiortc's, started.
        payload_type: That of the codec.
    """

    def __init__(self, sender: Any, payload_type: int) -> None:
        self._sender = sender
        self._dtls: Any = sender.transport
        self._connection = self._dtls.transport._connection
        self.payload_type = payload_type
        self.ssrc: int = sender._ssrc
        self._n_octets = self._n_packets = 0

    def send(self, packet: RtpPacket) -> None:
        """Send a packet now, or drop it if that cannot be."""
        pair = self._connection._nominated.get(1)
        if pair is None or self._dtls.state != "connected":
            return
        data = self._dtls._tx_srtp.protect(rtp_packets.serialize(packet))
        pair.protocol.transport.sendto(data, pair.remote_addr)
        self._n_packets += 1
        self._n_octets += len(packet.payload)
        if self._n_packets % REPORTED_EVERY == 1:
            self._report(packet.timestamp)

    def watch(self, reported: Callable[[float], None]) -> None:
        """Call ``reported`` with the share lost that each report of the client tells.

        What it raises would close the connection: it must not.
        """
        handle: Any = self._sender._handle_rtcp_packet

        async def handled(packet: Any) -> None:
            await handle(packet)
            for report in getattr(packet, "reports", ()):
                if report.ssrc == self.ssrc:
                    reported(report.fraction_lost / 256)

        self._sender._handle_rtcp_packet = handled

    @property
    def rtt_s(self) -> float | None:
        """Time to the client and back, smoothed, as its reports tell."""
        rtt_s: float | None = getattr(self._sender, _SENDER + "rtt")
        return rtt_s

    def _report(self, timestamp: int) -> None:
        """Fill in what aiortc's sender reports are made from."""
        values = {
            "ntp_timestamp": clock.current_ntp_time(),
            "rtp_timestamp": timestamp,
            "packet_count": self._n_packets,
            "octet_count": self._n_octets,
        }
        for name, value in values.items():
            setattr(self._sender, _SENDER + name, value)


def send_audio(
    sender: RTCRtpSender,
    start: Callable[[AudioLine, str], None],
    stop: Callable[[], None],
) -> None:
    """Send what ``start`` sends, in place of what a sender's track yields.

    Args:
        sender: Negotiated, not started.
        start: Called with where to send to and the codec's MIME type, once it can be
            sent.
        stop: Called when the connection ends.
    """
    for name in ("rtp_started", "rtp_exited", "rtt", "ntp_timestamp", "octet_count"):
        getattr(sender, _SENDER + name)
    started: asyncio.Event = getattr(sender, _SENDER + "rtp_started")
    exited: asyncio.Event = getattr(sender, _SENDER + "rtp_exited")

    async def run(codec: Any) -> None:
        started.set()
        try:
            start(AudioLine(sender, codec.payloadType), codec.mimeType)
            await asyncio.Event().wait()
        finally:
            stop()
            exited.set()  # or stopping the sender would wait for ever

    sender._run_rtp = run  # type: ignore[method-assign]


def _worker(loop: Any, packets: Any, *rest: Any) -> None:
    """aiortc's decoder thread; where audio is received here it has nothing to do."""
    if not isinstance(packets, EndOfAudio):
        _original_worker(loop, packets, *rest)


def answer_only(transceiver: RTCRtpTransceiver, mime_types: Set[str]) -> None:
    """Leave out of the answer what aiortc can code and the server cannot (G.722).

    A client that likes it best would else send it, and be sent it.

    Args:
        transceiver: Of an offer that was taken, not answered yet.
        mime_types: What may stay, in lower case.
    """
    transceiver._codecs = [
        codec for codec in transceiver._codecs if codec.mimeType.lower() in mime_types
    ]


def answer_with_fec(transceiver: RTCRtpTransceiver) -> None:
    """Put Opus' parameters into the answer: aiortc leaves them out.

    RFC 7587: without ``useinbandfec=1`` the client sends no error correction. Nor does
    a browser asked for the full band, at most of the loss that there is: its encoder
    takes a mode that has none. 16 kHz are all that is decoded here.
    """
    for codec in transceiver._codecs:
        if codec.mimeType.lower() == "audio/opus":
            codec.parameters = {
                "minptime": 10,
                "useinbandfec": 1,
                "maxplaybackrate": MIC_RATE,
                "maxaveragebitrate": MOST_BIT_RATE,
            }


def _addresses(use_ipv4: bool, use_ipv6: bool) -> list[str]:
    found = _original_addresses(use_ipv4, use_ipv6)
    return [*found, LOOPBACK] if use_ipv4 and LOOPBACK not in found else found
