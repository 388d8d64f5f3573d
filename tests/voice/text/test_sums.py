"""What is a sum and what is not; the table of the normaliser covers the words."""

from __future__ import annotations

import pytest

from voiceserver.voice.text.normalise import normalise


@pytest.mark.parametrize(
    "text", ["10-20", "10 - 20", "range = 10-20", "5-10%", "1939-45", "555-1234"]
)
def test_a_hyphen_alone_makes_no_sum(text: str) -> None:
    """Ranges, years and telephone numbers keep theirs."""
    assert "minus" not in normalise(text).words


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("3^", "three"),
        ("^", ""),
        ("1e", "one e"),
        ("1e9999", "one e nine nine nine nine"),
        ("2 - =", "two equals"),
    ],
)
def test_what_is_no_power_is_still_read(text: str, said: str) -> None:
    """A half-written sum never fails."""
    assert " ".join(normalise(text).words) == said


def test_a_power_too_high_to_say_is_read_in_digits_words() -> None:
    """Its exponent is a number like any other, and is not worked out."""
    words = list(normalise("1^99999999999").words)
    assert words[:4] == ["one", "ninety", "nine", "billion"]


def test_the_sign_of_a_first_number_is_kept() -> None:
    """A hyphen before the first number belongs to it."""
    assert normalise("-4 + 1 = -3").words[:2] == ("minus", "four")
