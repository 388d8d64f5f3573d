"""Items and their order."""

from __future__ import annotations

import pytest

from voiceserver.dialects.realtime.items import (
    MAX_CLIENT_ITEMS,
    MAX_CLIENT_TEXT,
    Conversation,
    Item,
    Part,
)
from voiceserver.dialects.realtime.wire import Ids
from voiceserver.errors import BadRequest


def text_item(item_id: str) -> Item:
    return Item(item_id, "user", Part.INPUT_TEXT, "hello")


def test_append_returns_the_item_before() -> None:
    """None for the first."""
    conversation = Conversation(Ids("call"))
    assert conversation.append(text_item("a")) is None
    assert conversation.append(text_item("b")) == "a"


def test_new_id_avoids_the_ids_of_the_client() -> None:
    """A client may make up the very id that ours would be."""
    taken = Ids("call").new("item")
    conversation = Conversation(Ids("call"))
    conversation.insert(text_item(taken), None)
    assert conversation.new_id() != taken


def test_insert_after_an_unknown_item_adds_nothing() -> None:
    """The id is free afterwards."""
    conversation = Conversation(Ids("call"))
    with pytest.raises(BadRequest, match="no item 'x'"):
        conversation.insert(text_item("a"), "x")
    assert conversation.insert(text_item("a"), None) is None


def test_audio_item_shows_a_transcript_that_is_not_known_yet() -> None:
    """As an explicit null."""
    item = Item("a", "user", Part.INPUT_AUDIO)
    assert item.rendered()["content"] == [{"type": "input_audio", "transcript": None}]


def test_message_of_the_assistant_begins_without_content() -> None:
    """Its part is added by an event of its own."""
    item = Item("a", "assistant", Part.OUTPUT_AUDIO, status="in_progress")
    assert item.rendered()["content"] == []


def test_items_that_a_client_deletes_give_their_room_back() -> None:
    """As SDKs do that keep a conversation short: a long call takes any number."""
    conversation = Conversation(Ids("call"))
    long = "x" * (MAX_CLIENT_TEXT // 2)
    for number in range(MAX_CLIENT_ITEMS + 1):
        item = Item(f"i{number}", "user", Part.INPUT_TEXT, long)
        conversation.insert(item, None)
        conversation.remove(item)
    conversation.insert(text_item("a"), None)


def test_the_text_of_a_clients_items_is_bounded_in_all() -> None:
    """Each may be long, but not a thousand of them."""
    conversation = Conversation(Ids("call"))
    long = "x" * (MAX_CLIENT_TEXT // 4)
    for number in range(4):
        item = Item(f"i{number}", "user", Part.INPUT_TEXT, long)
        conversation.insert(item, None)
    with pytest.raises(BadRequest, match="in all"):
        conversation.insert(Item("one", "user", Part.INPUT_TEXT, "x"), None)
