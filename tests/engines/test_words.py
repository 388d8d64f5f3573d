"""What a recogniser writes, as the words that were said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.engines.words import words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ""),
        ("5", "five"),
        ("It's 2:30 p.m.", "it's two thirty p m"),
        (
            "At 230 p.m., 10.05pm or 5 pm?",
            "at two thirty p m ten oh five p m or five p m",
        ),
        ("In 1880, not 1905.", "in eighteen eighty not nineteen oh five"),
        (
            "90210, 10,210 or 12,000",
            "nine zero two one zero ten thousand two hundred ten or twelve thousand",
        ),
        ("1500 or 2024", "fifteen hundred or two thousand twenty four"),
        ("I have 5 am I right?", "i have five am i right"),
        ("Hold on!", "hold on"),
        ("Uh-huh.", "uh-huh"),
        ("OK, I\u2019m on the 21st...", "ok i'm on the twenty first"),
        (
            "1,205.5, or 3%.",
            "one thousand two hundred five point five or three percent",
        ),
        ("Play the MP3 of U2 - 007", "play the mp3 of u2 zero zero seven"),
        ("\u00bfQu\u00e9 hora es?", "qu\u00e9 hora es"),
        ("\u4f60\u597d", "\u4f60\u597d"),
        (" ?! ", ""),
    ],
)
def test_text_becomes_words(text: str, words: str) -> None:
    """Lower case, figures written out, no punctuation."""
    assert words_of(text) == words


@given(st.from_regex(r"[a-z']+( [a-z'-]+){0,9}", fullmatch=True))
def test_words_stay_as_they_are(words: str) -> None:
    """Those of a recogniser that writes nothing else."""
    assert words_of(words) == words


@given(st.text(max_size=200))
def test_any_text_becomes_words(text: str) -> None:
    """Single spaces, nothing at the ends, lower case, and no more than once."""
    words = words_of(text)
    assert words == " ".join(words.split())
    assert words == words.lower()
    assert words_of(words) == words
