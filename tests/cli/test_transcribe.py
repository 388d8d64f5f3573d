"""``voiceserver transcribe``."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from tests.cli.fake import OpenedEngines
from tests.files.test_decoding import GOOD, tone, written
from voiceserver.cli import main
from voiceserver.errors import EngineFailed


def test_the_words_of_a_file_are_printed(
    opened: OpenedEngines, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Alone, so that they can be piped on."""
    file = tmp_path / "a.wav"
    file.write_bytes(GOOD)
    assert main(["transcribe", str(file)]) == 0
    assert capsys.readouterr().out == "hello there\n"
    assert opened.configs[0].engines.speech == "stub"


def test_standard_input_is_a_file_too(
    opened: OpenedEngines,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As ``say -`` reads its text; nothing of it is left behind."""
    for content, code in ((GOOD, 0), (b"", 1)):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
        assert main(["transcribe", "-"]) == code
    told = capsys.readouterr()
    assert told.out == "hello there\n"
    assert told.err.startswith("-: not a sound file")


def test_a_bad_file_does_not_stop_the_others(
    opened: OpenedEngines, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each is told with its name; the exit code is 1."""
    contents = {
        "good.wav": GOOD,
        "text.wav": b"this is a text file",
        "empty.wav": b"",
        "nan.wav": written(np.full(9, np.nan, np.float32), 16_000, "WAV", "FLOAT"),
        "long.flac": written(np.zeros(1900 * 8_000, np.float32), 8_000, "FLAC"),
        "8k.wav": written(np.stack([tone(1, 8_000)] * 2, axis=1), 8_000),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder.wav").mkdir()
    files = [str(tmp_path / name) for name in (*contents, "none.wav", "folder.wav")]
    assert main(["transcribe", *files]) == 1
    told = capsys.readouterr()
    assert told.out.splitlines() == [
        f"{tmp_path}/good.wav: hello there",
        f"{tmp_path}/8k.wav: hello there",
    ]
    for words in (
        "text.wav: not a sound file",
        "empty.wav: not a sound file",
        "nan.wav: the recording holds values that are not numbers",
        "long.flac: the recording is longer than 1800 seconds",
        "none.wav: no such file",
        "folder.wav: not a file",
    ):
        assert words in told.err


def test_no_engine_is_opened_for_nothing(opened: OpenedEngines) -> None:
    """No file, no engine."""
    assert main(["transcribe", "none.wav"]) == 1
    assert not opened.configs


def test_a_recogniser_that_fails_is_told(
    opened: OpenedEngines, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For the file it failed at."""
    opened.engines.recogniser.error = EngineFailed("recogniser", "gone")  # type: ignore[attr-defined]
    (tmp_path / "a.wav").write_bytes(GOOD)
    assert main(["transcribe", str(tmp_path / "a.wav")]) == 1
    assert "a.wav: recogniser: gone" in capsys.readouterr().err


def test_a_long_file_is_announced(
    opened: OpenedEngines, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody waits in silence."""
    (tmp_path / "a.wav").write_bytes(written(tone(40, 8_000), 8_000))
    assert main(["transcribe", str(tmp_path / "a.wav")]) == 0
    assert "40 s, this takes a while" in capsys.readouterr().err
