"""Speech over a reply: a table of what stops it and what does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.turns.echo import Echo
from voiceserver.turns.overlap import (
    LONGEST_MS,
    OWN_VALID_MS,
    Overlap,
    Verdict,
    beyond,
)

CONFIRM_MS = 500
REPLY = "we have two kinds of latte today hot and iced which one would you like"
WORDS = st.lists(st.sampled_from([*REPLY.split(), "no", "stop"]), max_size=8)


def judged(
    words: str, voiced_ms: float, own: str = "", language: str = "en"
) -> Verdict:
    """What becomes of a voice whose words came just now."""
    overlap = Overlap(0)
    overlap.heard(words, own, voiced_ms, language)
    return overlap.verdict(voiced_ms, CONFIRM_MS)


@pytest.mark.parametrize(
    ("words", "voiced_ms", "verdict"),
    [
        ("", 300, Verdict.WAIT),
        ("", 500, Verdict.DURATION),
        ("uh-huh", 450, Verdict.WAIT),
        ("yeah okay right", 900, Verdict.WAIT),
        ("i", 300, Verdict.WAIT),
        ("i want", 300, Verdict.WORDS),
        ("yeah but", 300, Verdict.WORDS),
        ("stop", 200, Verdict.STOP_WORD),
        ("yeah stop", 200, Verdict.STOP_WORD),
        ("yeah", LONGEST_MS, Verdict.DURATION),
    ],
)
def test_voice_and_words(words: str, voiced_ms: float, verdict: Verdict) -> None:
    """Two words, a word like stop, or voice that nothing explains."""
    assert judged(words, voiced_ms) is verdict


def test_a_yes_explains_the_voice_so_far_and_no_more() -> None:
    """ "Yeah, and what about": half a second beyond the yes is a wish to speak."""
    overlap = Overlap(0)
    overlap.heard("yeah", "", 450, "en")
    assert overlap.verdict(900, CONFIRM_MS) is Verdict.WAIT
    assert overlap.verdict(960, CONFIRM_MS) is Verdict.DURATION


@pytest.mark.parametrize(
    ("heard", "rest"),
    [
        ("two kinds of latte", ""),
        ("to kinds of latte today", ""),
        ("kinds of latte stop", "stop"),
        ("kinds of latte no i want tea", "no i want tea"),
        ("latte", "latte"),  # one word may be an answer
        ("iced please", "iced please"),
        ("i want two of those", "i want two of those"),
        ("", ""),
    ],
)
def test_our_own_words_are_left_out(heard: str, rest: str) -> None:
    """Where most are ours, in our order; what follows them is the caller's."""
    assert beyond(heard, REPLY) == rest


def test_more_words_than_anybody_says_in_that_time_are_none() -> None:
    """A recogniser goes round in a circle; the voice counts all the same."""
    assert judged("o o o o o o o", 400) is Verdict.WAIT
    assert judged("o o o o o o o", 500) is Verdict.DURATION
    assert judged("no no", 300) is Verdict.WORDS


def test_a_yes_or_an_echo_that_is_not_believed_is_let_pass() -> None:
    """Half a word seldom is believed; what is neither is not heeded."""
    for doubtful, verdict in (
        ("yeah", Verdict.WAIT),
        ("two kinds", Verdict.WAIT),
        ("garret", Verdict.DURATION),
        ("stop", Verdict.DURATION),
    ):
        overlap = Overlap(0)
        overlap.heard("", REPLY, 400, "en", doubtful)
        assert overlap.verdict(600, CONFIRM_MS) is verdict


def test_an_echo_does_not_stop_us_while_it_is_one() -> None:
    """It waits for the next words; a voice of which they do not come is another's."""
    overlap = Overlap(0)
    overlap.heard("two kinds of", REPLY, 600, "en")
    assert overlap.verdict(600 + OWN_VALID_MS - 1, CONFIRM_MS) is Verdict.WAIT
    overlap.heard("two kinds of latte today hot", REPLY, 1500, "en")
    assert overlap.verdict(2000, CONFIRM_MS) is Verdict.WAIT
    assert overlap.verdict(1500 + OWN_VALID_MS, CONFIRM_MS) is Verdict.DURATION


def test_speech_over_an_echo_stops_us() -> None:
    """Two words of the caller's, or one like stop."""
    assert judged("two kinds of i want", 600, REPLY) is Verdict.WORDS
    assert judged("two kinds of wait", 600, REPLY) is Verdict.STOP_WORD
    assert judged("two kinds of lutto", 600, REPLY) is Verdict.WAIT


@given(WORDS, WORDS)
def test_what_is_left_is_the_end_of_what_was_heard(
    heard: list[str], own: list[str]
) -> None:
    """Nothing is invented, and nothing is ours where we said nothing."""
    rest = beyond(" ".join(heard), " ".join(own))
    assert " ".join(heard).endswith(rest)
    assert beyond(" ".join(heard), "") == " ".join(heard)


@given(WORDS, WORDS)
def test_who_talks_for_long_has_the_turn(heard: list[str], own: list[str]) -> None:
    """Whatever the words seem to be, and however late they come."""
    overlap = Overlap(0)
    overlap.heard(" ".join(heard), " ".join(own), 300, "en")
    assert overlap.verdict(LONGEST_MS, CONFIRM_MS) is not Verdict.WAIT


def test_voice_that_is_no_louder_than_the_echo_counts_for_nothing() -> None:
    """Also that of before the echo was known; a little that is louder is let pass."""
    overlap = Overlap(0)
    assert not overlap.is_echo(400)
    overlap.level(Echo.ALL, 400, 32)
    assert overlap.is_echo(400)
    assert overlap.verdict(850, CONFIRM_MS) is Verdict.WAIT
    overlap.heard("open from eight", "", 400, "en")
    assert overlap.verdict(464, CONFIRM_MS) is Verdict.WAIT
    overlap.heard("", "", 400, "en")
    overlap.level(Echo.LOUDER, 464, 32)
    assert overlap.is_echo(464)
    assert overlap.verdict(900, CONFIRM_MS) is Verdict.DURATION


def test_a_voice_over_the_echo_is_none_of_it() -> None:
    """What dips to the level of the echo in between is no voice, and hides none."""
    overlap = Overlap(0)
    overlap.level(Echo.LOUDER, 0, 32)
    overlap.level(Echo.ALL, 320, 32)
    assert overlap.echo_ms == 32
    assert not overlap.is_echo(320)
    assert overlap.verdict(500, CONFIRM_MS) is Verdict.WAIT
    assert overlap.verdict(540, CONFIRM_MS) is Verdict.DURATION


def test_voice_that_seems_an_echo_is_given_a_moment() -> None:
    """A word like stop is not."""
    overlap = Overlap(0)
    overlap.level(Echo.SUSPECTED, 400, 32)
    assert overlap.verdict(600, CONFIRM_MS) is Verdict.WAIT
    assert overlap.verdict(920, CONFIRM_MS) is Verdict.DURATION
    overlap.heard("i want two", "", 600, "en")
    assert overlap.verdict(600, CONFIRM_MS) is Verdict.WAIT
    assert overlap.verdict(920, CONFIRM_MS) is Verdict.WORDS
    overlap.heard("stop", "", 300, "en")
    assert overlap.verdict(300, CONFIRM_MS) is Verdict.STOP_WORD
    overlap.level(Echo.UNKNOWN, 600, 32)
    assert Overlap(0).verdict(500, CONFIRM_MS) is Verdict.DURATION
