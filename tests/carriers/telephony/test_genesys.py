"""AudioHook, as Genesys Cloud speaks it."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.carriers.telephony.service import TwilioService
from tests.carriers.telephony.test_json_streams import JSON
from tests.virtual_time import run_virtual
from voiceserver.audio import resample
from voiceserver.carriers.telephony.beginning import beginning
from voiceserver.carriers.telephony.genesys import (
    FRAME_MS,
    MEDIA,
    PROBE,
    GenesysFraming,
)
from voiceserver.carriers.telephony.line_audio import LineDecoder, LineEncoder
from voiceserver.carriers.telephony.messages import (
    Answered,
    Heard,
    LineForm,
    Pressed,
    Returned,
    Started,
    Stopped,
)
from voiceserver.errors import BadRequest, SessionEnded

ID = "e160e428-53e2-487c-977d-96989bf5c99d"
OPEN: dict[str, Any] = {
    "organizationId": "d7934305-0972-4844-938e-9060eef73d05",
    "conversationId": "090eaa2f-72fa-480a-83e0-8667ff89c0ec",
    "participant": {
        "id": "883efee8-3d6c-4537-b500-6d7ca4b92fa0",
        "ani": "tel:+15550101",
        "aniName": "John",
        "dnis": "tel:+15550100",
    },
    "media": [
        {**MEDIA, "format": "PCMU", "channels": ["external", "internal"]},
        MEDIA,
    ],
    "inputVariables": {"token": "t"},
}


def said(kind: str, seq: int = 1, **parameters: Any) -> str:
    message = {
        "version": "2",
        "id": ID,
        "type": kind,
        "seq": seq,
        "serverseq": 0,
        "position": "PT0S",
        "parameters": parameters,
    }
    return json.dumps(message)


def begun() -> GenesysFraming:
    framing = GenesysFraming()
    framing.read(said("open", **OPEN))
    return framing


def answered(framing: GenesysFraming, message: str) -> dict[str, Any]:
    first, *_ = framing.read(message)
    assert isinstance(first, Answered)
    found: dict[str, Any] = json.loads(first.messages[0])
    return found


def test_a_session_is_opened() -> None:
    """In mu-law, of the caller alone; numbers lose their scheme."""
    framing = GenesysFraming()
    (started,) = framing.read(said("open", **OPEN))
    assert started == Started(
        ID,
        OPEN["conversationId"],
        "+15550101",
        "+15550100",
        LineForm(),
        {"token": "t"},
    )
    (opened,) = framing.begin()
    assert json.loads(opened) == {
        "version": "2",
        "type": "opened",
        "seq": 1,
        "clientseq": 1,
        "id": ID,
        "parameters": {"startPaused": False, "media": [MEDIA]},
    }
    assert framing.read(b"\xff" * 1600) == [Heard(b"\xff" * 1600)]
    assert framing.audio(b"\xff" * 1600) == [b"\xff" * 1600]


@pytest.mark.parametrize(
    ("formats", "form"),
    [
        (["L16", "PCMU"], LineForm("l16")),
        (["PCMU", "L16"], LineForm()),
        (["OPUS", "L16"], LineForm("l16")),
    ],
)
def test_the_first_form_that_can_be_used_is_taken(
    formats: list[str], form: LineForm
) -> None:
    """Linear PCM, where that is offered first; the answer names it."""
    media = [{**MEDIA, "format": name} for name in formats]
    framing = GenesysFraming()
    (started,) = framing.read(said("open", **{**OPEN, "media": media}))
    assert isinstance(started, Started)
    assert started.form == form
    (opened,) = framing.begin()
    named = "L16" if form.codec == "l16" else "PCMU"
    chosen = json.loads(opened)["parameters"]["media"]
    assert chosen == [{**MEDIA, "format": named}]


def test_linear_audio_is_little_endian_and_whole() -> None:
    """200 ms a message, as 3,200 octets; what comes is read the same way."""
    ramp = np.linspace(-0.5, 0.5, 2 * 1600, dtype=np.float32)
    sent = LineEncoder(LineForm("l16"), FRAME_MS).encode(resample(ramp, 8000, 24000))
    assert len(sent) == 3200
    heard = LineDecoder(LineForm("l16")).decode(b"\x00\x40" * 1600)
    assert heard[-100:].mean() == pytest.approx(0.5, abs=0.01)


def test_what_is_asked_of_the_connection_is_answered() -> None:
    """With numbers of its own, and the last one of theirs."""
    framing = begun()
    framing.begin()
    pong = answered(framing, said("ping", 7))
    assert (pong["type"], pong["seq"], pong["clientseq"]) == ("pong", 2, 7)
    assert answered(framing, said("update", 8, language="en-US"))["type"] == "updated"
    closing = said("close", 9, reason="end")
    assert framing.read(closing)[1:] == [Stopped()]
    assert answered(framing, closing)["type"] == "closed"


def test_a_probe_is_opened_and_closed_without_a_call() -> None:
    """A conversation of zeros: Genesys tries whether the server is there."""

    async def probed() -> list[str]:
        service = TwilioService()
        sent: list[str] = []

        async def send(message: str | bytes) -> None:
            sent.append(json.loads(message)["type"])

        service.send = send  # type: ignore[method-assign]
        service.put(said("open", **{**OPEN, "conversationId": PROBE}))
        service.put(said("ping", 2))
        service.put(said("close", 3, reason="end"))
        with pytest.raises(SessionEnded):
            await beginning(service, GenesysFraming())
        return sent

    assert run_virtual(probed()) == ["opened", "pong", "closed"]


def test_keys_interruptions_and_the_end() -> None:
    """The caller's, ours, and ours."""
    framing = begun()
    assert framing.read(said("dtmf", 2, digit="#")) == [Pressed("#")]
    (clear,) = framing.clear()
    entities = json.loads(clear)["parameters"]["entities"]
    assert entities == [{"type": "barge_in", "data": {}}]
    (end,) = framing.hang_up()
    assert json.loads(end)["parameters"] == {"reason": "completed"}


def test_it_tells_by_itself_when_all_was_played() -> None:
    """The mark at a reply's end returns then, once; what was dropped returns none."""
    framing = begun()
    assert not framing.read(said("playback_completed", 2))
    assert not framing.mark("1.480")
    assert framing.read(said("playback_completed", 3)) == [Returned("1.480")]
    assert not framing.read(said("playback_completed", 4))
    framing.mark("2.480")
    framing.clear()
    assert not framing.read(said("playback_completed", 5))


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (b"\xff", "before open"),
        (said("ping"), "ping came before open"),
        (said("open", **{**OPEN, "media": [{**MEDIA, "format": "OPUS"}]}), "PCMU"),
        (said("open", **{**OPEN, "media": [{**MEDIA, "rate": 16000}]}), "PCMU"),
        (said("open", **{**OPEN, "media": [{**MEDIA, "format": ["L16"]}]}), "PCMU"),
        (said("open", **{**OPEN, "media": "all"}), "PCMU"),
        (json.dumps({"type": "open"}), "no id"),
    ],
)
def test_what_cannot_be_is_said(message: str | bytes, why: str) -> None:
    """With what to do."""
    with pytest.raises(BadRequest, match=why):
        GenesysFraming().read(message)


def test_a_session_is_opened_once() -> None:
    """Each has a connection of its own."""
    with pytest.raises(BadRequest, match="twice"):
        begun().read(said("open", 2, **OPEN))


@given(
    st.sampled_from(["open", "ping", "close", "dtmf", "paused", "error", ""]),
    st.dictionaries(st.sampled_from(["media", "digit", "participant"]), JSON),
)
def test_members_of_any_kind_are_read_or_refused(
    kind: str, parameters: dict[str, Any]
) -> None:
    """Never anything else."""
    for framing in (GenesysFraming(), begun()):
        with contextlib.suppress(BadRequest):
            framing.read(said(kind, 2, **parameters))
