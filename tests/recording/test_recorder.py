"""The recorder of a server: a thread, a bound, and disks that fail."""

from __future__ import annotations

import asyncio
import errno
import logging
import threading
from pathlib import Path

import pytest

from voiceserver.clock import MonotonicClock
from voiceserver.config import RecordConfig
from voiceserver.errors import ConfigError
from voiceserver.recording import recorder as module
from voiceserver.recording.folder import CallFolder
from voiceserver.recording.layout import Header, Line, read
from voiceserver.recording.recorder import Recorder
from voiceserver.recording.retention import recordings_in
from voiceserver.session.ports import NO_TAPE

LINE: Line = {"t": 1.0, "at": 0.0, "kind": "event", "name": "SpeechStarted"}
CLOSED: Line = {"t": 2.0, "at": 0.0, "kind": "closed"}


def _config(folder: Path) -> RecordConfig:
    return RecordConfig("always", str(folder))


def _header(call: str = "rtc_1") -> Header:
    return Header(call, "2026-03-01T10:15:00+00:00")


async def test_a_call_is_written_beside_the_loop(tmp_path: Path) -> None:
    """Into a folder named by its time and id."""
    async with Recorder(_config(tmp_path / "kept")) as recorder:
        sink = recorder.begin(_header("rtc_1/../x"))
        sink.line(LINE)
        sink.caller(bytes(640))
        sink.reply(480, bytes(960))
        sink.line(CLOSED)
        sink.end()
    [path] = recordings_in(tmp_path / "kept")
    assert path.name == "20260301T101500-rtc_1____x"
    found = read(path)
    assert (len(found.audio), found.whole) == (320, True)


async def test_a_call_that_is_open_when_the_server_ends_was_cut_off(
    tmp_path: Path,
) -> None:
    """What was written of it is there."""
    async with Recorder(_config(tmp_path)) as recorder:
        recorder.begin(_header()).line(LINE)
    [path] = recordings_in(tmp_path)
    assert not read(path).whole


async def test_consent_that_is_taken_back_removes_the_folder(tmp_path: Path) -> None:
    """Before the server ends."""
    async with Recorder(_config(tmp_path)) as recorder:
        sink = recorder.begin(_header())
        sink.line(LINE)
        sink.forget()
    assert recordings_in(tmp_path) == []


class FullFolder(CallFolder):
    """On a disk that is full after its first line."""

    def caller(self, pcm: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


class BrokenFolder(CallFolder):
    """One with a fault of ours in it."""

    def caller(self, pcm: bytes) -> None:
        raise AttributeError("write")


@pytest.mark.parametrize("flush_s", [1.0, 0.0])
@pytest.mark.parametrize(
    ("folder", "why"),
    [(FullFolder, "No space left on device"), (BrokenFolder, "AttributeError")],
)
async def test_a_full_disk_ends_the_recording_with_one_line(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    flush_s: float,
    folder: type[CallFolder],
    why: str,
) -> None:
    """Other calls go on being recorded; what was written stays; nothing is raised.

    A fault of ours does the same, and a call that is over is flushed no more.
    """
    monkeypatch.setattr(module, "FLUSH_S", flush_s)
    folders = iter((folder, CallFolder))

    def make(path: Path, header: Header) -> CallFolder:
        return next(folders)(path, header)

    with caplog.at_level(logging.WARNING):
        async with Recorder(_config(tmp_path), make) as recorder:
            full, other = recorder.begin(_header()), recorder.begin(_header("rtc_2"))
            for sink in (full, other):
                sink.line(LINE)
                sink.caller(bytes(640))
                sink.caller(bytes(640))
                sink.line(CLOSED)
                sink.end()
    [told] = [each for each in caplog.records if "recording" in each.message]
    assert (told.__dict__["call"], told.__dict__["why"]) == ("rtc_1", why)
    first, second = map(read, recordings_in(tmp_path))
    assert (first.whole, second.whole) == (False, True)


async def test_a_slow_disk_ends_the_recording_and_waits_for_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What may wait is bounded, and the call goes on."""
    monkeypatch.setattr(module, "WAITING_BYTES", 10_000)
    goes_on = threading.Event()

    class SlowFolder(CallFolder):
        def line(self, line: Line) -> None:
            goes_on.wait(20)
            super().line(line)

    with caplog.at_level(logging.WARNING):
        async with Recorder(_config(tmp_path), SlowFolder) as recorder:
            sink = recorder.begin(_header())
            sink.line(LINE)
            for _ in range(100):
                sink.caller(bytes(640))
            sink.end()
            goes_on.set()
    assert [each.__dict__["why"] for each in caplog.records] == ["the disk is too slow"]
    assert len(read(tmp_path / "20260301T101500-rtc_1").audio) < 100 * 320


async def test_a_folder_that_cannot_be_made_is_told_at_the_start(
    tmp_path: Path,
) -> None:
    """With the setting's name."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigError, match=r"\[record\] folder"):
        Recorder(_config(tmp_path / "file" / "below")).prepare()


async def test_a_server_that_records_nothing_has_no_tape(tmp_path: Path) -> None:
    """Nor a thread, nor a folder."""
    async with Recorder(RecordConfig("off", str(tmp_path / "kept"))) as recorder:
        assert recorder.tape(MonotonicClock()) is NO_TAPE
    assert not (tmp_path / "kept").exists()


async def test_old_calls_go_as_the_server_starts(tmp_path: Path) -> None:
    """Of the configured age."""
    CallFolder(tmp_path / "old", Header("old")).close()
    config = RecordConfig("always", str(tmp_path), 1e-9)
    await asyncio.sleep(0.01)
    async with Recorder(config):
        pass
    assert recordings_in(tmp_path) == []
