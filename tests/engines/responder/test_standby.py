"""The last resort."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from voiceserver.config import ResponderConfig
from voiceserver.engines.base import Message, Reminder, TextRequest
from voiceserver.engines.responder import Responder
from voiceserver.engines.responder.standby import NOT_ANSWERING, STILL_NOT, Standby


async def said(words: str) -> list[str | Reminder]:
    standby = Standby(Responder(ResponderConfig()))
    request = TextRequest((Message("user", words),))
    async with aclosing(standby.reply(request)) as stream:
        return [piece async for piece in stream]


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("who was the first president", NOT_ANSWERING),
        ("what is two plus three", "2 plus 3 is 5."),
    ],
)
def test_it_answers_what_it_can_and_says_what_is_wrong(words: str, answer: str) -> None:
    """Never that there is no model: there is one, it does not answer."""
    assert asyncio.run(said(words)) == [answer]


def test_what_is_wrong_is_said_in_full_once() -> None:
    """Then in three words."""
    standby = Standby(Responder(ResponderConfig()))
    said_before = Message("assistant", NOT_ANSWERING)
    messages = (Message("user", "a"), said_before, Message("user", "who was he"))

    async def again() -> list[str | Reminder]:
        async with aclosing(standby.reply(TextRequest(messages))) as stream:
            return [piece async for piece in stream]

    assert asyncio.run(again()) == [STILL_NOT]


def test_a_timer_works_without_a_model() -> None:
    """Its reminder comes before its words."""
    reminder, text = asyncio.run(said("set a timer for five minutes"))
    assert isinstance(reminder, Reminder) and isinstance(text, str)
