"""Timers and reminders: when, and what to say then."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.engines.base import Reminder
from voiceserver.engines.responder.timers import (
    CANNOT_CANCEL,
    HOW_LONG,
    LONGEST_S,
    answer,
    find_duration,
    offer,
    say_duration,
)
from voiceserver.engines.responder.words import bare, normal


def ask(text: str, follows_up: bool = False) -> tuple[str, Reminder | None] | None:
    return answer(bare(normal(text)), follows_up)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("set a timer for five minutes", 300),
        ("set a five minute timer", 300),
        ("please start a timer for ninety seconds", 90),
        ("timer one minute and thirty seconds", 90),
        ("set a timer for two and a half minutes", 150),
        ("set a timer for a minute and a half", 90),
        ("timer for half an hour", 1800),
        ("set a timer for a quarter of an hour", 900),
        ("set an alarm in an hour", 3600),
        ("set a 3.5 minute timer", 210),
    ],
)
def test_a_timer_is_set(text: str, seconds: int) -> None:
    """For as long as was said."""
    found = ask(text)
    assert found is not None
    said, reminder = found
    length = say_duration(seconds)
    assert said == f"Your timer for {length} is set."
    assert reminder == Reminder(seconds, f"Your timer for {length} is up.")


@pytest.mark.parametrize(
    "text",
    [
        "in ten seconds remind me to call my mother",
        "remind me to call my mother in ten seconds",
        "can you remind me in ten seconds to call my mother please",
    ],
)
def test_a_reminder_keeps_its_task(text: str) -> None:
    """Wherever it stands, and turned towards the user."""
    assert ask(text) == (
        "All right, in 10 seconds I will remind you to call your mother.",
        Reminder(10, "You asked me to remind you to call your mother."),
    )


@pytest.mark.parametrize("text", ["set a timer", "remind me to stretch", "timer"])
def test_a_timer_without_length_asks_for_it(text: str) -> None:
    """The next turn may give it."""
    assert ask(text) == (HOW_LONG, None)


def test_the_length_may_come_in_the_next_turn() -> None:
    """A bare length then sets the timer."""
    found = ask("five minutes", follows_up=True)
    assert found is not None
    assert found[1] == Reminder(300, "Your timer for 5 minutes is up.")


@pytest.mark.parametrize("text", ["cancel the timer", "stop my timers"])
def test_cancelling_is_declined(text: str) -> None:
    """It says what happens instead."""
    assert ask(text) == (CANNOT_CANCEL, None)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("set a timer for two hours", "hour"),
        ("set a timer for zero seconds", "no time"),
    ],
)
def test_lengths_out_of_range_set_nothing(text: str, word: str) -> None:
    """A call lasts an hour; nothing is no time."""
    found = ask(text)
    assert found is not None
    assert word in found[0]
    assert found[1] is None


@pytest.mark.parametrize(
    "text",
    ["five minutes", "half an hour", "my timer is broken", "that reminds me of you"],
)
def test_other_talk_sets_no_timer(text: str) -> None:
    """A length alone, or the word alone, is no request."""
    assert ask(text) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("half an hour", "If you want a timer, say: set a timer for 30 minutes."),
        ("zero seconds", "If you want a timer, say: set a timer for one minute."),
        ("in half an hour", None),
        ("hello", None),
    ],
)
def test_a_length_alone_is_answered_with_how_to_ask(
    text: str, said: str | None
) -> None:
    """It may be all that was heard of a request."""
    assert offer(normal(text)) == said


def test_the_place_of_a_length_is_known() -> None:
    """First and last word of it."""
    found = find_duration(normal("wait one hour and two minutes or so"))
    assert found is not None
    assert (found.seconds, found.start, found.end) == (3720, 1, 6)


WORDS = st.sampled_from(
    "set a timer remind me to in for five half an and hour minutes cancel".split()
)


@given(st.lists(WORDS, max_size=12), st.booleans())
def test_any_words_are_survived(words: list[str], follows_up: bool) -> None:
    """A reminder that is set is in range and says something."""
    found = answer(tuple(words), follows_up) if words else None
    if found and found[1]:
        assert 1 <= found[1].after_s <= LONGEST_S
        assert found[1].text
