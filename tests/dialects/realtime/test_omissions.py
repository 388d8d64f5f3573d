"""What stock clients break on when it is missing, each event and field by itself.

Rows that name agents-js (@openai/agents-realtime 0.20) or LiveKit (its RealtimeModel
1.8) were found by leaving out one event at a time in front of them; the others complete
the documented order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pytest

from tests.dialects.realtime.client import Client, names
from voiceserver.dialects.realtime.response import ResponseCreate
from voiceserver.events import (
    AudioDelta,
    BargeIn,
    Outcome,
    Playback,
    Played,
    ReplyDone,
    ReplyStarted,
    SpeechStarted,
    SpeechStopped,
    TextDelta,
    ToolCalled,
    Transcript,
    UserTurn,
)
from voiceserver.tools import ToolCall

Carrier = Literal["webrtc", "websocket"]
BOTH: Sequence[Carrier] = ("webrtc", "websocket")

ORDER = "it belongs to the documented order"

# (event, carriers that send it, what breaks without it)
TABLE: list[tuple[str, Sequence[Carrier], str]] = [
    ("session.created", BOTH, "agents-js: no tracing update"),
    ("session.updated", BOTH, "agents-js: WebRTC connects 5 s late; cancels itself"),
    ("response.created", BOTH, "LiveKit: no audio; agents-js: cannot interrupt"),
    ("response.done", BOTH, "agents-js: the result of a tool is never answered"),
    ("response.output_item.added", BOTH, "LiveKit: KeyError, no audio, no text"),
    ("response.output_item.done", BOTH, "agents-js: tools are never executed"),
    ("conversation.item.added", BOTH, "LiveKit: update_chat_ctx times out"),
    ("conversation.item.done", BOTH, "agents-js: not in the history"),
    (
        "conversation.item.input_audio_transcription.completed",
        BOTH,
        "agents-js, LiveKit: no user text",
    ),
    ("conversation.item.retrieved", BOTH, "agents-js: no user text"),
    ("conversation.item.truncated", BOTH, "agents-js: never asks what was heard"),
    ("input_audio_buffer.speech_started", BOTH, "agents-js, LiveKit: no interruption"),
    ("input_audio_buffer.speech_stopped", BOTH, ORDER),
    ("input_audio_buffer.committed", BOTH, ORDER),
    ("response.content_part.added", BOTH, ORDER),
    ("response.content_part.done", BOTH, ORDER),
    ("response.output_audio.delta", ("websocket",), "no sound"),
    ("response.output_audio.done", BOTH, "agents-js: no audio_stopped"),
    ("response.output_audio_transcript.delta", BOTH, ORDER),
    ("response.output_audio_transcript.done", BOTH, ORDER),
    ("response.function_call_arguments.delta", BOTH, ORDER),
    ("response.function_call_arguments.done", BOTH, "devices run tools from it"),
    ("output_audio_buffer.started", ("webrtc",), ORDER),
    ("output_audio_buffer.cleared", ("webrtc",), ORDER),
]


def conversation(carrier: Carrier) -> Client:
    """A question and its answer, an interruption, a tool, and its result."""
    client = Client(carrier=carrier)
    client.send("session.update", session={"type": "realtime", "tracing": "auto"})
    client.notify(
        SpeechStarted(1, 16_000),
        SpeechStopped(1, 32_000),
        UserTurn(1, 32_000, 40_000, 0, "silence"),
        Transcript(1, "hello", final=True),
        ReplyStarted(1, ResponseCreate(metadata={"client_event_id": "mine"})),
        TextDelta(1, "Hi there."),
        Playback(1, Played.STARTED),
    )
    if carrier == "websocket":
        client.notify(AudioDelta(1, np.zeros(48_000, np.float32)))
    client.notify(
        BargeIn(2, 60_000, "words"),
        ReplyDone(1, "Hi there.", Outcome.INTERRUPTED),
        Playback(1, Played.CUT, 480, "Hi"),
    )
    item_id = said(client, "response.done")[0]["response"]["output"][0]["id"]
    place = {"item_id": item_id, "content_index": 0}
    client.send("conversation.item.truncate", **place, audio_end_ms=480)
    if carrier == "websocket":
        client.notify(Playback(1, Played.CUT, 480, "Hi"))
    client.send("conversation.item.retrieve", item_id=item_id)
    client.notify(
        SpeechStopped(2, 70_000),
        UserTurn(2, 70_000, 78_000, 0, "silence"),
        Transcript(2, "the weather?", final=True),
        ReplyStarted(2),
        ToolCalled(2, ToolCall("call_1", "weather", "{}")),
        ReplyDone(2, "", Outcome.COMPLETED),
    )
    result = {"type": "function_call_output", "call_id": "call_1", "output": "sunny"}
    client.send("conversation.item.create", item=result, previous_item_id="root")
    return client


def said(client: Client, name: str) -> list[dict[str, Any]]:
    return [event for event in client.events if event["type"] == name]


@pytest.fixture(scope="module")
def clients() -> dict[Carrier, Client]:
    """A conversation over either carrier."""
    return {carrier: conversation(carrier) for carrier in BOTH}


@pytest.mark.parametrize(
    ("name", "carrier", "breaks"),
    [
        (name, carrier, breaks)
        for name, carriers, breaks in TABLE
        for carrier in carriers
    ],
)
def test_nothing_is_left_out(
    name: str, carrier: Carrier, breaks: str, clients: dict[Carrier, Client]
) -> None:
    """Each event of the table is sent on each carrier that has it."""
    assert name in names(clients[carrier].events), breaks


@pytest.mark.parametrize("carrier", BOTH)
def test_metadata_is_echoed_where_the_response_is_created(
    carrier: Carrier, clients: dict[Carrier, Client]
) -> None:
    """Without it LiveKit's ``generate_reply`` times out though the audio arrived."""
    created = said(clients[carrier], "response.created")[0]
    assert created["response"]["metadata"] == {"client_event_id": "mine"}


@pytest.mark.parametrize("carrier", BOTH)
def test_the_tool_call_is_whole_in_each_place(
    carrier: Carrier, clients: dict[Carrier, Client]
) -> None:
    """Clients take it from the item, from the arguments' end, or from the response."""
    client = clients[carrier]
    wanted = ("call_1", "weather", "{}")
    ended = said(client, "response.function_call_arguments.done")[0]
    item = said(client, "response.output_item.done")[-1]["item"]
    output = said(client, "response.done")[-1]["response"]["output"][0]
    for call in (ended, item, output):
        assert (call["call_id"], call["name"], call["arguments"]) == wanted


@pytest.mark.parametrize("carrier", BOTH)
def test_every_start_has_its_end(
    carrier: Carrier, clients: dict[Carrier, Client]
) -> None:
    """Also of the response that was interrupted."""
    kinds = names(clients[carrier].events)
    for stem in (
        "conversation.item",
        "response.output_item",
        "response.content_part",
    ):
        assert kinds.count(f"{stem}.added") == kinds.count(f"{stem}.done"), stem
    assert kinds.count("response.created") == kinds.count("response.done")


@pytest.mark.parametrize("carrier", BOTH)
def test_nulls_are_explicit(carrier: Carrier, clients: dict[Carrier, Client]) -> None:
    """The first item follows null; a transcript has its usage."""
    client = clients[carrier]
    assert said(client, "input_audio_buffer.committed")[0]["previous_item_id"] is None
    assert said(client, "conversation.item.added")[0]["previous_item_id"] is None
    assert said(client, "conversation.item.added")[-1]["previous_item_id"] is None
    name = "conversation.item.input_audio_transcription.completed"
    assert said(client, name)[0]["usage"]["type"] == "duration"


@pytest.mark.parametrize(
    "detection", [{"type": "semantic_vad"}, {"type": "server_vad"}]
)
def test_defaults_are_filled_in(detection: dict[str, str]) -> None:
    """Otherwise agents-js takes ``interrupt_response`` for off and cancels itself."""
    client = Client()
    session = {"type": "realtime", "audio": {"input": {"turn_detection": detection}}}
    client.send("session.update", session=session)
    shown = client.session["audio"]["input"]["turn_detection"]
    assert shown["interrupt_response"] is True
    assert shown["create_response"] is True


def test_what_is_sent_twice_is_accepted() -> None:
    """agents-js and openai-agents send ``tracing`` after ``session.created``."""
    client = Client()
    [event] = client.answer("session.update", session={"tracing": "auto"})
    assert event["type"] == "session.updated"
