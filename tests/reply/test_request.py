"""What a reply is asked to do, seen in what it does."""

from __future__ import annotations

import numpy as np

from tests.fakes import LOUD, FakeRecogniser, FakeSpeech, FakeText
from tests.reply.test_reply import Bench, replied
from tests.virtual_time import run_virtual
from voiceserver.audio import MIC_RATE
from voiceserver.commands import AddMessage, CreateReply
from voiceserver.engines.base import Message, Reminder
from voiceserver.events import Event, ReplyStarted, Transcript
from voiceserver.reply.request import Source
from voiceserver.tools import ToolCall


def started(bench: Bench) -> ReplyStarted:
    [event] = [e for e in bench.events if isinstance(e, ReplyStarted)]
    return event


def test_source_of_nothing_answers_the_conversation() -> None:
    """No utterance is waited for, and nobody asked for it."""
    text = FakeText(5)
    begun = started(replied(Source(), text))
    assert [r.messages for r in text.requests] == [(Message("user", "hello"),)]
    assert begun.asked is None


def test_who_asked_is_told_when_the_reply_begins() -> None:
    """The very command, so that a dialect knows its own request again."""
    one, other = CreateReply(), CreateReply()
    assert started(replied(Source.of(one))).asked is one
    assert started(replied(Source.of(other))).asked is other


def test_a_script_that_was_asked_for_is_said_as_it_stands() -> None:
    """The text model is not asked."""
    text = FakeText(5)
    bench = replied(Source.of(CreateReply(say="Time is up.")), text)
    assert (bench.done.text, text.requests) == ("Time is up.", [])


def test_what_a_client_puts_in_place_of_the_conversation_is_the_models_to_read() -> (
    None
):
    """Calls of functions and their results too; none at all is none, not all."""
    call = ToolCall("call_1", "time", "{}")
    added = (
        AddMessage("user", "What time is it?", key="a"),
        AddMessage("assistant", "", calls=(call,)),
        AddMessage("tool", "noon", call_id="call_1"),
    )
    assert Source.of(CreateReply(messages=added)).messages == (
        Message("user", "What time is it?"),
        Message("assistant", "", (call,)),
        Message("tool", "noon", (), "call_1"),
    )
    assert Source.of(CreateReply(messages=())).messages == ()
    assert Source.of(CreateReply()).messages is None


def test_only_what_was_asked_to_be_is_outside_the_conversation() -> None:
    """What answers an utterance never is."""
    asides = [Source.of(CreateReply(aside=aside)).aside for aside in (True, False)]
    assert (asides, Source(1).aside) == ([True, False], False)


class Written(Bench):
    """Goes on once the user's words are told, as a session that writes them down."""

    async def _emit(self, event: Event | Reminder) -> None:
        await super()._emit(event)
        if isinstance(event, Transcript):
            self.reply.proceed()


def test_an_utterance_may_be_recognised_and_not_answered() -> None:
    """Its words are known, it is given back, and nobody is asked."""
    recogniser, text = FakeRecogniser(["good morning"]), FakeText(5)
    utterance = recogniser.open()
    utterance.push(np.full(MIC_RATE, LOUD, np.float32))
    bench = Written(Source(1, utterance, answer=False), text, FakeSpeech())
    run_virtual(bench.run())
    assert bench.reply.latest.text == "good morning"
    assert text.requests == []
    assert not bench.reply.started
    assert recogniser.open_utterances == 0
