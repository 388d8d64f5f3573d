"""Verb or not, by the neighbours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.voice.words.grammar import MARKS, verb_weight


@pytest.mark.parametrize(
    ("sentence", "verb"),
    [
        ("to record it .", True),
        ("the record is old .", False),
        ("the old record .", False),
        ("please record this .", True),
        ("will the team record this ?", True),
        ("does anyone record ?", True),
        ("let the team record .", True),
        ("due to record sales .", False),
        ("is it record time ?", False),
    ],
)
def test_neighbours_decide(sentence: str, verb: bool) -> None:
    """What stands before and after outweighs what is usual."""
    words = sentence.split()
    assert (verb_weight(words, words.index("record")) > 0) == verb


@given(
    st.lists(
        st.sampled_from(["the", "to", "x", "is", "they", "very", *MARKS]), max_size=9
    )
)
def test_any_words_have_a_weight(words: list[str]) -> None:
    """No neighbourhood is too odd, and none weighs more than all evidence."""
    for i in range(len(words)):
        assert abs(verb_weight(words, i)) < 10
