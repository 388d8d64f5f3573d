"""Words: comparable forms of what was heard or typed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.engines.responder.words import LONGEST, bare, normal, read_back, split


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("What's the time?", "what is the time"),
        ("what\u2019s the time", "what is the time"),
        ("um what is uh the time", "what is the time"),
        ("Today's date", "today date"),
        ("Route 66!", "route sixty six"),
        ("3.5 minutes", "3.5 minutes"),
        ("caf\u00e9 \U0001f600 ...", "caf\u00e9"),
    ],
)
def test_texts_are_made_comparable(text: str, words: str) -> None:
    """Case, punctuation, contractions, numerals and hesitations do not matter."""
    assert " ".join(normal(text)) == words


@pytest.mark.parametrize(
    "text",
    [
        "can you please spell cat for me please",
        "okay so tell me spell cat thank you",
        "hey I'd like you to spell cat",
    ],
)
def test_politeness_is_taken_off(text: str) -> None:
    """What remains is the request."""
    assert bare(normal(text)) == ("spell", "cat")


@pytest.mark.parametrize("text", ["please", "hey please", "thank you please"])
def test_politeness_alone_is_a_request(text: str) -> None:
    """Something is always left to be understood."""
    assert bare(normal(text))


def test_words_are_bounded() -> None:
    """A page of text costs no more than a long turn."""
    assert len(split("word " * 100_000)) <= LONGEST


@given(st.text())
def test_any_text_has_words_or_none(text: str) -> None:
    """Nothing raises, and a normal form is its own normal form."""
    words = normal(text)
    assert normal(" ".join(words)) == words
    assert len(bare(words)) <= len(words)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("one", "two"), ("one two", True)),
        (("one", "two", "three", "four"), ("one two three", False)),
        (("a" * 24,), ("a" * 24, True)),
        (("a" * 25,), ("", False)),
        (("to", "9" * 5), ("to", False)),
        ((), ("", True)),
    ],
)
def test_what_is_said_back_is_soon_said(
    words: tuple[str, ...], said: tuple[str, bool]
) -> None:
    """Three words, or as many letters; a digit is a word of its own."""
    assert read_back(words, 3) == said
