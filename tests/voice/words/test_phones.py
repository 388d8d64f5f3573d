"""The phone alphabet."""

from __future__ import annotations

from voiceserver.voice.words.phones import (
    CONSONANTS,
    INDEX,
    LETTERS,
    MARKS,
    PAUSE,
    SYMBOLS,
    VOWELS,
    with_ed,
    with_s,
)


def test_alphabet_is_cmus() -> None:
    """39 phones; vowels with three stresses; marks first: the weights' format."""
    assert len(VOWELS) + len(CONSONANTS) == 39
    assert len(SYMBOLS) == len(set(SYMBOLS)) == 1 + len(MARKS) + 24 + 45
    assert INDEX[PAUSE] == 0
    assert SYMBOLS[1 : 1 + len(MARKS)] == MARKS


def test_every_letter_has_a_name_in_the_alphabet() -> None:
    """Names of letters are made of known symbols."""
    assert len(LETTERS) == 26
    assert all(p in INDEX for name in LETTERS.values() for p in name.split())


def test_endings_agree_in_voice() -> None:
    """-s and -ed are voiced after voiced phones, and syllables after their like."""
    assert with_s(("K", "AE1", "T"))[-1] == "S"
    assert with_s(("D", "AO1", "G"))[-1] == "Z"
    assert with_s(("B", "AH1", "S"))[-2:] == ("IH0", "Z")
    assert with_ed(("W", "AO1", "K"))[-1] == "T"
    assert with_ed(("N", "IY1", "D"))[-2:] == ("IH0", "D")
