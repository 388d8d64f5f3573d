"""OpenAI's transcription sessions: what is written, and what is made of the events."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from contextlib import aclosing
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes import LOUD
from tests.server.running import running
from voiceserver.audio import MIC_RATE
from voiceserver.config import RecogniserProvider
from voiceserver.engines.base import DICTATION, Hypothesis, Opening
from voiceserver.engines.hearing.live import Heard, LiveService
from voiceserver.engines.hearing.openai_realtime import (
    WIRE_RATE,
    TranscriptionSession,
    wire,
)
from voiceserver.engines.providers.services.sockets import WebSockets
from voiceserver.errors import ProviderFailed

EARS = RecogniserProvider("ears", "https://h/v1", "gpt-live-transcribe")
ITEM = "conversation.item.input_audio_transcription."
COMMITTED = "input_audio_buffer.committed"


def event(kind: str, item: str = "i", **more: Any) -> str:
    return json.dumps({"type": kind, "item_id": item} | more)


def heard(session: TranscriptionSession, *messages: str) -> Heard:
    """What the last message leaves."""
    last = [session.read(message) for message in messages][-1]
    assert last is not None
    return last


def test_a_session_only_transcribes_and_ends_no_turn() -> None:
    session = wire(EARS, Opening("en-US", "latte, mocha"))
    assert session.url == "wss://h/v1/realtime?intent=transcription"
    [hello] = session.hello
    assert json.loads(hello) == {
        "type": "session.update",
        "session": {
            "type": "transcription",
            "audio": {
                "input": {
                    "format": {"type": "audio/pcm", "rate": 24000},
                    "transcription": {
                        "model": "gpt-live-transcribe",
                        "language": "en",
                        "prompt": "latte, mocha",
                    },
                    "turn_detection": None,
                }
            },
            "include": ["item.input_audio_transcription.logprobs"],
        },
    }


def test_audio_is_sent_at_its_one_rate_without_seams() -> None:
    session = TranscriptionSession(EARS, DICTATION)
    tone = np.sin(np.arange(MIC_RATE) * 2 * np.pi * 440 / MIC_RATE) * 10_000
    pcm = tone.astype("<i2").tobytes()
    sent = b""
    for at in range(0, len(pcm), 1280):
        told = json.loads(session.audio(pcm[at : at + 1280]))
        assert told["type"] == "input_audio_buffer.append"
        sent += base64.b64decode(told["audio"])
    samples = np.frombuffer(sent, "<i2")[100:].astype(float)
    assert abs(len(samples) + 100 - WIRE_RATE) < 40
    assert np.abs(np.diff(samples)).max() < 10_000 * 2 * np.pi * 440 / WIRE_RATE + 60


def test_words_come_and_the_committed_item_is_the_end() -> None:
    session = TranscriptionSession(EARS, DICTATION)
    told = heard(session, event(f"{ITEM}delta", delta="One "))
    told = heard(session, event(f"{ITEM}delta", delta="two"))
    assert told == Heard(Hypothesis("One two"))
    assert json.loads(session.end()[0]) == {"type": "input_audio_buffer.commit"}
    assert not heard(session, event(COMMITTED)).done
    assert not heard(session, event(f"{ITEM}delta", delta=" three")).done
    completed = event(f"{ITEM}completed", transcript="One, two.", logprobs=[])
    told = heard(session, completed)
    assert (told.hypothesis.text, told.done) == ("One, two.", True)
    assert heard(session, completed) == told
    late = event(f"{ITEM}delta", delta=" four")
    assert heard(session, late).hypothesis.text == "One, two."


def test_a_service_that_ends_items_by_itself_is_put_together() -> None:
    session = TranscriptionSession(EARS, DICTATION)
    first = event(
        f"{ITEM}completed", "a", transcript="One.", logprobs=[{"logprob": -1}]
    )
    assert not heard(session, event(COMMITTED, "a"), first).done
    session.end()
    empty = {"code": "input_audio_buffer_commit_empty", "message": "m"}
    told = heard(session, json.dumps({"type": "error", "error": empty}))
    assert (told.hypothesis.text, told.done) == ("One.", True)
    assert told.hypothesis.logprob == -1


def test_an_item_that_is_written_late_is_waited_for() -> None:
    session = TranscriptionSession(EARS, DICTATION)
    heard(session, event(COMMITTED, "a"))
    session.end()
    heard(session, event(COMMITTED, "b"))
    assert not heard(session, event(f"{ITEM}completed", "b", transcript="two")).done
    told = heard(session, event(f"{ITEM}completed", "a", transcript="one"))
    assert (told.hypothesis.text, told.done) == ("one two", True)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("invalid_api_key", "misconfigured"),
        ("rate_limit_exceeded", "busy"),
        ("server_error", "error"),
        (None, "error"),
    ],
)
def test_faults_are_of_their_kind_and_quote_nothing(
    code: str | None, kind: str
) -> None:
    error = {"type": "error", "error": {"code": code, "message": "you said secrets"}}
    with pytest.raises(ProviderFailed) as failure:
        TranscriptionSession(EARS, DICTATION).read(json.dumps(error))
    assert failure.value.kind == kind
    assert "secrets" not in str(failure.value)


def test_what_is_not_written_down_is_a_failure() -> None:
    session = TranscriptionSession(EARS, DICTATION)
    for broken in (event(f"{ITEM}failed"), event(f"{ITEM}completed")):
        with pytest.raises(ProviderFailed):
            session.read(broken)
    with pytest.raises(ProviderFailed, match="hung up"):
        session.closed(1.0, None)


def test_another_model_than_was_asked_for_is_refused() -> None:
    def updated(model: str) -> str:
        listening = {"transcription": {"model": model}}
        told = {"type": "session.updated", "session": {"audio": {"input": listening}}}
        return json.dumps(told)

    session = TranscriptionSession(EARS, DICTATION)
    assert session.read(updated("gpt-live-transcribe")) is None
    assert session.read('{"type": "session.updated", "session": 7}') is None
    with pytest.raises(ProviderFailed, match="another model") as failure:
        session.read(updated("whisper-1"))
    assert failure.value.kind == "pin"


JUNK = st.none() | st.integers() | st.text(max_size=5) | st.lists(st.integers())
KINDS = ["error", "session.updated", COMMITTED, f"{ITEM}delta", f"{ITEM}completed"]


@settings(max_examples=40)
@given(
    st.sampled_from(KINDS),
    st.dictionaries(
        st.sampled_from(["item_id", "delta", "transcript", "logprobs", "error"]), JUNK
    ),
)
def test_whatever_it_sends_is_words_or_a_failure(
    kind: str, fields: dict[str, Any]
) -> None:
    session = TranscriptionSession(EARS, DICTATION)
    with contextlib.suppress(ProviderFailed):
        told = session.read(json.dumps(fields | {"type": kind}))
        assert told is None or isinstance(told.hypothesis.text, str)


@pytest.mark.net
async def test_a_server_that_speaks_this_protocol_is_understood() -> None:
    """Our own, whose transcription sessions were written from the other side."""
    loud = (np.ones(MIC_RATE) * LOUD * 32_000).astype("<i2").tobytes()
    async with running() as server:
        base_url = f"{server.url}/v1"
        provider = RecogniserProvider("ears", base_url, "m", "openai_realtime")
        ears = LiveService(provider, WebSockets(), wire, {})
        async with (
            asyncio.timeout(10),
            aclosing(ears.recognise(loud, Opening("en"))) as heard,
        ):
            assert (await anext(heard)).text == "hello there"
