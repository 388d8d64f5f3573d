"""Money of the world."""

from __future__ import annotations

import pytest

from tests.voice.text.test_written import said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("CA$30", "thirty canadian dollars"),
        ("USD 25.50", "twenty five U S dollars and fifty cents"),
        ("25 EUR", "twenty five euros"),
        ("19,99 €", "nineteen euros and ninety nine cents"),
        ("300 kr", "three hundred kronor"),
        ("50 zł", "fifty zlotys"),
        ("₹1,00,000", "one hundred thousand rupees"),
        ("R$ 5", "five reais"),
        ("$-5", "minus five dollars"),
        ("a €20 note", "a twenty euro note"),
        ("¥1.5 million", "one point five million yen"),
    ],
)
def test_amounts(text: str, words: str) -> None:
    """Signs, signs with letters, names and codes, before or behind."""
    assert said(text) == words
