"""Asterisk's chan_websocket."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.carriers.telephony.asterisk import LONGEST, AsteriskFraming
from voiceserver.carriers.telephony.messages import (
    Heard,
    LineForm,
    Pressed,
    Returned,
    Started,
    Stopped,
)
from voiceserver.errors import BadRequest

PLAIN = (
    "MEDIA_START connection_id:media1 channel:WebSocket/media1/0x5140001a0040 "
    "channel_id:1761245643.1 format:slin16 optimal_frame_size:640 ptime:20"
)
JSON = json.dumps(
    {
        "event": "MEDIA_START",
        "connection_id": "media1",
        "channel": "WebSocket/media1/0x5140001a0040",
        "channel_id": "1761245643.1",
        "format": "ulaw",
        "optimal_frame_size": 160,
        "ptime": 20,
        "channel_variables": {"to": "100", "from": "+15550101"},
    }
)


def begun(message: str) -> tuple[AsteriskFraming, Started]:
    framing = AsteriskFraming()
    (found,) = framing.read(message)
    assert isinstance(found, Started)
    return framing, found


def test_plain_text_is_answered_in_plain_text() -> None:
    """In the channel's own rate: nothing is resampled twice."""
    framing, found = begun(PLAIN)
    assert found.form == LineForm("l16", 16_000)
    assert (found.stream, found.call) == ("media1", "1761245643.1")
    said = [*framing.begin(), *framing.mark("1.480"), *framing.clear()]
    assert said == ["ANSWER", "REPORT_QUEUE_DRAINED", "FLUSH_MEDIA"]
    assert framing.hang_up() == ["HANGUP"]


def test_json_is_answered_in_json() -> None:
    """And carries the channel's variables."""
    framing, found = begun(JSON)
    assert found.form == LineForm("pcmu")
    assert (found.caller, found.called) == ("+15550101", "100")
    assert framing.clear() == ['{"command": "FLUSH_MEDIA"}']


@pytest.mark.parametrize(
    ("start", "dtmf", "drained"),
    [
        (PLAIN, "DTMF_END digit:5", "QUEUE_DRAINED"),
        (
            JSON,
            '{"event": "DTMF_END", "channel_id": "1", "digit": "5"}',
            '{"event": "QUEUE_DRAINED", "channel_id": "1"}',
        ),
    ],
)
def test_keys_and_the_empty_queue_are_told(start: str, dtmf: str, drained: str) -> None:
    """The mark that was asked for last is the one that returns."""
    framing, _ = begun(start)
    framing.mark("1.480")
    assert framing.read(dtmf) == [Pressed("5")]
    assert framing.read(drained) == [Returned("1.480")]


def test_audio_is_binary_and_bounded() -> None:
    """Above 65,500 bytes Asterisk hangs up."""
    framing, _ = begun(PLAIN)
    assert framing.read(b"\0\1") == [Heard(b"\0\1")]
    messages = framing.audio(bytes(150_000))
    assert [len(each) for each in messages] == [LONGEST, LONGEST, 30_000]


def test_what_needs_no_answer_is_nothing() -> None:
    """Flow control is for those who send minutes ahead."""
    framing, _ = begun(PLAIN)
    for message in ("MEDIA_XOFF", "MEDIA_XON", "", " ", "STATUS a:1", "DTMF_END x:1"):
        assert not framing.read(message)
    assert framing.read("HANGUP") == [Stopped()]


def test_a_format_that_is_not_spoken_is_named() -> None:
    """With those that are."""
    with pytest.raises(BadRequest, match=r"'opus' is not supported; dial with c\("):
        begun("MEDIA_START connection_id:1 format:opus")


@pytest.mark.parametrize("early", [(), (PLAIN,)])
def test_what_is_out_of_order_is_refused(early: tuple[str, ...]) -> None:
    """Audio of no form, a second beginning."""
    framing = AsteriskFraming()
    for message in early:
        framing.read(message)
    with pytest.raises(BadRequest):
        framing.read(PLAIN if early else b"\0")


@given(st.text() | st.binary())
def test_whatever_comes_is_read_or_refused(message: str | bytes) -> None:
    """Never anything else."""
    for framing in (AsteriskFraming(), begun(PLAIN)[0]):
        with contextlib.suppress(BadRequest):
            framing.read(message)
