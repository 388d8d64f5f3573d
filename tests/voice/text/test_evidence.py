"""Readings are chosen by what stands beside a number, not by its shape."""

from __future__ import annotations

import pytest

from tests.voice.text.evidence_table import EVIDENCE_TABLE
from tests.voice.text.test_normalise import shown
from voiceserver.voice.text.normalise import normalise

CASES = [case for cases in EVIDENCE_TABLE.values() for case in cases]


@pytest.mark.parametrize(("text", "spoken"), CASES)
def test_table(text: str, spoken: str) -> None:
    """Each text of the table is spoken as written there."""
    assert shown(normalise(text)) == spoken


@pytest.mark.parametrize("tail", "p cc bpm dpi v hz F Ti degrees xyz qq".split())
@pytest.mark.parametrize("number", ["12", "144", "250", "1080", "4090"])
def test_letters_behind_a_number_never_split_it(number: str, tail: str) -> None:
    """Whatever follows: the number comes whole, then the letters or their unit."""
    words = normalise(number + tail).words
    assert words[: len(words) - 1][0] != "zero"
    assert "zero" not in words


def test_a_word_in_greek_is_left_out_and_counted() -> None:
    """Only a letter by itself is a sign."""
    assert normalise("Καλημέρα").words == ()
    assert normalise("Καλημέρα").skipped == 8
