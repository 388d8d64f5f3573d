"""Numbers of other countries become American ones of the same length."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.voice.text.separators import american


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("1.000,50", "1,000.50"),
        ("10.000.000", "10,000,000"),
        ("1.234.567,8", "1,234,567.8"),
        ("1,5", "1.5"),
        ("19,99 €", "19.99 €"),
        ("€1.000", "€1,000"),
        ("1'000'000", "1,000,000"),
        ("1_000_000", "1,000,000"),
        ("1 000 000", "1,000,000"),
        ("91 014", "91,014"),
        ("(1,5 km)", "(1.5 km)"),
    ],
)
def test_what_is_one_number_is_made_american(text: str, read: str) -> None:
    """Points before decimals, commas between thousands."""
    assert american(text) == read


@pytest.mark.parametrize(
    "text",
    ["1.000", "1,000", "192.168.100.200", "1.2.3", "(1,5)", "pages 3,5", "1,5 and 9",
     "1,2,3", "call 800 123 456", "code 304 017", "12 345", "v1.234.567b", "2,3/4"],
)  # fmt: skip
def test_what_is_something_else_stays(text: str) -> None:
    """Lists, addresses, codes, versions, and what America writes alike."""
    assert american(text) == text


@given(st.text(st.sampled_from("0123456789.,'_ €()ab"), max_size=40))
def test_the_length_stays(text: str) -> None:
    """Each character keeps its place."""
    assert len(american(text)) == len(text)
