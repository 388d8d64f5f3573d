"""Services whose streams are JSON."""

from __future__ import annotations

import base64
import contextlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.carriers.telephony.service import START
from voiceserver.audio import from_int16
from voiceserver.carriers.telephony.json_streams import (
    EXOTEL,
    PLIVO,
    TELNYX,
    TWILIO,
    InOrder,
    JsonFraming,
    JsonStream,
)
from voiceserver.carriers.telephony.messages import (
    Heard,
    LineForm,
    Pressed,
    Returned,
    Started,
    Stopped,
)
from voiceserver.errors import BadRequest
from voiceserver.media import g711

# What the serializers of pipecat-ai 1.14.0 (BSD-2-Clause) wrote for a tone of 440 Hz at
# 8 kHz and for an interruption, and what they made of a service's messages.
ORACLE: dict[str, Any] = json.loads(
    (Path(__file__).parent / "pipecat_1_14_0.json").read_text()
)
NAMES = {"twilio": TWILIO, "telnyx": TELNYX, "plivo": PLIVO, "exotel": EXOTEL}
TONE = (8000 * np.sin(2 * np.pi * 440 * np.arange(160) / 8000)).astype(np.int16)


def begun(names: JsonStream, **start: Any) -> JsonFraming:
    framing = JsonFraming(names)
    message = {"event": "start", names.stream: "stream-1", "start": start}
    assert len(framing.read(json.dumps(message))) == 1
    return framing


def started(names: JsonStream, message: dict[str, Any]) -> Started:
    (found,) = JsonFraming(names).read(json.dumps(message))
    assert isinstance(found, Started)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_we_write_what_an_independent_program_writes(name: str) -> None:
    """The same members of the same kinds; the audio is told apart by nobody."""
    framing, oracle = begun(NAMES[name]), ORACLE[name]["writes"]
    (clear,) = framing.clear()
    assert json.loads(clear) == json.loads(oracle["interruption"])
    payload = TONE.astype("<i2").tobytes()
    if name != "exotel":
        payload = g711.encode(g711.Law.MU, from_int16(TONE))
    (audio,) = framing.audio(payload)
    ours, theirs = json.loads(audio), json.loads(oracle["audio"])
    heard = [base64.b64decode(each["media"].pop("payload")) for each in (ours, theirs)]
    assert ours == theirs
    pcm = [
        np.frombuffer(each, "<i2") / 32768
        if name == "exotel"
        else g711.decode(g711.Law.MU, each)
        for each in heard
    ]
    assert len(pcm[0]) == len(pcm[1])
    assert np.abs(pcm[0] - pcm[1]).max() < 0.02  # a step of mu-law at this level


@pytest.mark.parametrize("name", NAMES)
def test_we_read_what_an_independent_program_reads(name: str) -> None:
    """Audio and keys."""
    framing = begun(NAMES[name])
    media, key = ORACLE[name]["reads"]
    (heard,) = framing.read(json.dumps(media["message"]))
    assert isinstance(heard, Heard)
    theirs = np.frombuffer(base64.b64decode(media["audio"]), "<i2") / 32768
    ours = (
        np.frombuffer(heard.payload, "<i2") / 32768
        if name == "exotel"
        else g711.decode(g711.Law.MU, heard.payload)
    )
    # Their resampler passes 8 kHz on as it is.
    assert len(ours) == len(theirs)
    assert np.abs(ours - theirs).max() < 0.001
    assert framing.read(json.dumps(key["message"])) == [Pressed(key["digit"])]


def test_a_stream_of_twilio_begins() -> None:
    """Numbers come as parameters of the call's document."""
    assert started(TWILIO, START) == Started(
        START["streamSid"],
        START["start"]["callSid"],
        "+15550101",
        "+15550100",
        LineForm(),
        START["start"]["customParameters"],
    )


def test_a_stream_of_telnyx_begins() -> None:
    """In A-law, where the line has it."""
    message = {
        "event": "start",
        "sequence_number": "1",
        "stream_id": "32DE0DEA",
        "start": {
            "call_control_id": "v2:T02",
            "from": "+15550101",
            "to": "+15550100",
            "media_format": {"encoding": "PCMA", "sample_rate": 8000, "channels": 1},
        },
    }
    found = started(TELNYX, message)
    assert found.form == LineForm("pcma")
    assert (found.caller, found.called) == ("+15550101", "+15550100")


def test_a_stream_of_exotel_begins() -> None:
    """Its rates are texts, and its audio is PCM."""
    message = {
        "event": "start",
        "stream_sid": "MZ1",
        "start": {
            "call_sid": "CA1",
            "from": "+919876543210",
            "to": "+918047491899",
            "custom_parameters": {"token": "t"},
            "media_format": {"encoding": "audio/x-raw", "sample_rate": "16000"},
        },
    }
    found = started(EXOTEL, message)
    assert found.form == LineForm("l16", 16_000)
    assert found.parameters == {"token": "t"}


@pytest.mark.parametrize(
    "headers", [{"from": "1", "to": "2"}, '{"from":"1","to":"2"}', "{from: 1,to: 2}"]
)
def test_a_stream_of_plivo_begins(headers: object) -> None:
    """With its extra headers in any of the forms they are seen in."""
    message = {
        "event": "start",
        "sequenceNumber": 0,
        "start": {
            "callId": "c",
            "streamId": "s",
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000},
        },
        "extra_headers": headers,
    }
    found = started(PLIVO, message)
    assert (found.stream, found.caller, found.called) == ("s", "1", "2")


def test_plivo_names_its_marks_otherwise() -> None:
    """A checkpoint that was played."""
    framing = begun(PLIVO)
    (mark,) = framing.mark("1.480")
    assert json.loads(mark) == {
        "event": "checkpoint",
        "streamId": "stream-1",
        "name": "1.480",
    }
    played = {"event": "playedStream", "streamId": "stream-1", "name": "1.480"}
    assert framing.read(json.dumps(played)) == [Returned("1.480")]


def test_marks_go_and_return() -> None:
    """As they were named."""
    framing = begun(TWILIO)
    (mark,) = framing.mark("1.480")
    assert json.loads(mark)["mark"] == {"name": "1.480"}
    assert framing.read(mark) == [Returned("1.480")]


def test_what_needs_no_answer_is_nothing() -> None:
    """Greetings, unknown events, keys that no telephone has, our own voice."""
    framing = begun(TWILIO)
    for message in (
        {"event": "connected", "protocol": "Call", "version": "1.0.0"},
        {"event": "weather"},
        {},
        {"event": "dtmf", "dtmf": {"digit": "x"}},
        {"event": "media", "media": {"track": "outbound", "payload": "AAAA"}},
    ):
        assert not framing.read(json.dumps(message))
    assert framing.read('{"event":"stop"}') == [Stopped()]


@pytest.mark.parametrize("event", ["media", "dtmf"])
def test_nothing_comes_before_the_start(event: str) -> None:
    """A service that does that has lost something."""
    with pytest.raises(BadRequest, match=f"{event} came before start"):
        JsonFraming(TWILIO).read(json.dumps({"event": event, event: {"payload": ""}}))


def test_a_form_that_is_not_spoken_is_named() -> None:
    """With those that are."""
    form = {"encoding": "OPUS", "sampleRate": 48000}
    with pytest.raises(BadRequest, match=r"'OPUS' is not supported.*pcmu"):
        begun(TWILIO, mediaFormat=form)


@given(st.permutations(range(5)))
def test_chunks_that_overtake_are_put_into_order(order: list[int]) -> None:
    """As Telnyx may send them; those before the first are too late."""
    sorting = InOrder()
    out = [sorting.push(number, bytes([number])) for number in order]
    heard = [chunk for chunks in out for chunk in chunks]
    assert heard == [bytes([number]) for number in range(order[0], 5)]


def test_a_chunk_that_never_comes_is_given_up() -> None:
    """After 100 ms of those that follow it."""
    sorting = InOrder()
    assert sorting.push(1, b"1") == [b"1"]
    waited = [sorting.push(number, b"x") for number in range(3, 9)]
    assert [len(each) for each in waited] == [0, 0, 0, 0, 0, 6]
    assert sorting.push(2, b"2") == []


@given(st.text() | st.binary(), st.sampled_from(list(NAMES.values())))
def test_whatever_comes_is_read_or_refused(
    message: str | bytes, names: JsonStream
) -> None:
    """Never anything else."""
    with contextlib.suppress(BadRequest):
        JsonFraming(names).read(message)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                "event start media dtmf mark name payload digit streamSid chunk "
                "mediaFormat encoding sampleRate extra_headers customParameters".split()
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(
    st.sampled_from("start media dtmf mark stop playedStream".split()),
    st.dictionaries(st.sampled_from(["start", "media", "dtmf", "mark"]), JSON),
)
def test_members_of_any_kind_are_read_or_refused(
    event: str, fields: dict[str, Any]
) -> None:
    """Numbers for texts, lists for objects, and so on."""
    framing = begun(TWILIO)
    with contextlib.suppress(BadRequest):
        framing.read(json.dumps({"event": event, **fields}))
