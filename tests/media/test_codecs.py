"""Every codec that a call can be answered with."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import av
import numpy as np
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voiceserver.audio import MIC_RATE, SPEECH_FRAME, SPEECH_RATE, Samples, level_db
from voiceserver.errors import BadAudio
from voiceserver.media import codecs
from voiceserver.media.codecs import OpusDecoder, OpusEncoder, decoder_for, encoder_for

CODECS = ("audio/opus", "audio/PCMU", "audio/PCMA", "audio/G722")


@pytest.mark.parametrize("mime_type", CODECS)
def test_a_tone_survives(mime_type: str) -> None:
    """24 kHz in, 16 kHz out, the right pitch and level, no time lost."""
    encoder, decoder = encoder_for(mime_type), decoder_for(mime_type)
    assert encoder is not None
    assert decoder is not None
    payloads = [encoder.encode(tone(index)) for index in range(50)]
    ticks = [decoder.duration_ticks(payload) for payload in payloads]
    assert ticks == [encoder.ticks] * 50
    assert encoder.ticks * 50 == decoder.clock_rate
    heard = np.concatenate([decoder.decode(payload) for payload in payloads])
    assert len(heard) == pytest.approx(MIC_RATE, abs=32)
    steady = heard[3200 : 3200 + 12_000]
    spectrum = np.abs(np.fft.rfft(steady))
    assert spectrum.argmax() * MIC_RATE / len(steady) == pytest.approx(440, abs=5)
    assert level_db(steady) == pytest.approx(level_db(tone(0)), abs=1.5)


@pytest.mark.parametrize("mime_type", CODECS)
def test_what_is_missing_is_made_up_and_fades(mime_type: str) -> None:
    """In the length that is asked for."""
    encoder, decoder = encoder_for(mime_type), decoder_for(mime_type)
    assert encoder is not None
    assert decoder is not None
    payload = b""
    for index in range(10):
        payload = encoder.encode(tone(index))
        decoder.decode(payload)
    assert len(decoder.recover(payload, 320)) == 320
    levels = []
    for _ in range(12):
        made_up = decoder.conceal(320)
        assert len(made_up) == 320
        levels.append(level_db(made_up))
    assert levels[0] > -30
    assert levels[-1] < levels[0] - 20


def test_telephone_events_are_no_audio() -> None:
    """They may be negotiated beside a codec."""
    assert decoder_for("audio/telephone-event") is None
    assert encoder_for("audio/telephone-event") is None


SILENCE = b"\xf8\xff\xfe"  # RFC 6716: 20 ms of CELT silence


def tone(index: int, frequency_hz: float = 440) -> Samples:
    """20 ms of a tone at 24 kHz."""
    time_s = (np.arange(SPEECH_FRAME) + index * SPEECH_FRAME) / SPEECH_RATE
    return (0.3 * np.sin(2 * np.pi * frequency_hz * time_s)).astype(np.float32)


def buzz(index: int) -> Samples:
    """20 ms of four syllables a second: a steady tone is soon taken for noise."""
    steady = sum(tone(index, 120.0 * k) / k for k in range(1, 12))
    loudness = 0.05 + 0.5 * abs(np.sin(np.pi * 4 * index * 0.02))
    return np.asarray(steady * loudness, np.float32)


def encoded(n: int) -> list[bytes]:
    """A buzz, encoded."""
    encoder = OpusEncoder()
    return [encoder.encode(buzz(index)) for index in range(n)]


def test_the_library_is_found() -> None:
    """With no package but those that are installed anyway."""
    assert codecs.version().startswith("libopus 1.")


def test_without_the_library_it_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not that an address is null."""
    monkeypatch.setattr(codecs, "_candidates", lambda: ["libnothing.so.0"])
    codecs.library.cache_clear()
    with pytest.raises(codecs.NoLibopus, match="apt install libopus0"):
        codecs.library()
    codecs.library.cache_clear()


def test_opus_keeps_the_tone() -> None:
    """24 kHz in, 440 Hz at its level out, at 16 kHz."""
    encoder, decoder = OpusEncoder(), OpusDecoder()
    heard = np.concatenate(
        [decoder.decode(encoder.encode(tone(index))) for index in range(50)]
    )
    assert len(heard) == 16_000
    spectrum = np.abs(np.fft.rfft(heard[3200:]))
    assert spectrum.argmax() * 16_000 / len(heard[3200:]) == pytest.approx(440, abs=5)
    assert level_db(heard[3200:]) == pytest.approx(level_db(tone(0)), abs=1.5)


def test_another_decoder_understands_it() -> None:
    """The one that clients built on PyAV use."""
    decoder: Any = av.CodecContext.create("libopus", "r")
    decoder.sample_rate = 48_000
    frames = [f for p in encoded(10) for f in decoder.decode(av.Packet(p))]
    assert sum(frame.samples for frame in frames) == 9_600


def test_a_packet_is_small() -> None:
    """About 32 kb/s: 80 bytes for 20 ms."""
    assert np.mean([len(packet) for packet in encoded(50)]) < 110


def test_packets_carry_a_copy_of_the_one_before() -> None:
    """Else there would be nothing to recover from; pauses need none."""
    assert np.mean([codecs.repairs(packet) for packet in encoded(100)]) > 0.7
    assert not codecs.repairs(SILENCE)


def test_correction_can_be_left_out_and_comes_back() -> None:
    """From one frame to the next, as the line asks for it."""
    encoder, shares = OpusEncoder(), []
    for percent in (10, 0, 20):
        encoder.expect_loss(percent)
        packets = [encoder.encode(buzz(index)) for index in range(100)]
        shares.append(np.mean([codecs.repairs(packet) for packet in packets[10:]]))
    assert min(shares[0], shares[2]) > 0.7
    assert shares[1] == 0


def test_a_lost_packet_is_recovered() -> None:
    """Closer to what was said than what is made up."""
    packets = encoded(30)

    def heard(how: str) -> Samples:
        decoder = OpusDecoder()
        for packet in packets[:20]:
            decoder.decode(packet)
        if how == "received":
            return decoder.decode(packets[20])
        if how == "recovered":
            return decoder.recover(packets[21], 320)
        return decoder.conceal(320)

    truth = heard("received")
    assert len(heard("recovered")) == len(heard("concealed")) == 320
    error = {how: level_db(heard(how) - truth) for how in ("recovered", "concealed")}
    assert error["recovered"] < level_db(truth) - 3


def test_concealment_fades() -> None:
    """200 ms on there is next to nothing."""
    decoder = OpusDecoder()
    for packet in encoded(20):
        decoder.decode(packet)
    levels = [level_db(decoder.conceal(320)) for _ in range(20)]
    assert levels[0] > -30
    assert levels[-1] < levels[0] - 20


@pytest.mark.parametrize(
    ("payload", "ticks"),
    [
        (b"", 0),
        (SILENCE, 960),
        (b"\x08", 960),  # SILK 20 ms, one frame
        (b"\x18", 2880),  # SILK 60 ms
        (b"\xe0", 120),  # CELT 2.5 ms
        (b"\x09", 1920),  # two frames
        (b"\x0b\x03", 2880),  # three frames, counted in the second byte
        (b"\x0b", 0),  # which is missing
        (b"\x1b\x3f", 0),  # 63 frames of 60 ms: no packet is longer than 120 ms
    ],
)
def test_a_packet_tells_its_duration(payload: bytes, ticks: int) -> None:
    """By its first byte or two, RFC 6716 section 3.1."""
    assert codecs.duration_ticks(payload) == ticks


def test_an_empty_frame_announces_a_pause() -> None:
    """A byte or two are no sound."""
    assert codecs.pauses(b"\x08")
    assert not codecs.pauses(SILENCE)


def test_a_wrong_frame_is_our_own_mistake() -> None:
    """Half a frame would give a packet of another duration than its timestamp."""
    with pytest.raises(ValueError, match="20 ms"):
        OpusEncoder().encode(tone(0)[:240])


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200), st.integers(-5, 10_000))
def test_no_bytes_hurt(payload: bytes, n_samples: int) -> None:
    """They are decoded or refused; lengths stay bounded."""
    decoder = OpusDecoder()
    codecs.repairs(payload)
    assert 0 <= codecs.duration_ticks(payload) <= 5_760
    ways: list[Callable[[], Samples]] = [
        lambda: decoder.decode(payload),
        lambda: decoder.recover(payload, n_samples),
        lambda: decoder.conceal(n_samples),
    ]
    for work in ways:
        try:
            assert len(work()) <= codecs.LONGEST
        except BadAudio:
            continue


def resident_bytes() -> int:
    """Memory of this process that is in use."""
    resident: int = psutil.Process().memory_info().rss
    return resident


def test_memory_is_given_back() -> None:
    """A thousand calls leave nothing behind; kept, they would hold 43 MB."""

    def call() -> None:
        OpusDecoder().decode(SILENCE)
        OpusEncoder().encode(tone(0))

    for _ in range(50):
        call()
    gc.collect()
    before = resident_bytes()
    for _ in range(1_000):
        call()
    gc.collect()
    assert resident_bytes() - before < 10_000_000
