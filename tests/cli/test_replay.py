"""``voiceserver replay``: one call, a folder of them, and what cannot be played."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.recording.taped import Script, recorded, said
from voiceserver.cli.entry import main
from voiceserver.recording.layout import CALLER, EVENTS

TALK: Script = [(0.5, said(1.0, True)), (1.5, said(10.0, False))]


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    """Two recorded calls, and the configuration beside them."""
    (tmp_path / "server.toml").write_text('[engines]\nvad = "stub"\n')
    folder = tmp_path / "calls"
    folder.mkdir()
    recorded(folder / "one", TALK)
    recorded(folder / "two", TALK[:1])
    return folder


def _replay(path: Path, *more: str) -> int:
    config = path.parent.parent if path.parent.name == "calls" else path.parent
    return main(["replay", str(path), "--config", str(config / "server.toml"), *more])


def test_a_call_is_told_turn_by_turn(
    calls: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what was heard and answered; the same is good."""
    assert _replay(calls / "one") == 0
    told = capsys.readouterr().out
    assert "one: the same" in told
    assert "this is a test sentence" in told
    assert "This is the answer of the stub." in told


def test_a_folder_is_a_suite_with_a_table_and_a_result(
    calls: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All of its calls, in all."""
    result = tmp_path / "result.json"
    assert _replay(calls, "--json", str(result)) == 0
    told = capsys.readouterr().out
    assert "2 calls, 0 otherwise, 0 could not be played" in told
    assert "endpoint, ms p50 / p95" in told
    content = json.loads(result.read_text())
    assert [one["same_events"] for one in content["calls"]] == [True, True]


def test_what_is_otherwise_fails_the_suite(
    calls: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Other words than were recorded; stubs' words are said to be theirs."""
    assert _replay(calls) == 0
    assert "Stubs heard" not in capsys.readouterr().err
    events = calls / "one" / EVENTS
    events.write_text(events.read_text().replace("test sentence", "other sentence"))
    assert _replay(calls) == 1
    told = capsys.readouterr()
    assert "one: words" in told.out
    assert "Stubs heard" in told.err and "--engines configured" in told.err


def test_what_cannot_be_played_fails_the_suite_and_stops_no_other(
    calls: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its name and what is wrong are told."""
    (calls / "one" / CALLER).unlink()
    assert _replay(calls) == 1
    told = capsys.readouterr().out
    assert "caller.wav: cannot be read" in told
    assert "two: the same" in told
    assert "1 could not be played" in told


def test_what_is_no_recording_is_wrong_use(
    calls: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder without one; a path to nothing."""
    (tmp_path / "none").mkdir()
    assert _replay(tmp_path / "none") == 2
    assert "holds no recorded call" in capsys.readouterr().err
    assert _replay(tmp_path / "nowhere") == 1
    assert "is no recorded call" in capsys.readouterr().err
    assert calls.is_dir()
