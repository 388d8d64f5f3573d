"""Spelling, counting, repeating."""

from __future__ import annotations

import pytest

from voiceserver.engines.responder.recite import (
    MAX_COUNT,
    REPEAT_WHAT,
    WHICH_WORD,
    counting,
    repeating,
    spelling,
)
from voiceserver.engines.responder.words import bare, normal


def words(text: str) -> tuple[str, ...]:
    return bare(normal(text))


@pytest.mark.parametrize(
    "text",
    [
        "spell cat",
        "how do you spell cat",
        "can you spell the word cat for me",
        "how is cat spelled",
    ],
)
def test_a_word_is_spelled(text: str) -> None:
    """Letter by letter, with pauses."""
    assert spelling(words(text)) == "Cat: C, A, T."


def test_spelling_without_a_word_asks_for_it() -> None:
    """The next turn may give it."""
    assert spelling(words("spell")) == WHICH_WORD
    assert spelling(("cat",), follows_up=True) == "Cat: C, A, T."


def test_spelling_is_bounded() -> None:
    """Nobody listens to a hundred letters."""
    said = spelling(("spell", "a" * 100))
    assert said is not None
    assert "too long" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("count to three", "1, 2, 3."),
        ("count two three", "1, 2, 3."),
        ("count up to three", "1, 2, 3."),
        ("count from two to four", "2, 3, 4."),
        ("count down from three", "3, 2, 1."),
        ("count backwards from five to three", "5, 4, 3."),
        ("count from four to two", "4, 3, 2."),
        ("count to zero", "1, 0."),
        ("count", "1, 2, 3, 4, 5, 6, 7, 8, 9, 10."),
        ("count me in for dinner", None),
    ],
)
def test_counting_goes_where_it_is_told(text: str, said: str | None) -> None:
    """Up or down, from and to."""
    assert counting(words(text)) == said


def test_counting_is_bounded() -> None:
    """A million would take days."""
    said = counting(words("count to a million"))
    assert said is not None
    assert str(MAX_COUNT) in said
    long = counting(words("count from 999999999999970 to 999999999999999"))
    assert long == "That would take too long. I count up to ten thousand."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("repeat after me the sky is blue", "The sky is blue."),
        ("say good morning everyone", "Good morning everyone."),
        ("repeat after me", REPEAT_WHAT),
        ("the sky is blue", None),
    ],
)
def test_words_are_repeated(text: str, said: str | None) -> None:
    """Only when asked for."""
    assert repeating(words(text)) == said


def test_what_to_repeat_may_come_in_the_next_turn() -> None:
    """Then all of it is repeated."""
    assert repeating(("hello", "there"), follows_up=True) == "Hello there."


def test_repeating_is_bounded() -> None:
    """To about half a minute."""
    said = repeating(("say", *["word"] * 500))
    assert said is not None
    assert len(said.split()) == 60
    long = repeating(("say", "9" * 8000))
    assert long == "That is too long for me to repeat."
