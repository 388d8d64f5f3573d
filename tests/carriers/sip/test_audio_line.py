"""Whose packets are taken."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from aiortc.rtp import RtcpByePacket, RtcpPacket, RtcpReceiverInfo, RtcpRrPacket

from tests.carriers.sip.phone import FakeSocket
from tests.virtual_time import VirtualClock, run_virtual
from voiceserver.carriers.sip.audio_line import AudioLine
from voiceserver.carriers.sip.description import EVENTS_TYPE, SUITES, Agreed, Keys
from voiceserver.carriers.sip.srtp import Cipher
from voiceserver.carriers.sip.udp import Address
from voiceserver.media.receiver import AudioReceiver
from voiceserver.media.rtp import RtpPacket, serialize

NAMED = ("192.0.2.5", 4000)  # by the offer
BEHIND = ("198.51.100.1", 999)  # where the signalling comes from: a NAT
STRANGER = ("203.0.113.9", 4000)
CODECS = {0: "audio/pcmu", 96: EVENTS_TYPE}
AGREED = Agreed(*NAMED, 0, "audio/pcmu", CODECS, 96, 8000, True, True, None)
OURS = RtpPacket(0, 1, 160, 9, b"x" * 160)


class Line:
    """A line and what it took.

    Attributes:
        pressed: Digits.
        n_strange: Packets that were not taken.
    """

    def __init__(self, agreed: Agreed = AGREED) -> None:
        self.pressed = ""
        self.n_strange = 0
        self.rtp, self.rtcp = FakeSocket(("h", 2)), FakeSocket(("h", 3))
        self._n = 0
        receiver = AudioReceiver(lambda _samples, _made_up: None, VirtualClock())
        self.line = AudioLine(
            (self.rtp, self.rtcp),
            receiver,
            self._pressed,
            self._strange,
            VirtualClock(),
        )
        self.line.agree(agreed, BEHIND[0])
        self.line.start()

    def packet(self, payload_type: int = 0, payload: bytes = b"\xff" * 160) -> bytes:
        self._n += 1
        return serialize(RtpPacket(payload_type, self._n, self._n * 160, 3, payload))

    def told(self, source: Address, report: bytes) -> None:
        assert self.rtcp.receive is not None
        self.rtcp.receive(report, source)

    def come(self, source: Address, packet: bytes | None = None) -> None:
        assert self.rtp.receive is not None
        self.rtp.receive(self.packet() if packet is None else packet, source)

    @property
    def sends_to(self) -> Address | None:
        before = len(self.rtp.sent)
        self.line.send(OURS)
        return self.rtp.sent[-1][1] if len(self.rtp.sent) > before else None

    def _pressed(self, digit: str) -> None:
        self.pressed += digit

    def _strange(self) -> None:
        self.n_strange += 1


def in_time(scenario: Callable[[], Coroutine[Any, Any, None] | None]) -> None:
    async def run() -> None:
        taking = scenario()
        if taking is not None:
            await taking

    run_virtual(run())


def test_the_first_that_fits_is_whose_call_it_is() -> None:
    """From then on audio goes there and comes from nowhere else."""

    def scenario() -> None:
        it = Line()
        assert it.sends_to == NAMED
        it.come(STRANGER)
        assert it.sends_to == NAMED
        it.come(BEHIND)
        assert it.sends_to == BEHIND
        for source in (STRANGER, NAMED, (BEHIND[0], 1000)):
            it.come(source)
        assert it.sends_to == BEHIND
        assert (it.n_strange, it.line.n_received) == (4, 1)
        it.line.close()

    in_time(scenario)


def test_what_does_not_fit_decides_nothing() -> None:
    """No RTP, or a type that was not agreed on."""

    def scenario() -> None:
        it = Line()
        for packet in (b"", b"\0" * 40, it.packet(payload_type=18)):
            it.come(BEHIND, packet)
        assert it.sends_to == NAMED
        assert it.n_strange == 3

    in_time(scenario)


def test_negotiated_anew_it_may_move() -> None:
    """To where the new offer says; by the old one again it stays."""

    def scenario() -> None:
        it = Line()
        it.come(BEHIND)
        it.line.agree(AGREED, BEHIND[0])
        assert it.sends_to == BEHIND
        it.line.agree(replace(AGREED, port=4002), BEHIND[0])
        assert it.sends_to == (NAMED[0], 4002)
        it.come((NAMED[0], 4002))
        assert it.line.n_received == 2

    in_time(scenario)


def test_without_an_address_nothing_is_sent_until_audio_comes() -> None:
    """The offer named none."""

    def scenario() -> None:
        it = Line(replace(AGREED, host=""))
        assert it.sends_to is None
        it.come(BEHIND)
        assert it.sends_to == BEHIND

    in_time(scenario)


def test_digits_come_beside_the_audio() -> None:
    """Under the type that was agreed on."""

    def scenario() -> None:
        it = Line()
        it.come(BEHIND, it.packet(96, bytes([5, 0x8A, 3, 32])))
        assert it.pressed == "5"

    in_time(scenario)


def test_what_is_encrypted_is_taken_only_so() -> None:
    """And sent so."""
    one, other = bytes(range(30)), bytes(range(30, 60))
    keys = Keys(SUITES[0], one, other, "1")

    def scenario() -> None:
        it = Line(replace(AGREED, keys=keys))
        it.come(BEHIND)
        assert it.n_strange == 1
        theirs = Cipher(replace(keys, ours=other, theirs=one))
        it.come(BEHIND, theirs.protect(it.packet()))
        assert it.line.n_received == 1
        it.line.send(OURS)
        assert it.rtp.sent[-1][0].payload != OURS.payload

    in_time(scenario)


def test_comfort_noise_is_taken_and_decides_nothing() -> None:
    """It is of the call once the call's audio has come."""

    def scenario() -> None:
        it = Line()
        it.come(BEHIND, it.packet(13, b"\x40"))
        assert it.sends_to == NAMED
        it.come(BEHIND)
        it.come(BEHIND, it.packet(13, b"\x40"))
        assert (it.n_strange, it.line.n_received) == (1, 2)
        it.line.close()

    in_time(scenario)


def test_it_reports_now_and_then_and_says_goodbye() -> None:
    """After 2.5 to 7.5 s, to the port beside the audio's, or where theirs come from."""

    async def scenario() -> None:
        it = Line()
        it.come(BEHIND)
        for _ in range(60):
            await asyncio.sleep(1)
            it.line.report()
        assert 8 <= len(it.rtcp.sent) <= 24
        assert {to for _, to in it.rtcp.sent} == {(BEHIND[0], BEHIND[1] + 1)}
        theirs = (BEHIND[0], 5)
        it.told(theirs, bytes(RtcpRrPacket(3)))
        it.line.close()
        it.line.close()
        assert it.rtcp.sent[-1][1] == theirs
        last = RtcpPacket.parse(it.rtcp.wires[-1])
        assert isinstance(last[-1], RtcpByePacket)

    in_time(scenario)


def test_a_call_that_never_began_reports_nothing() -> None:
    """Not even goodbye."""

    async def scenario() -> None:
        rtp, rtcp = FakeSocket(("h", 2)), FakeSocket(("h", 3))
        receiver = AudioReceiver(lambda _samples, _made_up: None, VirtualClock())
        line = AudioLine(
            (rtp, rtcp), receiver, lambda _: None, lambda: None, VirtualClock()
        )
        line.agree(AGREED, BEHIND[0])
        line.close()
        assert not rtcp.sent

    in_time(scenario)


def test_what_they_lost_is_told_to_who_sends() -> None:
    """If it is they who say so."""

    async def scenario() -> None:
        it = Line()
        lost: list[float] = []
        it.line.watch(lost.append)
        it.come(BEHIND)
        info = RtcpReceiverInfo(it.line.ssrc, 64, 5, 9, 0, lsr=0, dlsr=0)
        report = bytes(RtcpRrPacket(3, [info]))
        it.told(STRANGER, report)
        assert not lost
        it.told((BEHIND[0], 5), report)
        assert lost == [0.25]
        assert it.n_strange == 1
        it.line.close()

    in_time(scenario)


def test_reports_are_encrypted_where_the_audio_is() -> None:
    """Both ways."""
    one, other = bytes(range(30)), bytes(range(30, 60))
    keys = Keys(SUITES[0], one, other, "1")

    async def scenario() -> None:
        it = Line(replace(AGREED, keys=keys))
        theirs = Cipher(replace(keys, ours=other, theirs=one))
        lost: list[float] = []
        it.line.watch(lost.append)
        info = RtcpReceiverInfo(it.line.ssrc, 64, 5, 9, 0, lsr=0, dlsr=0)
        report = bytes(RtcpRrPacket(3, [info]))
        it.told(BEHIND, report)
        assert not lost
        it.told(BEHIND, theirs.protect_report(report))
        assert lost == [0.25]
        it.line.close()
        clear = theirs.unprotect_report(it.rtcp.wires[-1])
        assert clear is not None
        assert RtcpPacket.parse(clear)

    in_time(scenario)


def test_numbers_of_either_sides_description_are_taken() -> None:
    """Where an answer numbers what our offer named."""

    def scenario() -> None:
        it = Line(replace(AGREED, codecs={0: "audio/pcmu", 7: "audio/pcmu", **CODECS}))
        it.come(BEHIND, it.packet(0))
        it.come(BEHIND, it.packet(7))
        assert it.line.n_received == 2
        it.line.close()

    in_time(scenario)
