"""The envelope of server events."""

from __future__ import annotations

import json

from voiceserver.dialects.realtime.wire import Ids, Wire
from voiceserver.errors import BadRequest


def test_event_has_its_type_and_a_new_id() -> None:
    """Whatever else it carries, a field called ``name`` too."""
    sent: list[str] = []
    wire = Wire(Ids("call"), sent.append)
    wire.event("a.b", name="x")
    wire.event("a.b", name="x")
    first, second = map(json.loads, sent)
    assert (first["type"], first["name"]) == ("a.b", "x")
    assert first["event_id"] != second["event_id"]


def test_refusal_names_the_offending_event() -> None:
    """So that a client can tell which of its events failed."""
    sent: list[str] = []
    Wire(Ids("call"), sent.append).refuse(BadRequest("no", "code", "a.b"), "e1")
    assert json.loads(sent[0])["error"] == {
        "type": "invalid_request_error",
        "code": "code",
        "message": "no",
        "param": "a.b",
        "event_id": "e1",
    }


def test_closed_wire_sends_nothing() -> None:
    """The connection may be gone."""
    sent: list[str] = []
    wire = Wire(Ids("call"), sent.append)
    wire.close()
    wire.event("a.b")
    assert sent == []


def test_text_is_ascii_whatever_was_said() -> None:
    """Lone surrogates of a client must not break a carrier's encoder."""
    sent: list[str] = []
    Wire(Ids("call"), sent.append).event("a.b", text="é\ud800")
    assert sent[0].isascii()
