"""Services whose audio is binary."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.carriers.telephony.test_json_streams import JSON, ORACLE
from voiceserver.carriers.telephony.binary_streams import JambonzFraming, VonageFraming
from voiceserver.carriers.telephony.messages import (
    Framing,
    Heard,
    LineForm,
    Pressed,
    Returned,
    Started,
)
from voiceserver.errors import BadRequest

VONAGE = {
    "event": "websocket:connected",
    "content-type": "audio/l16;rate=16000",
    "from": "15550101",
    "to": "15550100",
    "token": "vt_x",
}
JAMBONZ = {
    "callSid": "c1",
    "direction": "inbound",
    "from": "15550101",
    "to": "15550100",
    "sampleRate": 16000,
    "mixType": "mono",
    "metadata": {"token": "vt_x"},
}


def vonage() -> VonageFraming:
    framing = VonageFraming()
    framing.read(json.dumps(VONAGE))
    return framing


def jambonz() -> JambonzFraming:
    framing = JambonzFraming()
    framing.read(json.dumps(JAMBONZ))
    return framing


@pytest.mark.parametrize(
    ("framing", "message"), [(VonageFraming(), VONAGE), (JambonzFraming(), JAMBONZ)]
)
def test_a_stream_begins(framing: Framing, message: object) -> None:
    """With who calls whom, its form, and what our document gave along."""
    (found,) = framing.read(json.dumps(message))
    assert isinstance(found, Started)
    assert (found.caller, found.called) == ("15550101", "15550100")
    assert found.form == LineForm("l16", 16_000)
    assert found.parameters["token"] == "vt_x"


def test_vonage_is_sent_frames_of_20_ms() -> None:
    """One a message; an independent program does the same, and clears the same way."""
    framing, oracle = vonage(), ORACLE["vonage"]["writes"]
    frames = framing.audio(bytes(1920))
    assert [len(each) for each in frames] == [oracle["audio"]["binary"]] * 3
    (clear,) = framing.clear()
    assert json.loads(clear) == json.loads(oracle["interruption"])


def test_vonage_returns_what_it_was_to_notify() -> None:
    """The whole payload."""
    framing = vonage()
    (mark,) = framing.mark("1.480")
    assert json.loads(mark) == {"action": "notify", "payload": {"name": "1.480"}}
    told = {"event": "websocket:notify", "payload": {"name": "1.480"}}
    assert framing.read(json.dumps(told)) == [Returned("1.480")]


def test_keys_are_read() -> None:
    """As each service writes them."""
    (key,) = ORACLE["vonage"]["reads"]
    assert vonage().read(json.dumps(key["message"])) == [Pressed(key["digit"])]
    nested = {"event": "websocket:dtmf", "dtmf": {"digit": "#"}}
    assert vonage().read(json.dumps(nested)) == [Pressed("#")]
    dtmf = {"event": "dtmf", "dtmf": "2", "duration": "1600"}
    assert jambonz().read(json.dumps(dtmf)) == [Pressed("2")]


def test_jambonz_takes_commands_of_a_type() -> None:
    """And returns marks in their data."""
    framing = jambonz()
    said = [*framing.mark("1.480"), *framing.clear(), *framing.hang_up()]
    kinds = [json.loads(each)["type"] for each in said]
    assert kinds == ["mark", "killAudio", "disconnect"]
    told = {"type": "mark", "data": {"name": "1.480", "event": "playout"}}
    assert framing.read(json.dumps(told)) == [Returned("1.480")]


@pytest.mark.parametrize("framing", [vonage(), jambonz()])
def test_audio_is_heard(framing: Framing) -> None:
    """As it comes."""
    assert framing.read(b"\0\1") == [Heard(b"\0\1")]


@pytest.mark.parametrize("framing", [VonageFraming(), JambonzFraming()])
def test_audio_before_the_beginning_is_refused(framing: Framing) -> None:
    """Its form is not known."""
    with pytest.raises(BadRequest, match="came before"):
        framing.read(b"\0\1")


def test_two_speakers_in_one_stream_are_refused() -> None:
    """The other channel would be the server's own voice."""
    with pytest.raises(BadRequest, match="must be mono"):
        JambonzFraming().read(json.dumps({**JAMBONZ, "mixType": "stereo"}))


@given(JSON, st.sampled_from([VonageFraming, JambonzFraming]))
def test_whatever_comes_is_read_or_refused(
    message: object, make: type[VonageFraming] | type[JambonzFraming]
) -> None:
    """Never anything else."""
    with contextlib.suppress(BadRequest):
        make().read(json.dumps(message))
