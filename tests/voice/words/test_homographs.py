"""Homographs by their sentence: a table of sentences, each with the right reading."""

from __future__ import annotations

from pathlib import Path

import pytest

from voiceserver.voice.text.normalise import normalise
from voiceserver.voice.words.homographs import Sentence, find, reading, table
from voiceserver.voice.words.phones import with_s

SENTENCES = Path(__file__).with_name("homographs.tsv")
LEAST_RIGHT = 0.97  # of the sentences; see benchmarks.voice_words


def rows() -> list[list[str]]:
    """Word, name of its reading, sentence."""
    lines = SENTENCES.read_text(encoding="ascii").splitlines()
    return [line.split("\t") for line in lines]


def right(word: str, name: str, text: str) -> bool:
    """Whether the reading named is the one chosen."""
    tokens = normalise(text).tokens
    words = [t.text for t in tokens]
    sentence = Sentence(words, [text[t.start].isupper() for t in tokens])
    found = find(word)
    assert found is not None, word
    return reading(sentence, words.index(word)) == found[1][name]


def test_sentences_choose_the_reading() -> None:
    """At least so many of a few hundred are right; the wrong ones are shown."""
    wrong = [row for row in rows() if not right(*row)]
    assert len(wrong) <= (1 - LEAST_RIGHT) * len(rows()), wrong


@pytest.mark.parametrize(
    ("word", "name", "text"),
    [
        ("live", "verb", "Where do you live?"),
        ("close", "verb", "Please close the window."),
        ("read", "present", "Did you read my message?"),
        ("use", "verb", "Can I use it?"),
        ("wind", "noun", "The north wind blew."),
        ("excuse", "verb", "Excuse me."),
        ("lead", "verb", "Lead the way."),
        ("desert", "noun", "Sow the seeds in the desert."),
        ("polish", "name", "They are Polish."),
    ],
)
def test_everyday_phrases(word: str, name: str, text: str) -> None:
    """What is said every day is right without exception."""
    assert right(word, name, text)


def test_every_homograph_has_two_readings() -> None:
    """Else it would be none; forms with -s follow from the stem's."""
    assert all(len(readings) == 2 for readings in table().values())
    found = find("records")
    assert found is not None
    assert found[1]["noun"] == with_s(table()["record"]["noun"])
    assert find("table") is None
    assert find("reads") is None
