"""Items of a client."""

from __future__ import annotations

from typing import Any

import pytest

from voiceserver.commands import AddMessage
from voiceserver.dialects.realtime.client_items import read_item
from voiceserver.dialects.realtime.items import Item
from voiceserver.errors import BadRequest
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
