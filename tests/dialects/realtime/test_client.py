"""Client events: answers, commands, refusals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.dialects.realtime.client import Client, names
from voiceserver.commands import (
    AddMessage,
    ClearAudio,
    ClearPlayback,
    DeleteMessage,
)
from voiceserver.dialects.realtime.client import Cancel
from voiceserver.dialects.realtime.response import ResponseCreate
from voiceserver.events import (
    BargeIn,
    Outcome,
    Playback,
    Played,
    ReplyDone,
    ReplyStarted,
    SpeechStarted,
    TextDelta,
    Transcript,
)


def message(role: str = "user", text: str = "hello", **more: Any) -> dict[str, Any]:
    """A message item as clients send it."""
    kind = "output_text" if role == "assistant" else "input_text"
    content = [{"type": kind, "text": text}]
    return {"type": "message", "role": role, "content": content, **more}


def cut_reply() -> tuple[Client, str]:
    """A call with a reply cut off at 480 ms, and the id of its item."""
    client = Client()
    client.notify(ReplyStarted(1), TextDelta(1, "Hi there."))
    client.notify(Playback(1, Played.STARTED), BargeIn(1, 16_000, "words"))
    sent = client.notify(ReplyDone(1, "Hi there.", Outcome.INTERRUPTED))
    client.notify(Playback(1, Played.CUT, 480, "Hi"))
    return client, sent[-1]["response"]["output"][0]["id"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1, 2]",
        '"session.update"',
        "null",
        "[" * 10_000,
        '{"type": "response.create", "x": NaN}',
        '{"type": "response.create", "x": 1e999}',
        '{"type": "response.create", "x": ' + "9" * 10_000 + "}",
    ],
)
def test_what_is_no_json_object_is_refused(text: str) -> None:
    """Malformed, of another shape, nested too deep, or with impossible numbers."""
    client = Client()
    assert client.dialect.receive(text) == []
    assert client.events[-1]["error"]["code"] == "invalid_json"


def test_unknown_type_is_refused_by_name() -> None:
    """With the id of the offending event, and the types that exist."""
    error = Client().refusal("session.begin")
    assert error["code"] == "unknown_event"
    assert "session.update" in error["message"]


@pytest.mark.parametrize("fields", [{}, {"type": None}, {"type": 5}])
def test_event_without_a_type_is_refused(fields: dict[str, Any]) -> None:
    """Missing, null, or no string."""
    client = Client()
    client.send("ignored", **fields) if fields else client.dialect.receive("{}")
    assert client.events[-1]["error"]["param"] == "type"


def test_event_id_of_a_wrong_type_is_refused() -> None:
    """There is nothing to refer to."""
    client = Client()
    client.send("response.create", event_id=["x"])
    assert client.events[-1]["error"]["param"] == "event_id"
    assert client.events[-1]["error"]["event_id"] is None


def test_response_create_asks_for_a_reply() -> None:
    """With the client's metadata and instructions for this reply alone."""
    response = {"metadata": {"k": "v"}, "instructions": "Shout.", "tools": []}
    client = Client()
    [command] = client.send("response.create", response=response)
    assert isinstance(command, ResponseCreate)
    assert command.metadata == {"k": "v"}
    assert command.settings == replace(client.settings, instructions="Shout.")


def test_second_response_is_refused_while_one_is_active() -> None:
    """And allowed once it is done, although it may still play."""
    client = Client()
    client.notify(ReplyStarted(1), TextDelta(1, "Hi."))
    client.notify(Playback(1, Played.STARTED))
    error = client.refusal("response.create")
    assert error["code"] == "conversation_already_has_active_response"
    client.notify(ReplyDone(1, "Hi.", Outcome.COMPLETED))
    [command] = client.send("response.create")
    assert isinstance(command, ResponseCreate)


@pytest.mark.parametrize(
    ("response", "param"),
    [
        ("now", "response"),
        ({"metadata": {"k": 5}}, "response.metadata.k"),
        ({"metadata": {str(k): "" for k in range(17)}}, "response.metadata"),
        ({"metadata": {"k": "x" * 513}}, "response.metadata.k"),
        ({"conversation": "other"}, "response.conversation"),
        ({"output_modalities": ["text", "audio"]}, "response.output_modalities"),
        ({"input": {}}, "response.input"),
        ({"input": [{"type": "item_reference"}]}, "response.input[0].id"),
        ({"input": [{"type": "message"}]}, "response.input[0].content"),
        ({"voice": "alloy"}, "response.voice"),
    ],
)
def test_wrong_response_is_refused(response: Any, param: str) -> None:
    """The error names the field."""
    assert Client().refusal("response.create", response=response)["param"] == param


def test_cancel_stops_the_active_response() -> None:
    """By its id, or without one."""
    client = Client()
    [created] = client.notify(ReplyStarted(1))
    assert client.send("response.cancel") == [Cancel(1)]
    response_id = created["response"]["id"]
    cancel = client.send("response.cancel", response_id=response_id)
    assert cancel == [Cancel(1)]


def test_cancel_of_nothing_is_harmless() -> None:
    """Clients race with the end of the response, and with its beginning."""
    client = Client()
    [cancel] = client.send("response.cancel", event_id="e7")
    assert cancel == Cancel(0, event_id="e7")  # what was asked for may not have begun
    client.dialect.refused(cancel)
    error = client.events[-1]["error"]
    assert (error["code"], error["event_id"]) == ("response_cancel_not_active", "e7")
    client.notify(ReplyStarted(1))
    error = client.refusal("response.cancel", response_id="resp_other")
    assert error["code"] == "response_cancel_not_active"


def test_clear_of_playback_works_after_the_response_is_done() -> None:
    """What plays on is the server's to stop."""
    assert Client().send("output_audio_buffer.clear") == [ClearPlayback()]


def test_clear_of_playback_is_refused_where_the_client_plays() -> None:
    """On a WebSocket the audio is the client's."""
    client = Client(carrier="websocket")
    assert client.refusal("output_audio_buffer.clear")["code"] == "unsupported"


@pytest.mark.parametrize("role", ["user", "system", "assistant"])
def test_message_is_added_and_acknowledged(role: str) -> None:
    """Without being answered."""
    client = Client()
    item = message(role)
    [command] = client.send("conversation.item.create", item=item)
    item_id = client.events[-1]["item"]["id"]
    assert command == AddMessage(role, "hello", f"c{item_id}")
    added, done = client.events[-2:]
    assert added["type"] == "conversation.item.added"
    assert done["type"] == "conversation.item.done"
    assert added["item"]["content"] == item["content"]
    assert added["previous_item_id"] is None


def test_parts_of_a_message_are_joined() -> None:
    """A line each."""
    item = message()
    item["content"] = item["content"] * 2
    [command] = Client().send("conversation.item.create", item=item)
    assert isinstance(command, AddMessage)
    assert command.text == "hello\nhello"


def test_id_and_place_of_a_message_are_the_clients() -> None:
    """At the end, at the front ("root"), after another."""
    client = Client()

    def placed(item_id: str, **where: Any) -> Any:
        item = message(id=item_id)
        sent = client.answer("conversation.item.create", item=item, **where)
        assert sent[0]["item"]["id"] == item_id
        return sent[0]["previous_item_id"]

    assert placed("one") is None
    assert placed("two") == "one"
    assert placed("three", previous_item_id="root") is None
    assert placed("four", previous_item_id="one") == "one"
    assert placed("five") == "two"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "missing_required_parameter"),
        ({"item": "hello"}, "invalid_type"),
        ({"item": {"type": "mcp_call"}}, "unsupported"),
        ({"item": {"type": "function_call_output"}}, "missing_required_parameter"),
        ({"item": message(content=[{"type": "input_image"}])}, "unsupported"),
        ({"item": message(role="tool")}, "invalid_value"),
        ({"item": message(text=" ")}, "invalid_value"),
        ({"item": message(text="x" * 40_000)}, "string_above_max_length"),
        ({"item": message(content=[])}, "invalid_value"),
        ({"item": message(content=[{"type": "input_audio"}])}, "unsupported"),
        ({"item": message(content=["hello"])}, "invalid_type"),
        ({"item": message(content=[{}] * 33)}, "invalid_value"),
        ({"item": message(mood="sad")}, "unknown_parameter"),
        ({"item": message(), "previous_item_id": "gone"}, "item_not_found"),
        ({"item": message(), "previous_item_id": 5}, "invalid_type"),
        ({"item": message(id="taken")}, "item_create_duplicate_item_id"),
    ],
)
def test_wrong_message_is_refused(fields: dict[str, Any], code: str) -> None:
    """Nothing is added."""
    client = Client()
    client.send("conversation.item.create", item=message(id="taken"))
    assert client.refusal("conversation.item.create", **fields)["code"] == code


def test_items_that_do_not_exist_are_refused() -> None:
    """For every event that names one."""
    client = Client()
    for verb in ("retrieve", "delete", "truncate"):
        error = client.refusal(f"conversation.item.{verb}", item_id="gone")
        assert error["code"] == f"item_{verb}_invalid_item_id"
        error = client.refusal(f"conversation.item.{verb}")
        assert error["code"] == "missing_required_parameter"


def test_deleted_item_is_gone() -> None:
    """From the list of items and from what the model knows."""
    client = Client()
    client.send("conversation.item.create", item=message(id="one"))
    [command] = client.send("conversation.item.delete", item_id="one")
    assert command == DeleteMessage("cone")
    assert names(client.events)[-1] == "conversation.item.deleted"
    error = client.refusal("conversation.item.retrieve", item_id="one")
    assert error["code"] == "item_retrieve_invalid_item_id"


def test_truncate_is_answered_with_where_the_server_cut() -> None:
    """What the server sent counts, so a client's later position changes nothing."""
    client, item_id = cut_reply()
    for part in ({}, {"content_index": None}, {"content_index": 0}):
        where = {"item_id": item_id, "audio_end_ms": 900, **part}
        [event] = client.answer("conversation.item.truncate", **where)
        assert event["type"] == "conversation.item.truncated"
        assert event["audio_end_ms"] == 480


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"audio_end_ms": -1}, "invalid_value"),
        ({"audio_end_ms": "100"}, "invalid_type"),
        ({}, "missing_required_parameter"),
        ({"audio_end_ms": 900, "content_index": 1}, "invalid_value"),
        ({"audio_end_ms": None, "content_index": None}, "missing_required_parameter"),
    ],
)
def test_wrong_truncate_is_refused(fields: dict[str, Any], code: str) -> None:
    """Negative, no number, missing, of another part."""
    client, item_id = cut_reply()
    error = client.refusal("conversation.item.truncate", item_id=item_id, **fields)
    assert error["code"] == code


def test_truncate_of_text_is_refused() -> None:
    """Only what sounded can be cut."""
    client = Client()
    client.send("conversation.item.create", item=message(id="one"))
    error = client.refusal(
        "conversation.item.truncate", item_id="one", audio_end_ms=100
    )
    assert error["param"] == "item_id"


def test_audio_in_events_is_refused_where_rtp_carries_it() -> None:
    """It would be heard twice, or never."""
    error = Client().refusal("input_audio_buffer.append", audio="AAAA")
    assert error["code"] == "unsupported"


def test_commit_that_finds_nothing_is_refused_with_the_clients_id() -> None:
    """Only the session knows what was heard, so its refusal comes back this way."""
    client = Client()
    [command] = client.send("input_audio_buffer.commit", event_id="mine")
    client.dialect.refused(command)
    error = client.events[-1]["error"]
    assert error["code"] == "input_audio_buffer_commit_empty"
    assert error["event_id"] == "mine"


def test_clear_forgets_the_open_utterance() -> None:
    """What follows of it is out of order."""
    client = Client()
    client.notify(SpeechStarted(1, 16_000))
    assert client.send("input_audio_buffer.clear") == [ClearAudio()]
    assert names(client.events)[-1] == "input_audio_buffer.cleared"
    assert client.notify(Transcript(1, "hel", final=False)) == []


def test_conversation_full_of_client_items_refuses_more() -> None:
    """A client cannot fill the memory."""
    client = Client()
    for _ in range(1000):
        client.send("conversation.item.create", item=message())
    error = client.refusal("conversation.item.create", item=message())
    assert error["code"] == "too_many_items"
