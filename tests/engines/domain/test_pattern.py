"""Patterns of wordings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.engines.domain.pattern import MAX_WORDINGS, BadPattern, wordings


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("latte", ["latte"]),
        ("[iced] latte", ["latte", "iced latte"]),
        ("(a | b) c", ["a c", "b c"]),
        ("a | b", ["a", "b"]),
        ("[a [very] big] one", ["one", "a big one", "a very big one"]),
        ("(a|a) b", ["a b"]),
        ("A Latte!", ["a latte"]),
        ("16 ounce", ["sixteen ounce"]),
    ],
)
def test_a_pattern_stands_for_its_wordings(pattern: str, said: list[str]) -> None:
    assert [" ".join(wording) for wording in wordings(pattern)] == said


@pytest.mark.parametrize(
    "pattern", ["", "()", "[a]b)", "(a", "[a)", "!?", "(a|b)" * 12]
)
def test_what_cannot_be_read_is_refused(pattern: str) -> None:
    with pytest.raises(BadPattern):
        wordings(pattern)


@given(st.text("ab |()[]", max_size=40))
def test_any_pattern_is_read_or_refused_and_bounded(pattern: str) -> None:
    try:
        said = wordings(pattern)
    except BadPattern:
        return
    assert 0 < len(said) <= MAX_WORDINGS
    assert all(said)
