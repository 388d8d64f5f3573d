"""Numbers in speech, both ways."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.engines.responder.numbers import read
from voiceserver.engines.words import spoken


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("zero", "0"),
        ("twenty one", "21"),
        ("a hundred", "100"),
        ("one hundred and five", "105"),
        ("two thousand and one", "2001"),
        ("two million three hundred thousand", "2300000"),
        ("nineteen eighty four", "1984"),
        ("nineteen oh five", "1905"),
        ("twenty twenty six", "2026"),
        ("nineteen hundred", "1900"),
        ("one oh five", "105"),
        ("one forty four", "144"),
        ("three point one four", "3.14"),
        ("three point fourteen", "3.14"),
        ("three point oh five", "3.05"),
        ("point five", "0.5"),
        ("two and a half", "2.5"),
        ("half", "0.5"),
        ("a quarter", "0.25"),
        ("a dozen", "12"),
        ("1,250.5", "1250.5"),
        ("3.5 million", "3500000"),
    ],
)
def test_a_number_is_read_whole(words: str, value: str) -> None:
    """All of its words belong to it."""
    assert read(words.split()) == (Decimal(value), len(words.split()))


@pytest.mark.parametrize(
    ("words", "value", "end"),
    [
        ("five plus two", 5, 1),
        ("two ten", 2, 1),
        ("twenty and thirty", 20, 1),
        ("one hundred and counting", 100, 2),
        ("twenty thousand million", 20_000, 2),
    ],
)
def test_a_number_ends_where_it_should(words: str, value: int, end: int) -> None:
    """What follows is left to others."""
    assert read(words.split()) == (Decimal(value), end)


@pytest.mark.parametrize("words", ["", "and", "a", "hundreds", "point", "9" * 99])
def test_what_is_no_number_is_none(words: str) -> None:
    """Neither is a numeral longer than fifteen digits."""
    assert read(words.split()) is None


@given(st.integers(0, 999_999_999))
def test_a_spoken_number_is_read_back(n: int) -> None:
    """``read`` is the inverse of ``spoken``."""
    assert read(spoken(n)) == (Decimal(n), len(spoken(n)))


NUMBER_WORDS = st.sampled_from(
    "a and half point hundred thousand million one two oh ten twenty 5 2.5 x".split()
)


@given(st.lists(NUMBER_WORDS, max_size=12), st.integers(-1, 13))
def test_any_words_give_a_number_or_none(words: list[str], at: int) -> None:
    """A number that is read begins where it was looked for and is not negative."""
    found = read(words, at)
    assert found is None or (found[0] >= 0 and at < found[1] <= len(words))
