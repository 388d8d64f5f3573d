# ruff: noqa: RUF001 - the alphabets are what they are
"""Phones as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.voice.words.phones import INDEX, VOWELS, bare
from voiceserver.voice.words.transcription import (
    ALPHABETS,
    LONGEST,
    is_cmu,
    read_phones,
)


@pytest.mark.parametrize(
    ("alphabet", "text", "phones"),
    [
        ("ipa", "/ˈnwiən/", "N W IY1 AH0 N"),
        ("ipa", "təˈmeɪtəʊ", "T AH0 M EY1 T OW0"),
        ("ipa", "[ˈbʌtn̩]", "B AH1 T AH0 N"),
        ("ipa", "ˈnɜːs", "N ER1 S"),
        ("ipa", "dʒɔɪ", "JH OY1"),
        ("ipa", "ˌæləˈbæmə", "AE2 L AH0 B AE1 M AH0"),
        ("x-sampa", '"n3:s', "N ER1 S"),
        ("x-sampa", 't@"m{t@U', "T AH0 M AE1 T OW0"),
        ("x-sampa", "dZ r\\ 3`", "JH R ER1"),
        ("cmu", "HH AH0 L OW1", "HH AH0 L OW1"),
        ("cmu", "w ih n", "W IH1 N"),
    ],
)
def test_english_is_read(alphabet: str, text: str, phones: str) -> None:
    """Stress where it is marked; unmarked, on the first vowel that is no schwa."""
    assert " ".join(read_phones(alphabet, text)) == phones


@pytest.mark.parametrize(
    ("alphabet", "text", "named"),
    [
        ("ipa", "bʏk", "'ʏ'"),
        ("ipa", "xa", "'x'"),
        ("ipa", "bã", "'a'|'ã'"),
        ("x-sampa", "b9k", "'9'"),
        ("cmu", "K XX", "'XX'"),
        ("cmu", "K0", "'K0'"),
        ("cmu", "AH12", "'AH12'"),
        ("ipa", " ˈ. ", "no phones"),
        ("sampa", "b", "ipa, x-sampa, cmu"),
        ("ipa", "b" * (LONGEST + 1), "200"),
    ],
)
def test_what_is_foreign_is_named(alphabet: str, text: str, named: str) -> None:
    """Not bent to something near."""
    with pytest.raises(ValueError, match=named):
        read_phones(alphabet, text)


@given(st.sampled_from(ALPHABETS), st.text(max_size=40))
def test_anything_is_phones_or_refused(alphabet: str, text: str) -> None:
    """All phones are the voice's own, every vowel with a stress."""
    try:
        phones = read_phones(alphabet, text)
    except ValueError:
        return
    assert phones
    for phone in phones:
        assert phone in INDEX
        assert (bare(phone) in VOWELS) == (phone != bare(phone))


def test_capitals_of_two_letters_are_cmu() -> None:
    """A respelling in capitals has a longer part somewhere."""
    assert is_cmu("K AE1 T")
    assert not is_cmu("jif")
    assert not is_cmu("EE VEE")
    assert not is_cmu("")
