"""From samples played to words heard."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from voiceserver.reply.heard import HeardText

TEXT = "one two three"


def marked() -> HeardText:
    """Three words of 1,000 samples each, all synthesized."""
    heard = HeardText()
    heard.begin(TEXT, 0)
    for index, end in enumerate((3, 7, 13)):
        heard.mark(end, index * 1000, index * 1000 + 1000)
        heard.add(1000)
    heard.end()
    return heard


def test_a_word_is_heard_at_its_midpoint() -> None:
    """One sample before it is not; at it, it is."""
    assert TEXT[: marked().at(1499).characters] == "one"
    assert TEXT[: marked().at(1500).characters] == "one two"


def test_nothing_played_is_nothing_heard() -> None:
    """Not even the first word."""
    assert marked().at(0).characters == 0


def test_all_played_is_all_heard() -> None:
    """With what follows the last word."""
    assert marked().at(3000).characters == len(TEXT)
    assert marked().at(3000).exact


def test_a_voice_without_marks_gives_an_estimate() -> None:
    """By length: half the audio is about half the text, and it says so."""
    heard = HeardText()
    heard.begin("aaaa bbbb cccc dddd", 0)
    heard.add(4000)
    heard.end()
    got = heard.at(2000)
    assert got.characters == len("aaaa bbbb")
    assert not got.exact


def test_a_phrase_still_in_the_making_is_not_taken_for_heard() -> None:
    """100 ms of a long phrase are not its end."""
    heard = HeardText()
    heard.begin("a rather long phrase that takes a while to say", 0)
    heard.add(2400)
    assert heard.at(2400).characters <= len("a rather")


def test_the_second_phrase_counts_from_its_own_start() -> None:
    """Characters are those of the whole reply."""
    heard = HeardText()
    heard.begin("one two", 0)
    heard.add(1000)
    heard.end()
    heard.begin("three", 8)
    heard.mark(5, 0, 1000)
    heard.add(1000)
    heard.end()
    assert heard.at(1499).characters == len("one two")
    assert heard.at(1500).characters == len("one two three")


@given(st.lists(st.integers(1, 3000), min_size=1, max_size=8), st.booleans())
def test_hearing_more_never_unhears(sizes: list[int], marks: bool) -> None:
    """The heard prefix grows with what was played, up to the whole."""
    heard = HeardText()
    start = 0
    for size in sizes:
        heard.begin("word here", start)
        if marks:
            heard.mark(4, 0, size // 2)
            heard.mark(9, size // 2, size)
        heard.add(size)
        heard.end()
        start += 10
    last = 0
    for played in range(0, heard.n_samples + 1, 97):
        got = heard.at(played).characters
        assert last <= got <= start
        last = got
    assert heard.at(heard.n_samples).characters == start - 1
