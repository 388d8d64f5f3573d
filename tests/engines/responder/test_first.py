"""The responder before a model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from voiceserver.config import ResponderConfig
from voiceserver.engines.base import Message, Reminder, TextItem, TextRequest
from voiceserver.engines.notes import Answering, Note
from voiceserver.engines.responder import Responder, ResponderFirst
from voiceserver.engines.responder.timers import HOW_LONG
from voiceserver.tools import Tool, ToolCall, ToolUse

NOW = datetime(2026, 11, 23, 15, 7, tzinfo=ZoneInfo("Europe/Paris"))
MODEL = "approximately 183"


class Model:
    """A text model that is wrong about everything."""

    name = version = "model"

    async def reply(self, request: TextRequest) -> AsyncGenerator[TextItem, None]:
        yield MODEL


WEATHER = Tool("get_weather", "", {})


def ask(
    *said: str,
    config: ResponderConfig | None = None,
    instructions: str = "",
    tools: ToolUse | None = None,
    given: bool = False,
) -> tuple[list[TextItem], list[str]]:
    """Say the texts in turn, the user first; return the answer and who gave it."""
    by: list[str] = []

    def note(note: Note) -> None:
        if isinstance(note, Answering):
            by.append(note.name)

    roles = ("user", "assistant")
    messages = tuple(Message(roles[at % 2], text) for at, text in enumerate(said))
    responder = Responder(config or ResponderConfig(), now=lambda: NOW)
    first = ResponderFirst(responder, Model())
    request = TextRequest(
        messages, instructions, tools=tools or ToolUse(), observe=note, given=given
    )

    async def run() -> list[TextItem]:
        async with aclosing(first.reply(request)) as items:
            return [item async for item in items]

    return asyncio.run(run()), by


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("What is twelve times seven?", "12 times 7 is 84."),
        ("what time is it", "It is 3:07 PM."),
        ("what's today's date", "Today is Monday, November 23rd, 2026."),
        ("how do you spell cat", "Cat: C, A, T."),
        ("what time is it in new york", "It is 9:07 AM in New York."),
        ("repeat after me i'm here", "I'm here."),
    ],
)
def test_what_it_knows_exactly_it_answers(words: str, answer: str) -> None:
    """Twelve times seven is 84, whatever a model says; and it is told who answered."""
    assert ask(words) == ([answer], ["responder"])


def test_a_timer_is_set() -> None:
    """The reminder comes with the words; a length it asked for itself is one."""
    items, _ = ask("set a timer for five minutes")
    assert isinstance(items[0], Reminder)
    items, _ = ask("set a timer", HOW_LONG, "five minutes")
    assert isinstance(items[0], Reminder)


@pytest.mark.parametrize(
    "said",
    [
        ("hello",),
        ("who are you",),
        ("what's the weather like",),
        ("tell me a joke",),
        ("what is the capital of france",),
        ("what time does the match begin in london",),
        ("how many people live in twelve cities",),
        ("cook the pasta", "For how long?", "five minutes"),
        ("stop",),
        ("",),
    ],
)
def test_everything_else_is_the_models(said: tuple[str, ...]) -> None:
    """Small talk too, and a length of time that answers the model's question."""
    assert ask(*said) == ([MODEL], [])


def test_the_operators_questions_come_before_the_model(tmp_path: Path) -> None:
    """A small word more is the same question; another word is another."""
    file = tmp_path / "questions.toml"
    text = '[[question]]\nask = "when do you open on sunday"\nanswer = "At ten."\n'
    file.write_text(text)
    config = ResponderConfig(questions=str(file))
    assert ask("When do you open on Sunday?", config=config)[0] == ["At ten."]
    assert ask("when do you open on a sunday", config=config)[0] == ["At ten."]
    assert ask("when do you open on monday", config=config)[0] == [MODEL]


@pytest.mark.parametrize(
    "instructions",
    [
        "You are an interpreter from English.",
        "Translate all that is said.",
        "Answer in Spanish only.",
        "You are a maths tutor; never give the result.",
    ],
)
def test_a_role_in_which_words_mean_something_else_is_the_models(
    instructions: str,
) -> None:
    """An interpreter translates a sum and does not work it out."""
    assert ask("twelve times seven", instructions=instructions)[0] == [MODEL]


def test_functions_of_the_client_come_before_what_they_may_be_for() -> None:
    """Timers and the clock are the model's then, a sum is not; a forced call is."""
    use = ToolUse((WEATHER,))
    assert ask("set a timer for five minutes", tools=use)[0] == [MODEL]
    assert ask("twelve times seven", tools=use)[0] == ["12 times 7 is 84."]
    for choice in ("required", "=get_weather"):
        forced = ToolUse((WEATHER,), choice)
        assert ask("twelve times seven", tools=forced)[0] == [MODEL]


def test_a_result_of_a_function_is_the_models() -> None:
    """What was asked is answered with it, not anew."""
    call = ToolCall("1", "get_time", "{}")
    messages = (
        Message("user", "what time is it"),
        Message("assistant", "", (call,)),
        Message("tool", "noon", call_id="1"),
    )
    first = ResponderFirst(Responder(ResponderConfig()), Model())

    async def run() -> list[TextItem]:
        async with aclosing(first.reply(TextRequest(messages))) as items:
            return [item async for item in items]

    assert asyncio.run(run()) == [MODEL]


def test_an_answer_with_settings_of_its_own_is_the_models() -> None:
    """A response out of the band, such as a classification of the conversation."""
    assert ask("twelve times seven", given=True)[0] == [MODEL]


def test_the_rest_answers_by_its_own_stream() -> None:
    """Nothing stands between the model's words and who reads them."""
    request = TextRequest((Message("user", "tell me about the sea"),))
    stream = Model().reply(request)

    class Kept:
        name = version = "kept"

        def reply(self, request: TextRequest) -> AsyncGenerator[TextItem, None]:
            return stream

    assert ResponderFirst(Responder(ResponderConfig()), Kept()).reply(request) is stream
