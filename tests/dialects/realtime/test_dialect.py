"""The Realtime dialect as a whole: greeting, orders over a turn, the end of a call."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from tests.dialects.realtime.client import Client, names
from voiceserver.commands import CreateReply, HangUp
from voiceserver.config import Config, TurnConfig
from voiceserver.errors import BadRequest
from voiceserver.events import (
    BargeIn,
    Failed,
    MediaReport,
    Outcome,
    Playback,
    Played,
    ReplyDone,
    ReplyStarted,
    SpeechStarted,
    SpeechStopped,
    TextDelta,
    Transcript,
    UserTurn,
)

TURN = (
    SpeechStarted(1, 16_000),
    SpeechStopped(1, 32_000),
    UserTurn(1, 32_000, 40_000, 0, "silence"),
    Transcript(1, "hello", final=True),
    ReplyStarted(1),
    TextDelta(1, "Hi "),
    Playback(1, Played.STARTED),
    TextDelta(1, "there."),
)


def test_opened_call_is_greeted_with_the_whole_session() -> None:
    """session.created carries the settings with every default filled in."""
    client = Client()
    assert names(client.events) == ["session.created"]
    assert client.session["audio"]["input"]["turn_detection"] == {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 500,
        "idle_timeout_ms": None,
        "create_response": True,
        "interrupt_response": True,
    }


def test_normal_turn_comes_in_the_documented_order() -> None:
    """Speech, commit, transcript, response, playing: the order clients rely on."""
    client = Client()
    sent = client.notify(
        *TURN,
        ReplyDone(1, "Hi there.", Outcome.COMPLETED),
        Playback(1, Played.DONE, 900, "Hi there."),
    )
    assert names(sent) == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.completed",
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_audio_transcript.delta",
        "output_audio_buffer.started",
        "response.output_audio_transcript.delta",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "output_audio_buffer.stopped",
        "voiceserver.item.heard",
    ]


def test_barge_in_ends_the_response_before_the_new_turn_commits() -> None:
    """speech_started, the closed response, cleared, truncated; then the commit."""
    client = Client()
    client.notify(*TURN)
    sent = client.notify(
        BargeIn(2, 60_000, "words"),
        ReplyDone(1, "Hi there.", Outcome.INTERRUPTED),
        Playback(1, Played.CUT, 480, "Hi"),
        SpeechStopped(2, 70_000),
        UserTurn(2, 70_000, 78_000, 0, "silence"),
    )
    assert names(sent) == [
        "input_audio_buffer.speech_started",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "output_audio_buffer.cleared",
        "conversation.item.truncated",
        "voiceserver.item.heard",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ]


def test_starting_session_is_laid_over_the_config() -> None:
    """What a client set before the call is what the session is made with."""
    client = Client(
        session={
            "type": "realtime",
            "instructions": "Be brief.",
            "max_output_tokens": 64,
            "audio": {
                "input": {"turn_detection": {"type": "semantic_vad"}},
                "output": {"voice": "verse", "speed": 1.25},
            },
        }
    )
    settings = client.settings
    assert settings.instructions == "Be brief."
    assert settings.max_output_tokens == 64
    assert (settings.voice, settings.speed) == ("verse", 1.25)
    assert settings.turn.policy == "graded"
    assert settings.turn.unclear_ms == 800


def test_without_a_session_the_turn_ends_by_silence_alone() -> None:
    """Clients that ask for nothing get server_vad, with the server's own silence."""
    client = Client(Config(turn=TurnConfig(silence_ms=700)))
    assert client.settings.turn.policy == "fixed"
    assert client.settings.turn.silence_ms == 700


def test_unusable_starting_session_is_refused_with_the_reason() -> None:
    """The carrier can answer the offer with it."""
    with pytest.raises(BadRequest, match="the voices are: alloy"):
        Client(session={"audio": {"output": {"voice": "nobody"}}})


def test_fault_outside_a_reply_is_an_error_of_the_server() -> None:
    """The client is told; the call goes on."""
    client = Client()
    [event] = client.notify(Failed("recogniser", "it was restarted"))
    assert event["error"] == {
        "type": "server_error",
        "code": "recogniser_failed",
        "message": "it was restarted",
        "param": None,
        "event_id": None,
    }
    [command] = client.send("response.create")
    assert isinstance(command, CreateReply)


def test_how_the_audio_fares_is_told_with_all_its_figures() -> None:
    """The fields of the carrier's report, by their names."""
    report = MediaReport(received=50, lost=2, concealed_ms=40, rtt_ms=12.5)
    [told] = Client().notify(report)
    assert told["type"] == "voiceserver.media"
    assert {name: told[name] for name in asdict(report)} == asdict(report)


def test_closed_call_ends_the_open_response_and_says_why() -> None:
    """No response is left without its terminal; nothing is sent afterwards."""
    client = Client()
    client.notify(*TURN)
    before = len(client.events)
    client.dialect.closed(HangUp("the server is shutting down", "closing"))
    client.dialect.closed(HangUp("again"))
    client.notify(ReplyDone(1, "Hi there.", Outcome.CANCELLED))
    *ending, last = client.events[before:]
    assert names(ending)[-1] == "response.done"
    assert ending[-1]["response"]["status"] == "cancelled"
    assert last["type"] == "voiceserver.call.ended"
    assert last["reason"] == "the server is shutting down"


def test_ids_are_the_same_on_every_run_and_differ_between_calls() -> None:
    """They derive from the call id alone."""
    runs = [Client(call_id=name) for name in ("rtc_a", "rtc_a", "rtc_b")]
    for client in runs:
        client.notify(*TURN)
    assert runs[0].events == runs[1].events
    texts = [json.dumps(client.events) for client in runs]
    assert runs[0].events[0]["event_id"] not in texts[2]
