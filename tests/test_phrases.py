"""Cutting text into phrases: early, natural, and never inside what belongs together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.phrases import (
    LONGEST,
    LONGEST_PIECE,
    Phrase,
    PhraseSplitter,
    pieces,
    speakable,
)


def split(text: str, size: int = 3) -> list[str]:
    splitter = PhraseSplitter()
    phrases: list[Phrase] = []
    for at in range(0, len(text), size):
        phrases += splitter.push(text[at : at + size])
    return [phrase.text for phrase in [*phrases, *splitter.flush()]]


def test_the_first_clause_is_given_early() -> None:
    """Speech can start before the sentence is over; later sentences stay whole."""
    assert split("Sure, I can do that, and more. It is easy, quick and free.") == [
        "Sure, I can do that,",
        "and more.",
        "It is easy, quick and free.",
    ]


def test_a_clause_that_is_too_short_waits() -> None:
    """ "Well," alone would leave a gap after it."""
    assert split("Well, yes. Fine.")[0] == "Well, yes."


@pytest.mark.parametrize(
    "text",
    [
        "It costs 3,000.50 dollars today.",
        "Dr. Smith and Mr. Jones are in at 3:07 p.m. today.",
        "See www.example.com or write to a.b@example.org now.",
        "The U.S. economy grew, e.g. by 2.5 percent.",
    ],
)
def test_nothing_is_cut_inside_what_belongs_together(text: str) -> None:
    """Numbers, abbreviations, times and addresses stay in one phrase."""
    words = [word for phrase in split(text, 1) for word in phrase.split()]
    assert words == text.split()
    for part in ("3,000.50", "Dr. Smith", "3:07 p.m. today", "U.S. economy"):
        if part in text:
            assert any(part in phrase for phrase in split(text, 1))


@pytest.mark.parametrize(
    "text",
    [
        "The answer is 15 - 3 = 12. ",
        "We are open 8:00 AM - 5:00 PM on Friday. ",
        "It takes about 15 \u2013 20 minutes. ",
    ],
)
def test_a_dash_after_a_number_or_an_hour_is_no_clause_end(text: str) -> None:
    """A minus or a "to" is spoken only where both its sides are seen at once."""
    assert split(text) == [text.strip()]


def test_questions_exclamations_and_lines_end_sentences() -> None:
    """Each is a phrase of its own."""
    assert split("Really? Yes! No\nMaybe") == ["Really?", "Yes!", "No", "Maybe"]


def test_text_without_punctuation_is_cut_at_a_space() -> None:
    """A model that never punctuates is heard too."""
    phrases = split("word " * 100)
    assert all(len(phrase) <= LONGEST for phrase in phrases)
    assert " ".join(phrases).split() == ["word"] * 100


def test_what_cannot_be_spoken_is_left_out() -> None:
    """Only punctuation or white space gives no phrase."""
    assert split("... -- !?\n\n  ") == []


@pytest.mark.parametrize("unit", ["a. ", "Mr. ", ".", "! ", ", ", "a", "\n"])
def test_the_work_grows_with_the_text_only(unit: str) -> None:
    """A hundred thousand characters of the worst kinds take no time to speak of."""
    splitter = PhraseSplitter()
    text = unit * (100_000 // len(unit))
    spoken = [*splitter.push(text), *splitter.flush()]
    letters = sum(len(phrase.text.replace(" ", "")) for phrase in spoken)
    assert letters in (0, len(text.replace(" ", "")))


@given(
    st.text("abc .,;:!?\n-0\u2014\u00e9\U0001f600\"'", max_size=400),
    st.integers(1, 50),
)
def test_phrases_cover_the_text_in_order(text: str, size: int) -> None:
    """Each phrase stands in the text where it says, and no word is lost."""
    splitter = PhraseSplitter()
    phrases: list[Phrase] = []
    for at in range(0, len(text), size):
        phrases += splitter.push(text[at : at + size])
    phrases += splitter.flush()
    end = 0
    for phrase in phrases:
        assert text[phrase.start : phrase.start + len(phrase.text)] == phrase.text
        assert phrase.start >= end
        end = phrase.start + len(phrase.text)
    kept = "".join(phrase.text for phrase in phrases)
    assert sum(c.isalnum() for c in kept) == sum(c.isalnum() for c in text)


def test_a_late_first_clause_ends_with_its_last_whole_word() -> None:
    """Never within a number, nor with so little that a gap would follow."""
    splitter = PhraseSplitter()
    assert splitter.push("The town ", late=True) == []
    assert splitter.push("of some 20", late=True) == [Phrase("The town of some", 0)]
    assert splitter.push(" 000 people by the sea", late=True) == []
    assert [phrase.text for phrase in splitter.flush()] == ["20 000 people by the sea"]


@given(
    st.lists(st.tuples(st.text("ab1 ,.\n", max_size=30), st.booleans()), max_size=30)
)
def test_no_word_is_lost_where_a_clause_is_late(pieces: list[tuple[str, bool]]) -> None:
    """Whenever it is: all that was pushed is in the phrases, in order."""
    splitter = PhraseSplitter()
    phrases = [one for piece, late in pieces for one in splitter.push(piece, late)]
    phrases += splitter.flush()
    said = "".join(phrase.text for phrase in phrases)
    text = "".join(piece for piece, _ in pieces)
    assert [*filter(str.isalnum, said)] == [*filter(str.isalnum, text)]


@given(st.text("ab ., ?", max_size=200))
def test_the_size_of_deltas_changes_nothing_but_the_moment(text: str) -> None:
    """Character by character or at once: the words are the same."""
    assert " ".join(split(text, 1)).split() == " ".join(split(text, 500)).split()


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
