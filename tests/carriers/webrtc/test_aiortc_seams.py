"""What we touch inside aiortc and aioice is still there, and still does that."""

from __future__ import annotations

import asyncio
import inspect
import re
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, closing
from typing import Any

import aioice.ice
import aioice.stun
import pytest
from aiortc import (
    AudioStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    rtcdtlstransport,
    rtcrtpreceiver,
    rtcrtpsender,
    rtcsctptransport,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from pylibsrtp import Error as SrtpError
from pylibsrtp import Policy, Session

from tests.virtual_time import run_virtual
from voiceserver.carriers.webrtc import aiortc_seams
from voiceserver.media.rtp import RtpPacket

# No STUN message, though its first bytes look like one: aioice's parser raises
# struct.error on it, which nobody catches.
MALFORMED = bytes.fromhex("a0100004e1666a66666666660c66666666000000000d0000")

# RTCP by its first two bytes.
LONGEST = b"\x80\xc8".ljust(aiortc_seams.MAX_DATAGRAM, b"\0")
BUSY_LIMIT_S = 90.0


def test_loopback_is_a_host_address() -> None:
    """And stays one, once, however often it is asked for."""
    aiortc_seams.include_loopback()
    aiortc_seams.include_loopback()
    addresses = aioice.ice.get_host_addresses(use_ipv4=True, use_ipv6=False)
    assert addresses.count("127.0.0.1") == 1


async def test_malformed_stun_is_dropped_and_counted() -> None:
    """The reproducer raised out of the event loop before."""
    counted = []
    aiortc_seams.install(lambda: counted.append(1))
    connection = aioice.ice.Connection(ice_controlling=False)
    await connection.gather_candidates()
    protocol = connection._protocols[0]
    protocol.datagram_received(MALFORMED, ("127.0.0.1", 1))
    assert counted == [1]
    await connection.close()
    aiortc_seams.install()


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_stun_hurts(data: st.DataObject) -> None:
    """Any bytes, and real messages damaged anywhere: nothing raises."""
    message = aioice.stun.Message(
        aioice.stun.Method.BINDING, data.draw(st.sampled_from(aioice.stun.Class))
    )
    message.attributes["USERNAME"] = data.draw(st.text("ab:", max_size=12))
    message.attributes["XOR-MAPPED-ADDRESS"] = ("192.0.2.1", 4_000)
    message.attributes["PRIORITY"] = 1
    message.add_message_integrity(b"a password")
    damaged = bytearray(bytes(message))
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        damaged[at] = data.draw(st.integers(0, 255))
    damaged = damaged[: data.draw(st.integers(0, len(damaged)))]
    junk = data.draw(st.binary(max_size=64))
    aiortc_seams.install()
    connection = aioice.ice.Connection(ice_controlling=False)
    protocol = aioice.ice.StunProtocol(connection)
    protocol.connection_made(_NoSocket())
    for datagram in (bytes(damaged), junk, b"\x00\x01" + junk):
        protocol.datagram_received(datagram, ("127.0.0.1", 1))


class _NoSocket(asyncio.DatagramTransport):
    def sendto(self, data: Any, addr: Any = None) -> None:
        """Answers go nowhere."""


async def test_strangers_datagrams_are_bounded() -> None:
    """An empty or too long one would end a call; unread ones would fill memory."""
    counted = []
    aiortc_seams.install(lambda: counted.append(1))
    connection = aioice.ice.Connection(ice_controlling=False)
    await connection.gather_candidates()
    protocol = connection._protocols[0]
    for strange in (b"", LONGEST + b"x", b"\x16" + LONGEST, bytes(9000)):
        protocol.datagram_received(strange, ("127.0.0.1", 1))
    assert (len(counted), connection._queue.qsize()) == (4, 0)
    counted.clear()
    protocol.datagram_received(LONGEST, ("127.0.0.1", 1))
    assert connection._queue.get_nowait() == (LONGEST, 1)
    for _ in range(aiortc_seams.MAX_UNREAD_DATAGRAMS + 5):
        protocol.datagram_received(b"\x80junk", ("127.0.0.1", 1))
    assert connection._queue.qsize() == aiortc_seams.MAX_UNREAD_DATAGRAMS
    assert len(counted) == 5
    await connection.close()
    aiortc_seams.install()


def test_what_is_let_through_is_refused_as_aiortc_expects() -> None:
    """Its reader goes on after an error of libsrtp's, and after no other."""
    key = bytes(30)
    session = Session(Policy(key=key, ssrc_type=Policy.SSRC_ANY_INBOUND))
    with pytest.raises(SrtpError):
        session.unprotect_rtcp(LONGEST)
    with pytest.raises(ValueError, match="too long"):
        session.unprotect_rtcp(LONGEST + b"x")


async def test_ports_are_taken_from_a_range_and_only_from_it() -> None:
    """Two connections on two ports; a third finds none."""
    aiortc_seams.install(ports=range(42_300, 42_302))
    connections = [aioice.ice.Connection(ice_controlling=False) for _ in range(3)]
    try:
        for connection in connections:
            addresses = ["127.0.0.1"]
            await connection.get_component_candidates(1, addresses)
        ports = [
            protocol.local_candidate.port
            for connection in connections
            for protocol in connection._protocols
        ]
        assert sorted(ports) == [42_300, 42_301]
    finally:
        for connection in connections:
            await connection.close()
        aiortc_seams.install()


def test_the_end_is_told_once() -> None:
    """aiortc says it at the client's goodbye and again when it closes."""
    ends: list[int] = []
    end = aiortc_seams.EndOfAudio(lambda: ends.append(1))
    end.put(("codec", "a frame that came early"))
    end.put(None)
    end.put(None)
    assert ends == [1]


class Reports:
    """What a receiver report of aiortc is made from."""

    packets_received = packets_lost = fraction_lost = max_seq = jitter = 1


class Sink:
    """Takes packets, and notes them."""

    def __init__(self) -> None:
        self.codecs: dict[int, str] = {}
        self.packets: list[RtpPacket] = []

    def start(self, codecs: Mapping[int, str]) -> None:
        self.codecs = dict(codecs)

    def receive(self, packet: RtpPacket) -> None:
        self.packets.append(packet)


def test_the_private_parts_of_aiortc_are_as_they_were() -> None:
    """Read in its source, as most cannot be told from outside."""
    receiver = inspect.getsource(rtcrtpreceiver.RTCRtpReceiver)
    assert "target=decoder_worker" in receiver  # looked up by name when it starts
    assert "self.__decoder_queue.put(None)" in receiver
    assert "_handle_rtp_packet(self, packet: RtpPacket, arrival_time_ms" in receiver
    for name in (
        "for ssrc, stream in self.__remote_streams.items()",
        "fraction_lost=stream.fraction_lost",
        "packets_lost=stream.packets_lost",
        "highest_sequence=stream.max_seq",
        "jitter=stream.jitter",
    ):
        assert name in receiver
    sender = inspect.getsource(rtcrtpsender.RTCRtpSender)
    for name in (
        "asyncio.ensure_future(self._run_rtp(parameters.codecs[0]))",
        "self.__rtp_started.wait()",
        "self.__rtp_exited.wait()",
        "ntp_timestamp=self.__ntp_timestamp",
        "rtp_timestamp=self.__rtp_timestamp",
        "packet_count=self.__packet_count",
        "octet_count=self.__octet_count",
        "self.__rtt = ",
        "async def _handle_rtcp_packet(self, packet",
        "for report in filter(lambda x: x.ssrc == self._ssrc, packet.reports)",
    ):
        assert name in sender
    dtls = inspect.getsource(rtcdtlstransport.RTCDtlsTransport)
    assert "data = self._rx_srtp.unprotect(data)" in dtls
    assert "data = self._tx_srtp.protect(data)" in dtls
    sctp = inspect.getsource(rtcsctptransport)
    for name in (
        "await self._receive_data_chunk(chunk)",
        "self._advertised_rwnd -= len(chunk.user_data)",
        "self._advertised_rwnd += len(message[2])",
        "self._sack_misordered.add(tsn)",
        "self.reassembly.append(chunk)",
        "self._inbound_streams[stream_id] = InboundStream()",
    ):
        assert name in sctp
    ice = inspect.getsource(aioice.ice)
    assert "active_pair = self._nominated.get(component)" in ice
    assert "self.transport.sendto(data, addr)" in ice
    assert "StunProtocol(self), local_addr=(address, 0)" in ice


class End:
    """One end of a connection."""

    def __init__(self) -> None:
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.sink = Sink()
        self.lines: list[aiortc_seams.AudioLine] = []
        self.codecs: list[str] = []
        self.sequence = 0

    def carry(self) -> None:
        sender = self.peer.addTrack(AudioStreamTrack())
        [transceiver] = self.peer.getTransceivers()
        receiver = transceiver.receiver
        aiortc_seams.receive_audio(receiver, self.sink, Reports(), lambda: None)
        aiortc_seams.send_audio(sender, self._start, lambda: None)

    def talk(self) -> bool:
        """Send a packet; return whether one has come, and a report of ours."""
        self.sequence += 1  # SRTP takes none twice
        for line in self.lines:
            kind, ssrc = line.payload_type, line.ssrc
            line.send(RtpPacket(kind, self.sequence, 0, ssrc, b"hello"))
        return bool(self.sink.packets and self.lines and self.lines[0].rtt_s)

    def _start(self, line: aiortc_seams.AudioLine, mime_type: str) -> None:
        self.lines.append(line)
        self.codecs.append(mime_type)


REPORT = bytes.fromhex("81c90007")  # RFC 3550: a receiver report of one block
KINDS = st.integers(192, 223)


def test_no_rtcp_hurts() -> None:
    """Any bytes, and reports of any figures: nothing raises, shares stay shares."""
    shares: list[float] = []

    @settings(max_examples=300, deadline=None)
    @given(st.binary(min_size=20, max_size=20), st.binary(max_size=64), KINDS)
    def hurt(figures: bytes, junk: bytes, kind: int) -> None:
        report = REPORT + bytes(4) + sender._ssrc.to_bytes(4, "big") + figures
        looks_right = bytes([0x81, kind, 0, len(junk) // 4]) + junk
        for packet in (report, report + junk, looks_right, junk):
            loop.run_until_complete(sender.transport._handle_rtcp_data(packet))

    with closing(asyncio.new_event_loop()) as loop:
        asyncio.set_event_loop(loop)
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        sender: Any = peer.addTransceiver("audio").sender
        aiortc_seams.AudioLine(sender, 96).watch(shares.append)
        sender.transport._rtp_router.register_sender(sender, sender._ssrc)
        hurt()
        loop.run_until_complete(peer.close())
        asyncio.set_event_loop(None)
    assert shares
    assert all(0 <= share < 1 for share in shares)


def test_a_step_of_the_wall_clock_is_no_round_trip(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What aiortc measures spans by is steady, and is all that it takes from there."""
    aiortc_seams.install()
    monkeypatch.setattr(time, "time", lambda: 1e12)
    for module in (rtcrtpreceiver, rtcrtpsender, rtcsctptransport):
        used = set(re.findall(r"\btime\.(\w+)", inspect.getsource(module)))
        assert used == {"time"}
        steady: Any = module
        assert abs(steady.time.time() - time.monotonic()) < 10


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[End, End]]:
    """Two ends that have heard each other, and reports of it."""
    aiortc_seams.install()
    caller, called = End(), End()
    caller.carry()
    await caller.peer.setLocalDescription(await caller.peer.createOffer())
    await called.peer.setRemoteDescription(caller.peer.localDescription)
    called.carry()
    await called.peer.setLocalDescription(await called.peer.createAnswer())
    await caller.peer.setRemoteDescription(called.peer.localDescription)
    try:
        # Handshakes and reports come when the machine gets to them.
        async with asyncio.timeout(BUSY_LIMIT_S):
            while not all([caller.talk(), called.talk()]):  # noqa: ASYNC110 - it talks
                await asyncio.sleep(0.02)
        yield caller, called
    finally:
        for end in (caller, called):
            await end.peer.close()


async def test_audio_takes_the_short_way_both_ways() -> None:
    """Through a real connection, SRTP included; reports of it still arrive."""
    async with connected() as ends:
        for end in ends:
            assert end.codecs == ["audio/opus"]
            assert {packet.payload for packet in end.sink.packets} == {b"hello"}
            assert "audio/opus" in end.sink.codecs.values()


def working_threads() -> set[threading.Thread]:
    """All but those of the loop's executor, which look names up."""
    return {t for t in threading.enumerate() if not t.name.startswith("asyncio_")}


async def test_no_thread_is_left_and_none_decodes() -> None:
    """aiortc starts one for each receiver, which finds nothing to do and ends."""
    before, started = working_threads(), []
    start = threading.Thread.start

    def noted(thread: threading.Thread) -> None:
        started.append(thread.name)
        start(thread)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading.Thread, "start", noted)
        async with connected():
            assert working_threads() == before  # while both ends talk
    assert started.count("audio-decoder") == 2
    assert working_threads() == before


FIRST, LAST, UNORDERED = 2, 1, 4  # flags of a fragment (RFC 9260, 3.3.1)


def untyped(thing: Any) -> Any:
    """The private parts of it are touched."""
    return thing


class Fragments:
    """A peer that is sent fragments by hand, and what it made of them."""

    def __init__(self) -> None:
        self.n_too_much = 0
        self.whole: list[int] = []
        self._peer: Any = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._peer.createDataChannel("oai-events")
        self.sctp = untyped(self._peer).sctp
        self._next = 1
        self.sctp._last_received_tsn = 0

        async def receive(_stream: int, _protocol: int, data: bytes) -> None:
            self.whole.append(len(data))

        self.sctp._receive = receive
        self.waits: Iterator[float] = iter(())
        aiortc_seams.bound_messages(
            self._peer, self._too_much, lambda: next(self.waits, 0.0)
        )

    def _too_much(self) -> None:
        self.n_too_much += 1

    async def send(
        self, flags: int, size: int, number: int = 0, stream: int = 0, lost: int = 0
    ) -> None:
        chunk = rtcsctptransport.DataChunk(flags)
        chunk.tsn, chunk.stream_id, chunk.stream_seq = self._next + lost, stream, number
        chunk.protocol, chunk.user_data = 51, bytes(size)
        self._next = chunk.tsn + 1
        await self.sctp._receive_data_chunk(chunk)

    @property
    def n_kept(self) -> int:
        """Bytes that wait for the rest of their message."""
        streams = self.sctp._inbound_streams.values()
        return sum(len(c.user_data) for one in streams for c in one.reassembly)


async def test_a_message_without_end_is_given_up() -> None:
    """After half a megabyte, once, and nothing of it is kept."""
    sent = Fragments()
    await sent.send(FIRST, 1_200)
    for _ in range(2_000):
        await sent.send(0, 1_200)
        assert sent.n_kept <= aiortc_seams.MAX_UNFINISHED_BYTES
    assert sent.n_too_much == 1
    assert sent.n_kept == 0


@pytest.mark.parametrize("flags", [0, UNORDERED])
async def test_many_small_fragments_are_given_up(flags: int) -> None:
    """They cost by their number, each time that one comes."""
    sent = Fragments()
    await sent.send(FIRST | flags, 1)
    for _ in range(2_000):
        await sent.send(flags, 1)
    assert sent.n_too_much == 1
    assert sent.n_kept == 0


async def test_many_channels_are_given_up() -> None:
    """Each of 65,535 could hold something unfinished."""
    sent = Fragments()
    for stream in range(200):
        await sent.send(FIRST, 1, stream=stream)
    assert sent.n_too_much == 1


async def test_gaps_that_are_never_filled_are_given_up() -> None:
    """Whole messages behind packets that never come: what is missing is remembered."""
    sent = Fragments()
    for _ in range(2_000):
        await sent.send(FIRST | LAST | UNORDERED, 1, lost=1)
    assert sent.n_too_much == 1


def test_messages_wait_their_turn_and_fragments_do_not() -> None:
    """So that a client cannot send events without end; none is lost."""

    async def scenario() -> float:
        sent = Fragments()
        sent.waits = iter([0.0, 3.0, 4.0])
        for number in range(3):
            await sent.send(FIRST, 9, number)
            await sent.send(0, 9, number)
            await sent.send(LAST, 9, number)
        assert sent.whole == [27] * 3
        return asyncio.get_running_loop().time()

    assert run_virtual(scenario()) == pytest.approx(7.0, abs=0.1)


async def test_messages_of_any_permitted_size_come() -> None:
    """Ten of 128 KiB, and one of a letter, are nobody's too much."""
    sent = Fragments()
    for number in range(10):
        await sent.send(FIRST, 1_072, number)
        for _ in range(107):
            await sent.send(0, 1_200, number)
        await sent.send(LAST, 1_600, number)
    await sent.send(FIRST | LAST, 1, 10)
    assert sent.whole == [131_072] * 10 + [1]
    assert sent.n_too_much == 0
