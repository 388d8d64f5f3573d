"""What is written of a call, and what is not."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np

from tests.recording.taped import ALWAYS, DirectSink, TapedCall, said
from voiceserver.audio import from_int16
from voiceserver.commands import CreateReply
from voiceserver.config import Config, RecordConfig
from voiceserver.session.ports import Carrier

ASK = Config(record=RecordConfig("ask", "somewhere"))
IN_EVENTS = Carrier("toy", in_events=True)
SPOKEN = (0.5, said(1.0, True))


def _of(sink: DirectSink, kind: str) -> list[Any]:
    return [line for line in sink.lines if line["kind"] == kind]


def _update(**session: object) -> str:
    session = {"type": "realtime", **session}
    return json.dumps({"type": "session.update", "session": session})


def test_a_call_is_written_with_what_came_of_it() -> None:
    """The caller's audio, the events, the account of the turn, the end."""
    sink = TapedCall([SPOKEN, (1.5, said(11, False))]).sink
    heard = from_int16(np.frombuffer(sink.pcm["caller"], "<i2"))
    assert np.allclose(heard[:16_000], 0.1, atol=1e-4)
    assert len(heard) == 12 * 16_000
    names = [line["name"] for line in _of(sink, "event")]
    assert names[0] == "SpeechStarted"
    assert "UserTurn" in names and "ReplyDone" in names
    [turn] = _of(sink, "turn")
    assert turn["fields"]["outcome"] == "completed"
    assert sink.lines[-1]["kind"] == "closed"
    assert sink.ends == ["end"]
    assert json.loads(json.dumps(sink.lines)) == sink.lines


def test_the_reply_is_written_where_it_sounded() -> None:
    """The stub speaks for eight seconds, from just after the turn on."""
    sink = TapedCall([SPOKEN, (1.5, said(11, False))]).sink
    [began] = [e for e in _of(sink, "event") if e["name"] == "Playback"][:1]
    reply = np.frombuffer(sink.pcm["reply"], "<i2")
    first = int(np.flatnonzero(reply)[0])
    assert abs(first / 24_000 - began["t"] / 1000) < 0.03
    assert abs(len(reply) - first - 8 * 24_000) < 960


def test_what_an_interruption_cuts_never_sounded() -> None:
    """Where audio is sent ahead of its time, the rest of it is not written."""
    cancel = '{"type": "response.cancel"}'
    script = [(0.5, CreateReply(say="A tone.")), (2.0, cancel), (5.0, cancel)]
    sink = TapedCall(script, carrier=IN_EVENTS).sink
    assert abs(len(sink.pcm["reply"]) / 48_000 - 2.0) < 0.1


def test_audio_needs_a_line_only_where_it_is_off_its_time() -> None:
    """A pause of the network is one; so is what was made up."""
    sink = TapedCall([(0.5, said(1, False)), (3.0, said(1, False))]).sink
    times = [(line["t"], line["at"]) for line in _of(sink, "audio")]
    assert times == [(520.0, 0.0), (3020.0, 1000.0)]


def test_messages_of_the_client_are_written_and_audio_only_once() -> None:
    """What brought audio alone is in the audio."""
    append = json.dumps({"type": "input_audio_buffer.append", "audio": "AAAA" * 800})
    clear = json.dumps({"type": "input_audio_buffer.clear"})
    wrong = "no JSON"
    sink = TapedCall(
        [(0.1, append), (0.2, clear), (0.3, wrong), (0.4, said(0.1, False))],
        carrier=IN_EVENTS,
    ).sink
    assert [line["text"] for line in _of(sink, "message")] == [clear, wrong]
    assert [line["at"] for line in _of(sink, "audio")][:1] == [0.0]
    assert len(sink.pcm["caller"]) > 4000


def test_what_the_carrier_asks_for_is_written_and_what_follows_from_it_not() -> None:
    """A greeting is; the end of the call is."""
    sink = TapedCall([(0.1, CreateReply(say="Hello."))]).sink
    brought = [
        (line["name"], line["fields"].get("say")) for line in _of(sink, "brought")
    ]
    assert brought == [("CreateReply", "Hello."), ("HangUp", None)]


def test_without_consent_nothing_is_written() -> None:
    """Where the session has to say so and does not."""
    call = TapedCall([SPOKEN, (1.5, said(1, False))], config=ASK)
    assert (call.sink.lines, call.sink.pcm["caller"]) == ([], b"")
    assert "record" not in json.loads(call.sent[0])["session"]


def test_consent_before_the_call_records_all_of_it() -> None:
    """And the client is told, in the session that greets it."""
    call = TapedCall([SPOKEN], config=ASK, session={"record": True})
    assert len(call.sink.pcm["caller"]) == 2 * 16_000
    assert json.loads(call.sent[0])["session"]["record"] is True


def test_consent_within_the_call_records_what_follows() -> None:
    """The message that gives it is the first; earlier audio is counted, not kept."""
    script = [SPOKEN, (1.6, _update(record=True)), (2.0, said(1, True))]
    sink = TapedCall(script, config=ASK).sink
    assert sink.lines[0]["kind"] == "begun"
    assert sink.lines[0]["before"] == 16_000
    assert "session.update" in sink.lines[1]["text"]
    assert len(sink.pcm["caller"]) == 2 * 16_000


def test_consent_that_is_taken_back_removes_the_recording() -> None:
    """All of it, and nothing more is written."""
    script = [SPOKEN, (1.6, _update(record=False)), (2.0, said(1, True))]
    sink = TapedCall(script, config=ASK, session={"record": True}).sink
    n_lines = len(sink.lines)
    assert sink.ends == ["forget"]
    assert "closed" not in [line["kind"] for line in sink.lines[:n_lines]]
    assert len(sink.pcm["caller"]) == 2 * 16_000


def test_a_call_is_told_to_be_recorded_where_all_are() -> None:
    """No client is recorded without knowing it."""
    call = TapedCall([], config=ALWAYS)
    assert json.loads(call.sent[0])["session"]["record"] is True
    config = replace(ALWAYS, record=RecordConfig())
    assert "record" not in json.loads(TapedCall([], config=config).sent[0])["session"]


def test_keys_in_an_address_are_not_written() -> None:
    """Only what the dialect reads is of use."""
    assert TapedCall([]).sink.header.address == {"extensions": "voiceserver"}
