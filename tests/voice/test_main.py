"""The command line of the voice."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import soundfile

from tests.voice.tiny import write_tiny_voice
from voiceserver.voice.__main__ import main


def call(monkeypatch: pytest.MonkeyPatch, *args: str) -> int:
    """Run the command with arguments."""
    monkeypatch.setattr(sys, "argv", ["voice", *args])
    return main()


def test_speaks_to_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """24 kHz, 16 bits, mono."""
    models, out = write_tiny_voice(tmp_path / "v"), tmp_path / "out.wav"
    assert call(monkeypatch, "Two.", "-o", str(out), "--models", str(models)) == 0
    found = soundfile.info(out)
    assert (found.samplerate, found.channels, found.subtype) == (24_000, 1, "PCM_16")


def test_nothing_to_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said on the error stream; no file is written."""
    models, out = write_tiny_voice(tmp_path / "v"), tmp_path / "out.wav"
    assert call(monkeypatch, "...", "-o", str(out), "--models", str(models)) == 1
    assert not out.exists()


@pytest.mark.parametrize("speed", ["0", "nan", "9"])
def test_bad_speed_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, speed: str
) -> None:
    """With the usual exit status of a wrong command line."""
    out = str(tmp_path / "out.wav")
    with pytest.raises(SystemExit) as caught:
        call(monkeypatch, "Two.", "-o", out, "--speed", speed)
    assert caught.value.code == 2


def test_missing_models_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message names the folder."""
    out, models = str(tmp_path / "out.wav"), str(tmp_path / "none")
    with pytest.raises(SystemExit):
        call(monkeypatch, "Two.", "-o", out, "--models", models)
    assert "none" in capsys.readouterr().err
