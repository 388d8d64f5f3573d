"""Several files in one are heard whole, or refused."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from tests.files.test_decoding import MP4, WEBM, tone, written
from voiceserver.audio import MIC_RATE
from voiceserver.errors import BadAudio
from voiceserver.files.decoding import decode
from voiceserver.files.joined import is_joined, mp3_length_s

ID3 = b"ID3\x04\x00\x00\x00\x00\x00\x0a" + bytes(10)
TAG = b"TAG" + bytes(125)


def mp3(rate: int = 24_000, mode: str = "CONSTANT", hz: float = 440.0) -> bytes:
    """One second, with a header that says its length."""
    sink = io.BytesIO()
    with soundfile.SoundFile(
        sink,
        "w",
        rate,
        1,
        "MPEG_LAYER_III",
        format="MP3",
        bitrate_mode=mode,
        compression_level=0.6,
    ) as file:
        file.write(tone(1.0, rate, hz))
    return sink.getvalue()


def bare(content: bytes) -> bytes:
    """Without that header, as tools that cut files leave them."""
    return content[content.find(content[:2], 4) :]


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [("WAV", None), ("FLAC", None), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("AIFF", None)],
)
def test_joined_files_are_refused_not_heard_by_half(
    kind: str, subtype: str | None
) -> None:
    """``cat one two``; what is only one file is heard."""
    content = written(tone(1.0, 16_000), 16_000, kind, subtype)
    assert len(decode(content)) == 16_000
    with pytest.raises(BadAudio, match="several"):
        decode(content * 2)


def test_a_joined_mp4_is_refused_and_a_joined_webm_heard_whole() -> None:
    """As FFmpeg reads them."""
    with pytest.raises(BadAudio, match="several"):
        decode(MP4 * 2)
    assert len(decode(WEBM * 2)) == pytest.approx(2 * MIC_RATE, rel=0.1)


@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
@pytest.mark.parametrize("between", [b"", ID3, TAG])
def test_a_header_of_the_first_mp3_never_hides_the_second(
    mode: str, between: bytes
) -> None:
    """Whether that has one or not: its length ends the decoder's work."""
    first = mp3(mode=mode)
    assert len(decode(first + TAG)) == pytest.approx(MIC_RATE, rel=0.1)
    for second in (mp3(), bare(mp3())):
        with pytest.raises(BadAudio, match="several"):
            decode(first + between + second)


@pytest.mark.parametrize("between", [b"", ID3, TAG])
def test_mp3s_without_a_header_are_heard_whole(between: bytes) -> None:
    """They are one stream."""
    joined = bare(mp3()) + between + bare(mp3(hz=880))
    assert len(decode(joined)) == pytest.approx(2 * MIC_RATE, rel=0.1)


@pytest.mark.parametrize(
    "second", [bare(mp3(48_000)), bare(mp3(16_000)), b"rubbish" * 900 + bare(mp3())]
)
def test_an_mp3_that_the_decoder_gives_up_in_the_middle_is_refused(
    second: bytes,
) -> None:
    """Where its rate changes, or after rubbish."""
    with pytest.raises(BadAudio, match="several"):
        decode(bare(mp3()) + second)


def test_frames_tell_how_long_an_mp3_is() -> None:
    """Of all versions."""
    for rate in (8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000):
        assert mp3_length_s(mp3(rate)) == pytest.approx(1.1, abs=0.2)
    assert mp3_length_s(b"") == mp3_length_s(b"\xff" * 9_000) == 0.0


@given(
    st.sampled_from([b"RIFF", b"fLaC", b"OggS", b"FORM", bytes(4), b"\xff\xfb\x90"]),
    st.binary(max_size=200),
    st.integers(1, 3),
)
def test_no_bytes_raise(begin: bytes, rest: bytes, times: int) -> None:
    """Whatever they claim to be."""
    content = (begin + b"ftyp" + rest) * times
    assert is_joined(content) in (True, False)
    assert np.isfinite(mp3_length_s(content))
