"""How long recorded calls are kept."""

from __future__ import annotations

import os
from pathlib import Path

from voiceserver.recording.folder import CallFolder
from voiceserver.recording.layout import EVENTS, Header
from voiceserver.recording.retention import DAY_S, GB, expire, recordings_in

NOW_S = 1_800_000_000.0


def _call(folder: Path, name: str, age_days: float, n_bytes: int = 0) -> Path:
    call = CallFolder(folder / name, Header(name))
    call.caller(bytes(n_bytes))
    call.close()
    written_s = NOW_S - age_days * DAY_S
    os.utime(folder / name / EVENTS, (written_s, written_s))
    return folder / name


def test_the_old_go(tmp_path: Path) -> None:
    """And only they."""
    old = _call(tmp_path, "old", 31)
    _call(tmp_path, "new", 29)
    assert expire(tmp_path, 30, 0, NOW_S) == [old]
    assert [each.name for each in recordings_in(tmp_path)] == ["new"]


def test_of_too_many_the_oldest_go(tmp_path: Path) -> None:
    """Until the rest fits."""
    for day in range(4):
        _call(tmp_path, f"day{day}", day, 100_000)
    removed = expire(tmp_path, 0, 250_000 / GB, NOW_S)
    assert [each.name for each in removed] == ["day3", "day2"]


def test_without_limits_all_stay(tmp_path: Path) -> None:
    """However old."""
    _call(tmp_path, "old", 3000, 100_000)
    assert expire(tmp_path, 0, 0, NOW_S) == []


def test_what_is_being_written_stays(tmp_path: Path) -> None:
    """It counts, all the same."""
    busy = _call(tmp_path, "busy", 9, 100_000)
    other = _call(tmp_path, "other", 8, 100_000)
    assert expire(tmp_path, 1, 0, NOW_S, [busy]) == [other]


def test_foreign_folders_are_left_alone(tmp_path: Path) -> None:
    """Whatever their age; and a folder that is not there is empty."""
    foreign = tmp_path / "holiday"
    foreign.mkdir()
    (foreign / EVENTS).write_text('{"somebody":"else\'s"}\n')
    os.utime(foreign / EVENTS, (0, 0))
    assert expire(tmp_path, 1, 0.000001, NOW_S) == []
    assert foreign.is_dir()
    assert expire(tmp_path / "none", 1, 1, NOW_S) == []
