"""Streets, scripture, positions, chords, ratings and Roman numerals."""

from __future__ import annotations

import pytest

from tests.voice.text.test_written import said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Elm Dr is closed", "elm drive is closed"),
        ("The Dr is in", "the doctor is in"),
        ("Ask Dr Lee", "ask doctor lee"),
        ("Romans 8:28", "romans eight twenty eight"),
        ("1 Peter 5:7-9", "first peter five seven to nine"),
        ("a ratio of 8:28", "a ratio of eight to twenty eight"),
        ("48.85° N", "forty eight point eight five degrees north"),
        ("Em to Am", "E minor to A minor"),
        ("Aunt Em said", "aunt em said"),
        ("★★★☆☆", "three out of five stars"),
        ("Xbox Series X", "xbox series X"),
        ("Chapter X", "chapter ten"),
        ("Charles III's", "charles the third's"),
        ("I, II and III", "one two and three"),
        ("the XIX century", "the nineteenth century"),
    ],
)
def test_customs(text: str, words: str) -> None:
    """Each custom is read where its evidence is, and nowhere else."""
    assert said(text) == words
