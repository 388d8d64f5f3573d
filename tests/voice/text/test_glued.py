"""Numbers that are names, and letters behind numbers."""

from __future__ import annotations

import pytest

from tests.voice.text.test_written import said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Text 50409 to vote", "text five oh four oh nine to vote"),
        ("Call 50,000 people", "call fifty thousand people"),
        ("ISBN 0-306-40615-2",
         "I S B N zero three zero six four zero six one five two"),
        ("in 5d", "in five days"),
        ("a 3d model", "a three D model"),
        ("the iPhone 6s", "the I phone six S"),
        ("two iPhone 15s", "two I phone fifteens"),
        ("1080p60", "ten eighty P sixty"),
        ("RTX 3080", "R T X thirty eighty"),
        ("2/3rds", "two thirds"),
        ("fe80::1a2b:3c4d:5e6f:7a8b",
         "F E eight zero one A two B three C four D five E six F seven A eight B"),
        ("dial *67", "dial star six seven"),
    ],
)  # fmt: skip
def test_names_of_digits(text: str, words: str) -> None:
    """What stands beside a number says how it is read."""
    assert said(text) == words
