"""Speech becomes sound files."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile

from tests.files.test_decoding import tone
from voiceserver.audio import MIC_RATE, SPEECH_RATE
from voiceserver.files.decoding import decode
from voiceserver.files.encoder import MEDIA_TYPES, Format, SoundEncoder


@pytest.mark.parametrize("format", list(MEDIA_TYPES))
@pytest.mark.parametrize("streamed", [True, False])
def test_what_is_encoded_can_be_read_again(format: Format, streamed: bool) -> None:
    """In pieces as they come, and whole."""
    encoder = SoundEncoder(format, streamed)
    pieces = [encoder.push(part) for part in np.split(tone(1.0, SPEECH_RATE), 10)]
    pieces.append(encoder.finish())
    content = b"".join(pieces)
    if format == "pcm":
        assert len(content) == 2 * SPEECH_RATE
        return
    assert len(decode(content)) == pytest.approx(MIC_RATE, rel=0.1)
    assert any(pieces[:-1]) == (streamed and format != "flac")


def test_a_whole_wav_says_its_length() -> None:
    """Where a streamed one cannot."""
    encoder = SoundEncoder("wav", streamed=False)
    encoder.push(tone(0.5, SPEECH_RATE))
    with soundfile.SoundFile(io.BytesIO(encoder.finish())) as file:
        assert file.frames == SPEECH_RATE // 2


def test_an_encoder_may_be_given_up() -> None:
    """Before its end, and twice."""
    encoder = SoundEncoder("mp3")
    encoder.push(tone(0.1, SPEECH_RATE))
    encoder.close()
    encoder.close()


@pytest.mark.parametrize("format", ["mp3", "opus", "wav", "pcm"])
def test_a_stream_leaves_as_it_is_made(format: Format) -> None:
    """Of 1 s in pieces of 200 ms, each gives bytes, the first too."""
    encoder = SoundEncoder(format)
    pieces = np.split(tone(1.0, SPEECH_RATE), 5)
    assert all(len(encoder.push(piece)) > 100 for piece in pieces)
    encoder.close()
