"""Recorded calls played again, in virtual time."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.recording.taped import Script, recorded, said, stubs
from voiceserver.commands import AddMessage, CreateReply
from voiceserver.config import Config, TurnConfig
from voiceserver.errors import BadRecording
from voiceserver.recording.layout import Line, Recording
from voiceserver.replay.compare import Limits, difference
from voiceserver.replay.player import play
from voiceserver.replay.virtual_time import VirtualClock, run_virtual
from voiceserver.session.ports import Carrier

# Two turns, the second an interruption; then a pause of the network.
TALK: Script = [
    (0.5, said(1.0, True)),
    (1.5, said(3.0, False)),
    (4.5, said(1.2, True)),
    (5.7, said(2.0, False)),
    (8.5, said(0.5, False)),
]


def _again(recording: Recording, config: Config | None = None) -> Recording:
    async def played() -> Recording:
        return await play(recording, config or Config(), stubs(), VirtualClock())

    return run_virtual(played())


def test_the_same_server_does_the_same_at_the_same_time(tmp_path: Path) -> None:
    """Line by line, with its times: a turn, an interruption, the end."""
    before = recorded(tmp_path / "call", TALK)
    after = _again(before)
    assert list(after.lines) == list(before.lines)
    names = [line.get("name") for line in before.lines]
    assert "BargeIn" in names
    assert difference(before, after, Limits()).otherwise == []


@pytest.mark.parametrize("script", [[], [(0.4, json.dumps({"type": "x"}))]])
def test_a_call_in_which_nothing_was_heard_is_played(
    tmp_path: Path, script: Script
) -> None:
    """Somebody who connected and left, or only wrote."""
    before = recorded(tmp_path / "call", script)
    assert not any(line["kind"] == "audio" for line in before.lines)
    assert difference(before, _again(before), Limits()).otherwise == []
    heard = replace(before, audio=said(0.1, True))
    with pytest.raises(BadRecording, match="no line that says when"):
        _again(heard)


def test_another_setting_shows(tmp_path: Path) -> None:
    """Twice the silence before a turn is over."""
    before = recorded(tmp_path / "call", TALK)
    after = _again(before, Config(turn=TurnConfig(unclear_ms=1000, complete_ms=1000)))
    # The protocol's own default silence holds, as the client left it alone; the
    # server's setting is the recorded session's where that says so.
    session = {"audio": {"input": {"turn_detection": {"type": "semantic_vad"}}}}
    graded = replace(before, header=replace(before.header, session=session))
    assert difference(before, after, Limits()).otherwise == []
    assert difference(before, _again(graded), Limits()).otherwise != []


def test_messages_and_greetings_are_played_at_their_time(tmp_path: Path) -> None:
    """Those of the client, and what the carrier asked for."""
    instructions = {"type": "realtime", "instructions": "Be brief."}
    update = json.dumps({"type": "session.update", "session": instructions})
    create = json.dumps({"type": "response.create"})
    script = [
        (0.2, CreateReply(say="Hello.")),
        (0.4, update),
        (9.0, AddMessage("user", "42")),
        (9.1, create),
        (9.5, said(1.0, False)),
        (11.0, json.dumps({"type": "response.cancel"})),
        (11.1, "no JSON"),
        (11.2, said(0.1, False)),
    ]
    before = recorded(tmp_path / "call", script)
    after = _again(before)
    assert list(after.lines) == list(before.lines)
    assert sum(line.get("name") == "ReplyStarted" for line in after.lines) == 2


def test_audio_in_events_comes_as_it_came(tmp_path: Path) -> None:
    """Whole messages at once, and a commit between two of them."""
    append = {"type": "input_audio_buffer.append"}
    spoken = json.dumps({**append, "audio": "AAAAQAAAAMAA" * 2000})
    manual = {"audio": {"input": {"turn_detection": None}}, "type": "realtime"}
    script = [
        (0.1, json.dumps({"type": "session.update", "session": manual})),
        *((0.2 + n / 10, spoken) for n in range(4)),
        (0.6, json.dumps({"type": "input_audio_buffer.commit"})),
        (0.6, spoken),
        (0.7, json.dumps({"type": "response.create"})),
        (12.0, json.dumps({"type": "input_audio_buffer.clear"})),
        (12.1, said(0.1, False)),
    ]
    carrier = Carrier("websocket", in_events=True)
    before = recorded(tmp_path / "call", script, carrier=carrier)
    after = _again(before)
    assert list(after.lines) == list(before.lines)
    assert "UserTurn" in [line.get("name") for line in after.lines]


def test_a_recording_that_was_cut_off_is_played_up_to_there(tmp_path: Path) -> None:
    """The call ends where it does."""
    before = recorded(tmp_path / "call", TALK)
    cut = replace(
        before,
        lines=[line for line in before.lines if line["t"] < 3000],
        audio=before.audio[: 2 * 16_000],
        whole=False,
    )
    after = _again(cut)
    found = difference(cut, after, Limits())
    assert (found.otherwise, found.whole) == ([], False)


def test_a_session_that_this_server_refuses_is_told(tmp_path: Path) -> None:
    """And so is one in a dialect that it has not."""
    before = recorded(tmp_path / "call", TALK[:1])
    for changed, why in (
        ({"session": {"speed": "fast"}}, "refused here"),
        ({"address": {"dialect": "latin"}}, "unknown dialect"),
    ):
        header = replace(before.header, **changed)  # type: ignore[arg-type]
        with pytest.raises(BadRecording, match=why):
            _again(replace(before, header=header))


@pytest.mark.parametrize(
    "line",
    [
        {"kind": "message"},
        {"kind": "brought", "name": "Explode", "fields": {}},
        {"kind": "brought", "name": "HangUp", "fields": 7},
        {"kind": "brought", "name": "HangUp", "fields": {"what": 7}},
        {"kind": "audio", "samples": 0},
        {"kind": "audio", "samples": "many"},
    ],
)
def test_a_line_that_says_nothing_is_damage(tmp_path: Path, line: Line) -> None:
    """Found before anything is played."""
    before = recorded(tmp_path / "call", TALK[:1])
    lines = [*before.lines, {"t": 2000.0, "at": 1000.0, **line}]
    with pytest.raises(BadRecording, match="damaged"):
        _again(replace(before, lines=lines))


def test_a_telephone_is_played_with_a_telephones_patience(tmp_path: Path) -> None:
    """Turns end later there, and end the same in the replay."""
    carrier = Carrier("sip", telephone=True)
    before = recorded(tmp_path / "call", TALK[:2], carrier=carrier)
    found = difference(before, _again(before), Limits(endpoint_ms=50))
    assert found.pairs[0].after is not None
    assert before.header.telephone
