"""Numbers in words."""

from __future__ import annotations

import pytest

from voiceserver.voice.text.numbers import (
    cardinal,
    decimal,
    digits,
    fraction,
    ordinal,
    plural,
    roman,
    year,
)


@pytest.mark.parametrize(
    ("n", "words"),
    [
        (0, "zero"),
        (40, "forty"),
        (1205, "one thousand two hundred five"),
        (1_000_001, "one million one"),
        (-3, "minus three"),
    ],
)
def test_cardinal(n: int, words: str) -> None:
    """American reading, without "and"."""
    assert " ".join(cardinal(n)) == words


def test_numbers_too_long_to_name_are_read_by_digit() -> None:
    """Nineteen digits and more: one word each."""
    assert cardinal(10**18) == ["one", *["zero"] * 18]


def test_ordinals_change_only_the_last_word() -> None:
    """Regular, in -y, and irregular."""
    assert [ordinal(n)[-1] for n in (1, 20, 12, 25, 104)] == [
        "first",
        "twentieth",
        "twelfth",
        "fifth",
        "fourth",
    ]


@pytest.mark.parametrize(
    ("n", "words"),
    [(1999, "nineteen ninety nine"), (1807, "eighteen oh seven"), (12, "twelve")],
)
def test_year(n: int, words: str) -> None:
    """Pairs of digits, unless the year is too short for them."""
    assert " ".join(year(n)) == words


def test_decimal_reads_digits_after_the_point() -> None:
    """Groups before the point are joined, digits after it are not."""
    assert " ".join(decimal("1,000.05")) == "one thousand point zero five"


def test_small_forms() -> None:
    """Digits with another zero, plurals, fractions."""
    assert digits("105", "oh") == ["one", "oh", "five"]
    assert plural(["twenty"]) == ["twenties"]
    assert plural(["six"]) == ["sixes"]
    assert " ".join(fraction(3, 4)) == "three quarters"
    assert " ".join(fraction(1, 200)) == "one over two hundred"


@pytest.mark.parametrize(
    ("text", "value"),
    [("IV", 4), ("MCMXCIX", 1999), ("IIII", 0), ("VX", 0), ("", 0), ("IC", 0)],
)
def test_roman_refuses_what_is_not_well_formed(text: str, value: int) -> None:
    """Only the canonical numeral of a value counts."""
    assert roman(text) == value
