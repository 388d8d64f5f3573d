"""The voice as a whole, with random weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.voice.tiny import write_tiny_voice
from voiceserver.voice.features import HOP
from voiceserver.voice.plan import Manner
from voiceserver.voice.speaker import AT_ONCE, PAUSE_AFTER, Voice, load_voice
from voiceserver.voice.weights import WeightsError


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Voice:
    """A tiny voice, loaded from its files."""
    return load_voice(write_tiny_voice(tmp_path_factory.mktemp("voice")))


def test_text_becomes_speech(voice: Voice) -> None:
    """Known words, unknown words and numbers all sound."""
    samples = voice.speak_all("The apple, zork and 21 %.")
    assert samples.dtype == np.float32
    assert len(samples) > 24_000 / 4
    assert np.isfinite(samples).all()


@pytest.mark.parametrize("text", ["", "  ", "...", "?!", "😀", "日本", "\x00\x07"])
def test_nothing_to_say_is_silence(voice: Voice, text: str) -> None:
    """No words, no pieces, no error."""
    assert list(voice.speak(text)) == []


def test_chunks_of_a_text_add_up(voice: Voice) -> None:
    """Over several clauses too."""
    text = "One two. The apple? Two!"
    whole = np.concatenate([p.samples for p in voice.speak(text, sizes=[10_000])])
    joined = np.concatenate([p.samples for p in voice.speak(text, sizes=iter([3, 7]))])
    assert len(whole) == len(joined)
    assert np.abs(whole - joined).max() < 1e-5


def test_marks_cover_the_words_in_order(voice: Voice) -> None:
    """Each source word has its stretch of samples; a number is one word."""
    text = "The apple 21 two."
    pieces = list(voice.speak(text))
    marks = pieces[0].marks
    assert [text[m.start : m.end] for m in marks] == ["The", "apple", "21", "two"]
    assert all(not p.marks for p in pieces[1:])
    total = sum(len(p.samples) for p in pieces)
    edges = [edge for m in marks for edge in (m.first, m.last)]
    assert edges == sorted(edges)
    assert edges[-1] <= total


def test_the_mark_between_clauses_sets_the_pause(voice: Voice) -> None:
    """As long as a full stop asks for, from the last sound to the next."""
    pieces = list(voice.speak("One. Two."))
    one, two = (p.marks[0] for p in pieces if p.marks)
    ends = sum(len(p.samples) for p in pieces if p.clause == 0)
    assert ends - one.last + two.first >= PAUSE_AFTER["."] * HOP
    after = sum(len(p.samples) for p in pieces if p.clause == 1) - two.last
    assert after >= PAUSE_AFTER["."] * HOP


def test_speech_begins_at_once(voice: Voice) -> None:
    """Whatever pause the model draws before the first word, little of it is left."""
    for seed in range(20):
        first = next(voice.speak("Two.", Manner(seed=seed, temperature=1.5)))
        assert first.marks[0].first <= (AT_ONCE.most + 1) * HOP


def test_clauses_begin_and_end_in_silence(voice: Voice) -> None:
    """So that no edge clicks."""
    pieces = list(voice.speak("One. Two."))
    assert all(p.samples[0] == 0 for p in pieces if p.marks)
    assert all(voice.speak_all(text)[-1] == 0 for text in ("One.", "One", "One,"))


def test_same_seed_same_speech(voice: Voice) -> None:
    """The seed fixes the reading; another gives another."""
    first, again, other = (
        voice.speak_all("The apple.", Manner(seed=s)) for s in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_long_text_is_spoken_in_bounded_pieces(voice: Voice) -> None:
    """A long text without marks comes in clauses; the first arrives at once."""
    pieces = voice.speak("two " * 2000)
    first = next(pieces)
    pieces.close()
    assert len(first.samples) <= 24_000


def test_a_missing_lexicon_is_named(tmp_path: Path) -> None:
    """So is a damaged one."""
    folder = write_tiny_voice(tmp_path / "v")
    (folder / "lexicon.gz").write_bytes(b"not gzip")
    with pytest.raises(WeightsError, match="lexicon"):
        load_voice(folder)
    (folder / "lexicon.gz").unlink()
    with pytest.raises(WeightsError, match="lexicon"):
        load_voice(folder)
