"""Items of a client."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dialects.realtime.client import Client
from tests.dialects.realtime.test_dialect import TURN
from voiceserver.commands import AddMessage
from voiceserver.dialects.realtime.client_items import read_item
from voiceserver.dialects.realtime.items import Item, Part
from voiceserver.errors import BadRequest
from voiceserver.events import (
    BargeIn,
    Outcome,
    Playback,
    Played,
    ReplyDone,
    SpeechStopped,
    Transcript,
    UserTurn,
)
from voiceserver.tools import ToolCall


def read(**fields: Any) -> Item:
    return read_item(fields, "item", lambda: "item_new")


def test_call_and_result_become_messages() -> None:
    """As clients put a conversation of before back in place."""
    call = read(
        type="function_call", id="one", call_id="a", name="look", arguments="{}"
    )
    wanted = (ToolCall("a", "look", "{}"),)
    assert call.message() == AddMessage("assistant", "", "cone", None, wanted)
    result = read(type="function_call_output", call_id="a", output="blue")
    message = AddMessage("tool", "blue", "citem_new", None, (), "a")
    assert result.message() == message
    assert result.rendered()["output"] == "blue"


def test_audio_with_a_transcript_is_taken_by_its_words() -> None:
    """Without one it is refused: audio of a message is not recognised."""
    part = {"type": "input_audio", "audio": "AAAA", "transcript": "hello"}
    item = read(type="message", role="user", content=[part])
    assert item.message().text == "hello"
    with pytest.raises(BadRequest, match="transcript"):
        read(type="message", role="user", content=[{"type": "input_audio"}])


def test_what_is_given_out_is_taken_back() -> None:
    """Interrupted before a word, not recognised, silent: each as it was told."""
    given = [
        Item("a", "assistant", Part.OUTPUT_AUDIO, None, "incomplete"),
        Item("b", "assistant", Part.OUTPUT_AUDIO, "", "incomplete", 0),
        Item("c", "assistant", Part.OUTPUT_TEXT, "", "incomplete"),
        Item("d", "user", Part.INPUT_AUDIO, None),
        Item("e", "user", Part.INPUT_AUDIO, ""),
        Item("f", "assistant", Part.FUNCTION_CALL, "", call_id="1", name="look"),
        Item("g", "tool", Part.FUNCTION_CALL_OUTPUT, "", call_id="1"),
        Item("h", "assistant", Part.OUTPUT_AUDIO, "Hi", "in_progress"),
    ]
    for item in given:
        read = read_item(item.rendered(), "item", str)
        assert (read.id, read.role, read.text or "") == (
            item.id,
            item.role,
            item.text or "",
        )


def test_a_user_who_types_nothing_is_refused() -> None:
    """Nor is audio taken for words."""
    audio = {"type": "input_audio", "audio": "AAAA", "transcript": None}
    for part in ({"type": "input_text", "text": " "}, {"type": "input_audio"}, audio):
        with pytest.raises(BadRequest):
            read(type="message", role="user", content=[part])


def test_a_conversation_that_was_told_is_taken_whole_by_another_call() -> None:
    """Each item behind the one it followed, also where that one had no words."""
    first, second = Client(), Client()
    first.notify(
        *TURN,
        BargeIn(2, 60_000, "words"),
        ReplyDone(1, "Hi there.", Outcome.INTERRUPTED),
        Playback(1, Played.CUT, 0, ""),
        SpeechStopped(2, 70_000),
        UserTurn(2, 70_000, 78_000, 0, "silence"),
        Transcript(2, "", final=True),
    )
    first.send("conversation.item.create", item=TYPED, previous_item_id=None)
    told = [e for e in first.events if e["type"] == "conversation.item.done"]
    assert len(told) == 4
    for event in told:
        item_id, before = event["item"]["id"], event["previous_item_id"] or "root"
        [shown] = first.answer("conversation.item.retrieve", item_id=item_id)
        item = shown["item"]
        taken = second.answer(
            "conversation.item.create", item=item, previous_item_id=before
        )
        assert [each["type"] for each in taken] == [
            "conversation.item.added",
            "conversation.item.done",
        ]
        assert taken[1]["item"]["id"] == item_id
        assert taken[1]["previous_item_id"] == event["previous_item_id"]


TYPED = {
    "type": "message",
    "role": "user",
    "content": [{"type": "input_text", "text": "And then?"}],
}
