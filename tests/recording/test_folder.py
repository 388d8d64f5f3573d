"""The folder of a call that is being recorded."""

from __future__ import annotations

import os
import stat
import wave
from pathlib import Path

import pytest

from voiceserver.recording.folder import CallFolder
from voiceserver.recording.layout import CALLER, EVENTS, REPLY, Header, read

LINE = {"t": 20.0, "at": 20.0, "kind": "event", "name": "SpeechStarted"}


def _modes(path: Path) -> list[int]:
    return [stat.S_IMODE(each.stat().st_mode) for each in (path, *path.iterdir())]


def test_nobody_but_its_owner_may_read_it(tmp_path: Path) -> None:
    """However the process was started."""
    before = os.umask(0)
    try:
        folder = CallFolder(tmp_path / "one", Header("one"))
    finally:
        os.umask(before)
    folder.close()
    assert _modes(tmp_path / "one") == [0o700, 0o600, 0o600, 0o600]


def test_what_was_flushed_is_read_though_nobody_closed_it(tmp_path: Path) -> None:
    """A server that was killed leaves a recording that was cut off."""
    folder = CallFolder(tmp_path / "one", Header("one"))
    folder.line(LINE)
    folder.caller(bytes(640))
    folder.flush()
    found = read(tmp_path / "one")
    assert (len(found.audio), list(found.lines), found.whole) == (320, [LINE], False)
    folder.close()


def test_silence_keeps_the_reply_at_its_time(tmp_path: Path) -> None:
    """Also where it is long."""
    folder = CallFolder(tmp_path / "one", Header("one"))
    folder.reply(3 * 24_000 + 7, b"\1\0" * 480)
    folder.close()
    folder.close()
    with wave.open(str(tmp_path / "one" / REPLY)) as file:
        pcm = file.readframes(file.getnframes())
    assert pcm == bytes(2 * (3 * 24_000 + 7)) + b"\1\0" * 480


def test_a_folder_that_is_there_is_nobody_elses(tmp_path: Path) -> None:
    """Nothing in it is written over."""
    CallFolder(tmp_path / "one", Header("one")).close()
    with pytest.raises(FileExistsError):
        CallFolder(tmp_path / "one", Header("two"))


def test_a_full_disk_is_told_and_all_files_are_closed(tmp_path: Path) -> None:
    """``/dev/full`` is one; nothing of it is left open."""
    folder = CallFolder(tmp_path / "one", Header("one"))
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, folder._events.fileno())
    os.close(full)
    folder.line(LINE)
    with pytest.raises(OSError, match="No space"):
        folder.flush()
    folder.abandon()
    folder.flush()
    folder.close()
    assert folder._events.closed


def test_consent_that_is_taken_back_leaves_nothing(tmp_path: Path) -> None:
    """Neither events nor audio."""
    folder = CallFolder(tmp_path / "one", Header("one"))
    folder.caller(bytes(640))
    assert {each.name for each in (tmp_path / "one").iterdir()} == {
        EVENTS,
        CALLER,
        REPLY,
    }
    folder.remove()
    assert not (tmp_path / "one").exists()
