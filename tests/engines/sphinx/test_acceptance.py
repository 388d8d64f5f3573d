"""When the grammar is believed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.engines.sphinx.acceptance import (
    Limits,
    accepted,
    fit,
    is_speech,
    phone_distance,
)
from voiceserver.engines.sphinx.search import Word

LIMITS = Limits(fit=-5.0, distance=0.5)
PHONES = {
    "today": ("T", "AH", "D", "EY"),
    "to": ("T", "AH"),
    "date": ("D", "EY", "T"),
    "help": ("HH", "EH", "L", "P"),
}


def words(text: str, per_frame: float = -3.0) -> tuple[Word, ...]:
    """Words of 20 frames each, after one another."""
    return tuple(
        Word(word, 20 * i, 20 * i + 20, 20 * per_frame)
        for i, word in enumerate(text.split())
    )


def phones(word: str) -> tuple[str, ...]:
    return PHONES.get(word, ())


def test_a_sentence_that_fits_and_sounds_alike_is_believed() -> None:
    """Dictation heard "to date": one phone of five too many."""
    assert accepted(words("today"), words("to date"), phones, LIMITS)


def test_a_sentence_that_does_not_fit_is_not_believed() -> None:
    """-6 per frame is under the limit of -5."""
    assert not accepted(words("today", -6.0), words("today"), phones, LIMITS)


def test_a_sentence_unlike_what_dictation_heard_is_not_believed() -> None:
    """However well its sounds fit."""
    assert not accepted(words("today"), words("help"), phones, LIMITS)


def test_nothing_is_never_believed() -> None:
    """An empty path is no sentence."""
    assert not accepted((), words("today"), phones, LIMITS)


def test_fit_is_the_mean_over_frames_of_speech() -> None:
    """Silence between words does not count: (-30 - 90) / (10 + 30)."""
    pair = (Word("a", 0, 10, -30.0), Word("b", 100, 130, -90.0))
    assert fit(pair) == pytest.approx(-3.0)


def test_no_words_have_no_fit() -> None:
    """A slip is not hidden."""
    with pytest.raises(ValueError, match="no words"):
        fit(())


def test_silence_against_words_is_as_far_as_can_be() -> None:
    """Dictation heard nothing."""
    assert phone_distance(words("today"), (), phones) == 1.0


def test_words_as_long_as_speech_are_speech() -> None:
    """Two words of 20 frames for 2 + 3 phones: 8 frames a phone."""
    assert is_speech(words("to date"), phones)


def test_a_slow_word_is_speech() -> None:
    """Half a second for two phones."""
    assert is_speech((Word("to", 0, 50, -150.0),), phones)


def test_a_word_drawn_out_over_seconds_is_noise() -> None:
    """301 frames of hum heard as one short word."""
    assert not is_speech((Word("to", 0, 301, -300.0),), phones)


def test_no_words_are_no_noise() -> None:
    """Nothing to doubt."""
    assert is_speech((), phones)


TEXTS = st.lists(st.sampled_from(sorted(PHONES)), max_size=6).map(" ".join)


@given(TEXTS, TEXTS)
def test_distance_is_symmetric_and_bounded(first: str, second: str) -> None:
    """0 for equal texts, at most 1."""
    there = phone_distance(words(first), words(second), phones)
    assert there == phone_distance(words(second), words(first), phones)
    assert 0 <= there <= 1
    assert phone_distance(words(first), words(first), phones) == 0
