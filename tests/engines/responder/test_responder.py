"""The responder: a person's requests, in a recogniser's words."""

from __future__ import annotations

import time
from contextlib import aclosing
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.config import ResponderConfig
from voiceserver.engines.base import Message, Reminder, TextRequest
from voiceserver.engines.responder import Responder
from voiceserver.engines.responder.responder import UNKNOWN
from voiceserver.engines.responder.standard import NO_MODEL
from voiceserver.errors import ConfigError
from voiceserver.voice.text.normalise import normalise

NOW = datetime(2026, 11, 23, 15, 7, tzinfo=ZoneInfo("Europe/Paris"))
RESPONDER = Responder(ResponderConfig(name="desk"), now=lambda: NOW)


def talk(*texts: str, responder: Responder = RESPONDER) -> list[str]:
    """Say the texts one after the other; return the answers."""
    messages: list[Message] = []
    answers = []
    for text in texts:
        messages.append(Message("user", text))
        answer = responder.answer(messages).text
        messages.append(Message("assistant", answer))
        answers.append(answer)
    return answers


@pytest.mark.parametrize(
    ("written", "heard"),
    [
        ("What time is it in Tokyo?", "what time is it in tokyo"),
        ("Set a timer for 5 minutes.", "set a timer for five minutes"),
        ("What's 1,000 plus 2?", "what's one thousand plus two"),
        ("Count to 3!", "count to three"),
    ],
)
def test_a_recogniser_that_writes_is_understood(written: str, heard: str) -> None:
    """Capitals, figures and punctuation are no other question."""
    assert talk(written) == talk(heard)


@pytest.mark.parametrize(
    ("text", "intent", "answer"),
    [
        ("hello", "greeting", "Good afternoon! What can I do for you?"),
        ("hi there how are you", "how_are_you", None),
        ("thanks a lot", "thanks", "You are welcome."),
        ("goodbye", "goodbye", "Goodbye!"),
        ("what can you do", "help", None),
        ("who are you", "who_are_you", None),
        ("can you hear me", "hearing", "Yes, I can hear you."),
        ("what time is it", "time", "It is 3:07 PM."),
        ("what's the time", "time", "It is 3:07 PM."),
        ("tell me the time please", "time", "It is 3:07 PM."),
        ("could you tell me what time it is", "time", "It is 3:07 PM."),
        ("what day is it today", "date", "Today is Monday, November 23rd, 2026."),
        ("what's today's date", "date", "Today is Monday, November 23rd, 2026."),
        ("what year is it", "year", "It is 2026."),
        ("what day is tomorrow", "other_day", None),
        ("what time is it in new york", "time_in", "It is 9:07 AM in New York."),
        ("what is twelve times seven", "sum", "12 times 7 is 84."),
        ("spell cat", "spell", "Cat: C, A, T."),
        ("count to three", "count", "1, 2, 3."),
        ("repeat after me i'm here", "repeat", "I'm here."),
        ("set a timer for five minutes", "timer", "Your timer for 5 minutes is set."),
        ("stop", "stop", "Okay."),
        ("okay", "acknowledged", "All right."),
        ("what's the weather like", "weather", None),
        (
            "how old is the brooklyn bridge",
            "brooklyn_bridge",
            "The Brooklyn Bridge opened in 1883, so it is 143 years old.",
        ),
        ("", "nothing", "I did not catch that."),
    ],
)
def test_a_request_is_answered(text: str, intent: str, answer: str | None) -> None:
    """Each by its own rule."""
    given = RESPONDER.answer([Message("user", text)])
    assert given.intent == intent
    assert answer in (None, given.text)


@pytest.mark.parametrize(
    "text",
    [
        "he was not an ill disposed young man",
        "i had that curiosity beside me at this moment",
        "sunday is the best part of the week",
        "what joy there is in living",
        "go forward ten meters",
        "ten of clubs",
        "two people",
        "what's the capital of france",
        "is this a dog or a cat",
        "the child almost hurt the small dog",
    ],
)
def test_other_talk_is_not_answered_by_a_rule(text: str) -> None:
    """It says what it heard, and what it is not."""
    given = RESPONDER.answer([Message("user", text)])
    assert given.intent == UNKNOWN
    assert given.text.startswith(f"I heard: {text}. {NO_MODEL}")


def test_the_explanation_is_given_once() -> None:
    """Later turns are shorter."""
    first, second = talk("ten of clubs", "go forward ten meters")
    assert "so I can only tell the time" in first
    assert second == "I cannot answer that without a language model."


def test_a_long_turn_is_not_read_back_whole() -> None:
    """Twenty-five words are enough to show what was heard."""
    given = RESPONDER.answer([Message("user", "blah " * 200)])
    assert given.text.count("blah") == 25


@pytest.mark.parametrize(
    "text",
    [
        "9" * 32_000,
        "a" * 32_768,
        "\ufdfa" * 32_768,
        "1 " * 16_000,
        "repeat after me " + "9" * 7_000,
        "spell " + "9" * 7_000,
        "remind me in five minutes to call " + "9" * 7_000,
        f"what is 1.{'3' * 900} plus 2",
        "what is " + " plus ".join(["123456789012345"] * 25),
        "count from 999999999999970 to 999999999999999",
    ],
)
def test_no_answer_is_long_because_the_question_is(text: str) -> None:
    """Said with all its digits, or later as a reminder: within a minute."""
    given = RESPONDER.answer([Message("user", text)])
    later = given.reminder.text if given.reminder else ""
    for said in (given.text, later):
        spoken = normalise(said).tokens
        assert len(spoken) <= 150
        assert sum(len(each.text) for each in spoken) <= 1_000


def test_it_says_the_last_answer_again() -> None:
    """Or that there is none."""
    assert talk("what is two plus two", "say that again")[1] == "2 plus 2 is 4."
    assert talk("say that again") == ["I have not said anything yet."]


def test_a_question_of_its_own_is_followed_up() -> None:
    """Length, word and sentence may come in the next turn."""
    assert talk("set a timer", "five minutes")[1] == "Your timer for 5 minutes is set."
    assert talk("spell", "cat")[1] == "Cat: C, A, T."
    assert talk("repeat after me", "thank you")[1] == "Thank you."
    assert talk("spell", "stop")[1] == "Okay."


def test_a_follow_up_may_be_something_else() -> None:
    """Another request is answered as such."""
    assert talk("set a timer", "what time is it")[1] == "It is 3:07 PM."


async def test_the_answer_streams_word_by_word() -> None:
    """The pieces are the text."""
    request = TextRequest((Message("user", "what is two plus two"),))
    async with aclosing(RESPONDER.reply(request)) as stream:
        pieces = [item async for item in stream]
    assert pieces == ["2 ", "plus ", "2 ", "is ", "4."]


async def test_the_stream_can_be_closed_at_any_word() -> None:
    """Before the first, between any two, and after the last."""
    request = TextRequest((Message("user", "what is two plus two"),))
    for count in range(6):
        stream = RESPONDER.reply(request)
        for _ in range(count):
            await anext(stream)
        await stream.aclose()
        assert await anext(stream, None) is None


async def test_a_reminder_comes_before_its_words() -> None:
    """So that its time runs from the request."""
    request = TextRequest((Message("user", "set a timer for ten seconds"),))
    async with aclosing(RESPONDER.reply(request)) as stream:
        assert await anext(stream) == Reminder(10, "Your timer for 10 seconds is up.")


def own(folder: Path, text: str) -> Responder:
    path = folder / "q.toml"
    path.write_text(text)
    return Responder(ResponderConfig(questions=str(path)), now=lambda: NOW)


def test_the_operators_questions_are_answered(tmp_path: Path) -> None:
    """Also before the standard ones, and named in the help."""
    mine = own(
        tmp_path,
        '[[question]]\nask = ["where is the exit"]\nanswer = "Left, at {time}."\n'
        '[[question]]\nask = ["who are you"]\nanswer = "The porter."\n',
    )
    assert talk("where's the exit please", "who are you", responder=mine) == [
        "Left, at 3:07 PM.",
        "The porter.",
    ]
    assert "where is the exit" in talk("help", responder=mine)[0]
    assert mine.version != RESPONDER.version


def test_an_unknown_time_zone_is_a_configuration_error() -> None:
    """It names the key and an example."""
    for zone in ("Mars/Olympus", "../etc/passwd", "Europe"):
        with pytest.raises(ConfigError, match=r"timezone.*Europe/Paris"):
            Responder(ResponderConfig(timezone=zone))


def test_the_clock_is_in_the_time_zone() -> None:
    """By default the machine's, else the configured one: some are half a day apart."""
    said = {}
    for zone in ("", "Etc/GMT+12", "Etc/GMT"):
        mine = Responder(ResponderConfig(timezone=zone))
        [said[zone]] = talk("what time is it", responder=mine)
    assert all(words.startswith("It is ") for words in said.values())
    assert said["Etc/GMT"] != said["Etc/GMT+12"]


@given(st.lists(st.text(max_size=60), min_size=1, max_size=4))
def test_anything_is_answered_in_words(texts: list[str]) -> None:
    """Never an exception, never silence, the same every time."""
    answers = talk(*texts)
    assert all(answer.strip() for answer in answers)
    assert talk(*texts) == answers


@pytest.mark.parametrize("messages", [[], [Message("system", "Greet the user.")]])
def test_it_may_speak_first(messages: list[Message]) -> None:
    """Asked for a reply before the user said a word, it greets."""
    assert RESPONDER.answer(messages).intent == "greeting"


def test_what_was_answered_is_not_answered_again() -> None:
    """A client may ask for a reply at any time."""
    said = [Message("user", "what time is it"), Message("system", "Be brief.")]
    assert RESPONDER.answer(said).intent == "time"
    assert RESPONDER.answer([*said, Message("assistant", "3")]).intent == "nothing"


def test_an_answer_takes_under_a_millisecond() -> None:
    """The best of ten runs shuts out load; the bound leaves room for slow machines."""
    question = [Message("user", "i had a nice time with my friends at the beach house")]
    best = 1.0
    for _ in range(10):
        began = time.process_time()
        RESPONDER.answer(question)
        best = min(best, time.process_time() - began)
    assert best < 0.005
