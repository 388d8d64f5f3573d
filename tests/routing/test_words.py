"""Words of a turn."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from voiceserver.routing.words import words_of_turn


def test_punctuation_and_case_are_left_out() -> None:
    """However a recogniser writes."""
    assert words_of_turn("What's 12 times 7, please?") == (
        "what's",
        "12",
        "times",
        "7",
        "please",
    )


@given(st.text(max_size=300))
def test_any_text_has_words_or_none(text: str) -> None:
    """And never an empty one."""
    assert all(words_of_turn(text))
