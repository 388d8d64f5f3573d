"""The microphone: packets in, 16 kHz out."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.media.test_codecs import encoded, tone
from tests.virtual_time import VirtualClock, run_virtual
from voiceserver.audio import MIC_RATE, Samples, level_db
from voiceserver.media import receiver as receiving
from voiceserver.media.codecs import encoder_for
from voiceserver.media.receiver import AudioReceiver
from voiceserver.media.rtp import RtpPacket

OPUS, PCMU, CN, EVENTS = 96, 0, 13, 101
CODECS = {
    OPUS: "audio/opus",
    PCMU: "audio/PCMU",
    CN: "audio/cn",
    EVENTS: "audio/telephone-event",
}


class Microphone:
    """A receiver and what it gave."""

    def __init__(self) -> None:
        self.heard: list[Samples] = []
        self.made_up: list[bool] = []
        self.receiver = AudioReceiver(self._take, VirtualClock())
        self.receiver.start(CODECS)

    def put(self, number: int, payload: bytes, kind: int = OPUS, ssrc: int = 1) -> None:
        ticks = 960 if kind == OPUS else 160
        packet = RtpPacket(kind, number, number * ticks, ssrc, payload)
        self.receiver.receive(packet)

    async def play(
        self, payloads: list[bytes], lost: tuple[int, ...] = (), kind: int = OPUS
    ) -> None:
        for number, payload in enumerate(payloads):
            if number not in lost:
                self.put(number, payload, kind)
            await asyncio.sleep(0.02)

    @property
    def samples(self) -> Samples:
        return np.concatenate(self.heard)

    def _take(self, samples: Samples, made_up: bool) -> None:
        self.heard.append(samples)
        self.made_up.append(made_up)


def played(
    payloads: list[bytes], lost: tuple[int, ...] = (), kind: int = OPUS
) -> Microphone:
    async def run() -> Microphone:
        microphone = Microphone()
        await microphone.play(payloads, lost, kind)
        microphone.receiver.stop()
        return microphone

    return run_virtual(run())


def test_audio_leaves_as_it_arrives() -> None:
    """50 packets are a second."""
    microphone = played(encoded(50))
    assert len(microphone.samples) == MIC_RATE
    assert not any(microphone.made_up)


@pytest.mark.parametrize("mime_type", ["audio/PCMU", "audio/PCMA"])
def test_telephone_codecs_are_understood(mime_type: str) -> None:
    """Small devices may know nothing else."""
    encoder = encoder_for(mime_type)
    assert encoder is not None
    payloads = [encoder.encode(tone(n)) for n in range(50)]

    async def run() -> Microphone:
        microphone = Microphone()
        microphone.receiver.start({PCMU: mime_type})
        await microphone.play(payloads, (20,), PCMU)
        microphone.receiver.stop()
        return microphone

    samples = run_virtual(run()).samples
    assert len(samples) == pytest.approx(MIC_RATE, abs=32)
    assert level_db(samples[4_000:]) == pytest.approx(level_db(tone(0)), abs=1.5)


def test_a_lost_packet_is_recovered_not_made_up() -> None:
    """From the copy in the next one."""
    microphone = played(encoded(50), lost=(30,))
    assert len(microphone.samples) == MIC_RATE
    assert not any(microphone.made_up)
    report = microphone.receiver.report()
    assert report is not None
    assert (report.counts.lost, report.counts.recovered_ticks) == (1, 960)


def test_what_is_made_up_is_marked() -> None:
    """Of three lost in a row two are, and the timeline has no gap."""
    microphone = played(encoded(50), lost=(30, 31, 32))
    assert len(microphone.samples) == MIC_RATE
    assert microphone.made_up.count(True) == 2


def test_when_nothing_comes_silence_does() -> None:
    """Two seconds after the last packet there are two more, but for the last 400 ms."""

    async def run() -> Microphone:
        microphone = Microphone()
        await microphone.play(encoded(50))
        await asyncio.sleep(2)
        microphone.receiver.stop()
        return microphone

    microphone = run_virtual(run())
    assert len(microphone.samples) / MIC_RATE == pytest.approx(2.6, abs=0.05)
    assert level_db(microphone.samples[-MIC_RATE:]) < -100


def test_another_stream_is_another_timeline() -> None:
    """A client may change its SSRC or its codec in the midst of a call."""

    async def run() -> Microphone:
        microphone = Microphone()
        payloads = encoded(20)
        await microphone.play(payloads)
        for number in range(10):
            microphone.put(number, payloads[number], ssrc=2)
            await asyncio.sleep(0.02)
        for number in range(10):
            microphone.put(number, b"\xff" * 160, PCMU, ssrc=2)
            await asyncio.sleep(0.02)
        microphone.receiver.stop()
        return microphone

    microphone = run_virtual(run())
    report = microphone.receiver.report()
    assert report is not None
    assert (report.counts.received, report.counts.lost) == (40, 0)
    assert len(microphone.samples) == pytest.approx(0.8 * MIC_RATE, abs=32)


def test_keys_of_a_telephone_are_no_audio() -> None:
    """They are skipped; so are payload types that were not negotiated."""

    async def run() -> Microphone:
        microphone = Microphone()
        microphone.put(1, b"\x01\x0a\x00\xa0", EVENTS)
        microphone.put(2, b"\x01", 77)
        await asyncio.sleep(1)
        microphone.receiver.stop()
        return microphone

    microphone = run_virtual(run())
    assert microphone.heard == []
    assert microphone.receiver.report() is None


def test_a_loop_that_stood_still_reads_before_it_makes_up() -> None:
    """The packets are there, only unread."""

    class Slow(VirtualClock):
        behind_ms = 0

        def now_ns(self) -> int:
            return super().now_ns() + self.behind_ms * 1_000_000

    async def run() -> Microphone:
        microphone, clock = Microphone(), Slow()
        microphone.receiver = AudioReceiver(microphone._take, clock)
        microphone.receiver.start(CODECS)
        payloads = encoded(60)
        await microphone.play(payloads[:50])
        clock.behind_ms = 900
        while microphone.receiver._due_ms < 1_800:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.001)  # until the timer has run, late by the clock
        for number in range(50, 60):
            microphone.put(number, payloads[number])
        microphone.receiver.stop()
        return microphone

    microphone = run_virtual(run())
    assert len(microphone.samples) == 60 * MIC_RATE // 50
    assert not any(microphone.made_up)


def test_packets_that_wait_for_their_turn_are_not_made_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However long: what is made up would be listened to as well, and be in the way."""
    reading = SimpleNamespace(behind=False)
    monkeypatch.setattr(receiving, "READING", reading)

    async def run() -> Microphone:
        microphone, payloads = Microphone(), encoded(60)
        await microphone.play(payloads[:50])
        reading.behind = True
        await asyncio.sleep(3)
        reading.behind = False
        for number in range(50, 60):
            microphone.put(number, payloads[number])
        microphone.receiver.stop()
        return microphone

    microphone = run_virtual(run())
    assert len(microphone.samples) == 60 * MIC_RATE // 50
    assert not any(microphone.made_up)


def test_what_nobody_can_decode_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    """And is silence; an empty packet only keeps the line open."""
    microphone = played([b"\x0b", b"", b"\x49" + b"\xff" * 6, *encoded(5)])
    report = microphone.receiver.report()
    assert report is not None
    assert report.undecodable >= 1
    assert caplog.records == []


def test_a_fault_of_ours_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """And never raised to where packets come from."""

    async def run() -> None:
        def fail(_samples: Samples, _made_up: bool) -> None:
            raise ZeroDivisionError

        receiver = AudioReceiver(fail, VirtualClock())
        receiver.start(CODECS)
        for number in range(3):
            receiver.receive(RtpPacket(OPUS, number, number * 960, 1, b"\xf8\xff\xfe"))
        receiver.stop()

    run_virtual(run())
    assert len(caplog.records) == 1


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([OPUS, PCMU, EVENTS]),
            st.integers(0, 65_535),
            st.integers(0, 2**32 - 1),
            st.integers(0, 3),
            st.binary(max_size=60),
        ),
        max_size=40,
    )
)
def test_no_packets_hurt(junk: list[tuple[int, int, int, int, bytes]]) -> None:
    """Nothing raises, nothing is logged as a fault, and audio stays audio."""

    async def run() -> Microphone:
        microphone = Microphone()
        for kind, sequence, timestamp, ssrc, payload in junk:
            packet = RtpPacket(kind, sequence, timestamp, ssrc, payload)
            microphone.receiver.receive(packet)
            await asyncio.sleep(0.013)
        microphone.receiver.stop()
        return microphone

    microphone = run_virtual(run())
    assert not microphone.receiver._faulty
    assert all(np.isfinite(samples).all() for samples in microphone.heard)


@pytest.mark.parametrize("ptime_ms", [10, 20, 30, 40, 60])
def test_packets_of_any_length_are_heard_whole(ptime_ms: int) -> None:
    """A second of them is a second, none of it made up."""
    ticks = ptime_ms * 8

    async def run() -> Microphone:
        microphone = Microphone()
        for number in range(1200 // ptime_ms):
            packet = RtpPacket(PCMU, number, number * ticks, 1, b"\xd0" * ticks)
            microphone.receiver.receive(packet)
            await asyncio.sleep(ptime_ms / 1000)
        microphone.receiver.stop()
        return microphone

    microphone = run_virtual(run())
    assert len(microphone.samples) == pytest.approx(MIC_RATE * 1.2, abs=32)
    assert not any(microphone.made_up)


@pytest.mark.parametrize("runs_on", [True, False])
def test_a_pause_of_a_minute_is_a_minute_of_silence(runs_on: bool) -> None:
    """Whether the sender's timestamps run on in it or not; speech after it is heard."""

    async def run() -> Microphone:
        microphone = Microphone()

        def put(number: int, at_s: float) -> None:
            at = number * 160 + round(at_s * 8000)
            packet = RtpPacket(PCMU, number, at, 1, b"\xd0" * 160)
            microphone.receiver.receive(packet)

        for number in range(10):
            put(number, 0.0)
            await asyncio.sleep(0.02)
        await asyncio.sleep(60)
        for number in range(10, 20):
            put(number, 60.0 if runs_on else 0.0)
            await asyncio.sleep(0.02)
        microphone.receiver.stop()
        return microphone

    microphone = run_virtual(run())
    assert len(microphone.samples) / MIC_RATE == pytest.approx(60.4, abs=0.6)
    assert level_db(microphone.samples[-1600:]) > -40
    assert level_db(microphone.samples[MIC_RATE * 5 : MIC_RATE * 55]) < -90


def test_comfort_noise_is_a_pause_and_no_loss() -> None:
    """It is announced by packets of its own, in the same sequence."""

    async def run() -> Microphone:
        microphone = Microphone()
        for number in range(10):
            microphone.put(number, b"\xd0" * 160, PCMU)
            await asyncio.sleep(0.02)
        microphone.put(10, b"\x40", CN)
        await asyncio.sleep(2)
        packet = RtpPacket(PCMU, 11, 10 * 160 + 16_000, 1, b"\xd0" * 160)
        microphone.receiver.receive(packet)
        microphone.receiver.stop()
        return microphone

    microphone = run_virtual(run())
    report = microphone.receiver.report()
    assert report is not None
    assert report.counts.lost == 0
    assert report.counts.concealed_ticks == 0
    assert report.counts.paused_ticks == pytest.approx(16_000, abs=400)
    assert not any(microphone.made_up)
    assert report.undecodable == 0


def test_comfort_noise_of_nobody_is_nothing() -> None:
    """Before the first audio, and of another stream."""

    async def run() -> Microphone:
        microphone = Microphone()
        microphone.put(0, b"\x40", CN)
        microphone.put(1, b"\xd0" * 160, PCMU)
        microphone.put(2, b"\x40", CN, ssrc=2)
        microphone.receiver.stop()
        return microphone

    assert len(run_virtual(run()).heard) == 1


def test_a_stream_may_begin_anew() -> None:
    """Another SSRC in the midst of it, with numbers of its own."""

    async def run() -> Microphone:
        microphone = Microphone()
        for ssrc, first in ((1, 100), (2, 60_000)):
            for number in range(first, first + 25):
                microphone.put(number, b"\xd0" * 160, PCMU, ssrc)
                await asyncio.sleep(0.02)
        microphone.receiver.stop()
        return microphone

    microphone = run_virtual(run())
    assert len(microphone.samples) == pytest.approx(MIC_RATE, abs=64)
    assert not any(microphone.made_up)
