"""A recorded call as it is read: whole, cut off, foreign, damaged."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import pytest

from tests.recording.taped import recorded, said
from voiceserver.errors import BadRecording
from voiceserver.recording.layout import CALLER, EVENTS, is_recording, read

SCRIPT = [(0.1, said(0.5, True)), (0.6, said(1.0, False))]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A recorded call."""
    recorded(tmp_path / "call", SCRIPT)
    return tmp_path / "call"


def test_a_recorded_call_is_read_back(folder: Path) -> None:
    """Header, lines and audio."""
    found = read(folder)
    assert is_recording(folder)
    assert (found.header.call, found.header.carrier) == ("rtc_taped", "toy")
    assert found.whole
    assert len(found.audio) == 1.5 * 16_000
    assert found.length_s == pytest.approx(1.6, abs=0.05)
    times = [line["t"] for line in found.lines]
    assert times == sorted(times)


def test_one_that_was_cut_off_is_read_up_to_there(folder: Path) -> None:
    """In the middle of a line, and of a sample."""
    events, audio = folder / EVENTS, folder / CALLER
    n_lines = len(read(folder).lines)
    events.write_bytes(events.read_bytes()[:-20])
    audio.write_bytes(audio.read_bytes()[:-1001])
    found = read(folder)
    assert not found.whole
    assert len(found.lines) == n_lines - 1
    assert 23_000 < len(found.audio) < 24_000


def _first_line(folder: Path, **changed: object) -> None:
    first, rest = (folder / EVENTS).read_text().split("\n", 1)
    text = json.dumps({**json.loads(first), **changed}, separators=(",", ":"))
    (folder / EVENTS).write_text(text + "\n" + rest)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"version": 7}, "of version 7, and this server reads version 1"),
        ({"format": "somebody's"}, "is no recorded call"),
        ({"session": "loud"}, "damaged: session"),
        ({"call": None}, "damaged: call"),
    ],
)
def test_a_head_that_is_not_ours_is_told(
    folder: Path, changed: dict[str, object], why: str
) -> None:
    """With the file's name."""
    _first_line(folder, **changed)
    with pytest.raises(BadRecording, match=why) as refused:
        read(folder)
    assert EVENTS in str(refused.value)


@pytest.mark.parametrize(
    "line",
    [
        "}",
        "[" * 5000,
        "7",
        '{"kind":"event"}',
        '{"t":"soon","at":0,"kind":"event"}',
        '{"t":-5,"at":0,"kind":"event"}',
        '{"t":NaN,"at":0,"kind":"event"}',
    ],
)
def test_a_damaged_line_is_named(folder: Path, line: str) -> None:
    """By its number; it is not the last, which may be half a one."""
    lines = (folder / EVENTS).read_text().split("\n")
    lines[2] = line
    (folder / EVENTS).write_text("\n".join(lines))
    with pytest.raises(BadRecording, match="line 3"):
        read(folder)


def test_what_is_no_recording_is_told(tmp_path: Path) -> None:
    """An empty folder, text that is none, audio that is none or of another kind."""
    assert not is_recording(tmp_path)
    with pytest.raises(BadRecording, match="is no recorded call"):
        read(tmp_path)
    (tmp_path / EVENTS).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadRecording, match="UTF-8"):
        read(tmp_path)


def test_audio_that_is_none_is_told(folder: Path) -> None:
    """Or that is not there, or not as we write it."""
    audio = folder / CALLER
    with wave.open(str(audio), "wb") as file:
        file.setparams((2, 2, 44_100, 0, "NONE", ""))
    with pytest.raises(BadRecording, match="one channel at 16000 Hz"):
        read(folder)
    audio.write_bytes(b"RIFFwhat")
    with pytest.raises(BadRecording, match="cannot be read"):
        read(folder)
    audio.unlink()
    with pytest.raises(BadRecording, match="No such file"):
        read(folder)
