"""Text for a plain voice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.engines.espeak.text import plain


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
