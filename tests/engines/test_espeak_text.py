"""Text for a plain voice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.engines.espeak_text import LONGEST_PIECE, pieces, plain, speakable


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("**bold** and _this_ and `code`", "bold and this and code"),
        ("<b>tag</b> and <br/>", "tag and"),
        ("see [the page](http://example.com/a_b)", "see the page"),
        ("# Heading\n- item one\n* item two", "Heading item one item two"),
        ("snake_case stays", "snake_case stays"),
        ("5 * 3 < 16 and 3 > 2", "5 * 3 < 16 and 3 > 2"),
        ("20\u00b0C \U0001f600\ufe0f ok", "20\u00b0C ok"),
        ("a\x00b\x07c\u200dd\ud800e", "a b c d e"),
        ("don't \u2014 \u201cquote\u201d", "don't \u2014 \u201cquote\u201d"),
    ],
)
def test_what_is_not_read_aloud_is_blanked(text: str, words: str) -> None:
    """The rest stays."""
    assert plain(text).split() == words.split()


@given(st.text(max_size=300))
def test_every_character_keeps_its_place(text: str) -> None:
    """Blanked or the same, at the same index."""
    cleaned = plain(text)
    assert len(cleaned) == len(text)
    assert all(new in (old, " ") for new, old in zip(cleaned, text, strict=True))


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
    assert len(list(pieces(plain("<" * 50_000 + "word " * 10_000)))) > 100
