"""Long text cut into pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.engines.pieces import LONGEST_PIECE, pieces, speakable


@given(st.text("ab 1.,;?\n", max_size=2000))
def test_pieces_are_short_and_lose_no_word(text: str) -> None:
    """What is left out between them has nothing to speak."""
    at = 0
    for start, piece in pieces(text):
        assert not speakable(text[at:start])
        assert text[start : start + len(piece)] == piece
        assert 0 < len(piece) <= LONGEST_PIECE
        at = start + len(piece)
    assert not speakable(text[at:])


def test_a_short_text_is_one_piece() -> None:
    """However many sentences it has."""
    text = "One. Two. Three."
    assert list(pieces(text)) == [(0, text)]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("a" * 199 + ". " + "b" * 150 + ", " + "c" * 100, 201),
        ("a" * 199 + ", " + "b" * 400, 201),
        ("a" * 199 + " " + "b" * 400, 200),
        ("a" * 1000, LONGEST_PIECE),
    ],
)
def test_long_text_is_cut_where_it_hurts_least(text: str, first: int) -> None:
    """After a sentence, else a clause, else a word, else anywhere."""
    assert len(next(pieces(text))[1]) == first


def test_a_huge_text_is_cut_quickly() -> None:
    """Pathological input costs no more than its length."""
    assert len(list(pieces("<" * 50_000 + "word " * 10_000))) > 100
