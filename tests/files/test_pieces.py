"""Long recordings are cut, and their quiet is left out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.files.test_decoding import tone
from voiceserver.audio import MIC_RATE, to_int16
from voiceserver.files.pieces import Recording, pieces


def sounding(seconds: float, level: float = 0.5) -> Recording:
    return to_int16(tone(seconds, MIC_RATE, level=level))


def quiet(seconds: float) -> Recording:
    return np.zeros(int(seconds * MIC_RATE), np.int16)


def test_long_recordings_are_cut_in_their_pauses() -> None:
    """60 s with a pause of 0.4 s each 10 s, in pieces of at most 25 s."""
    speech = sounding(60.0)
    for second in range(10, 60, 10):
        speech[second * MIC_RATE : second * MIC_RATE + 6400] = 0
    found = pieces(speech)
    assert np.array_equal(np.concatenate([piece.pcm for piece in found]), speech)
    assert [round(len(piece.pcm) / MIC_RATE) for piece in found] == [20, 20, 20]
    for piece in found[1:]:
        assert not piece.pcm[:800].any()


def test_short_recordings_stay_whole() -> None:
    """One piece."""
    assert len(pieces(sounding(25.0))) == 1


def test_silence_is_no_piece() -> None:
    """Neither digital silence nor its dither; ten minutes of it cost nothing."""
    assert pieces(quiet(600)) == []
    dither = np.random.default_rng(1).integers(-1, 2, 60 * MIC_RATE)
    assert pieces(dither.astype(np.int16)) == []
    assert pieces(np.zeros(0, np.int16)) == []


@pytest.mark.parametrize("level", [0.5, 0.01, 0.001])
def test_long_quiet_is_left_out_and_what_is_heard_keeps_its_place(level: float) -> None:
    """With a margin on both sides; a faint recording is measured by itself."""
    speech = sounding(1.0, level)
    found = pieces(np.concatenate([quiet(30), speech, quiet(40), speech, quiet(30)]))
    assert [piece.start / MIC_RATE for piece in found] == pytest.approx([29.7, 70.7])
    assert [piece.end / MIC_RATE for piece in found] == pytest.approx([31.3, 72.3])


def test_pauses_between_words_stay() -> None:
    """Up to a second."""
    speech = np.concatenate([sounding(1.0), quiet(0.9), sounding(1.0)])
    (piece,) = pieces(speech)
    assert np.array_equal(piece.pcm, speech)


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(st.floats(0, 8), st.sampled_from([0.0, 0.0001, 0.01, 0.5])),
        min_size=1,
        max_size=6,
    )
)
def test_pieces_follow_on_each_other_and_hold_all_that_is_loud(
    parts: list[tuple[float, float]],
) -> None:
    """In order, without overlap, each a part of the recording."""
    recording = np.concatenate([sounding(length, level) for length, level in parts])
    found = pieces(recording, longest_s=5.0)
    ends = [0, *(piece.end for piece in found)]
    for piece, before in zip(found, ends, strict=False):
        assert piece.start >= before
        assert 0 < len(piece.pcm) <= 5 * MIC_RATE
        assert np.array_equal(piece.pcm, recording[piece.start : piece.end])
    left_out = recording.copy()
    for piece in found:
        left_out[piece.start : piece.end] = 0
    assert np.abs(left_out).max(initial=0) < 0.01 * 32_768
