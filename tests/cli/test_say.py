"""``voiceserver say``."""

from __future__ import annotations

import io
import os
import resource
from pathlib import Path

import pytest
import soundfile

from tests.cli.fake import OpenedEngines
from voiceserver.audio import SPEECH_RATE
from voiceserver.cli import main


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3", ".ogg", ".WAV"])
def test_a_text_is_spoken_into_a_file(
    opened: OpenedEngines, tmp_path: Path, suffix: str
) -> None:
    """200 ms a word from the fake voice: two words are 0.4 s."""
    file = tmp_path / f"hello{suffix}"
    assert main(["say", "Hello there.", "-o", str(file)]) == 0
    with soundfile.SoundFile(str(file)) as sound:
        assert sound.frames == pytest.approx(SPEECH_RATE * 2 // 5, rel=0.2)
    assert os.listdir(tmp_path) == [file.name]
    assert opened.configs[0].engines.recogniser == "stub"


def test_standard_input_is_read(
    opened: OpenedEngines,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With progress where it is long."""
    text = "This is a sentence of seven words. " * 40

    class Stdin:
        buffer = io.BytesIO(text.encode())

    monkeypatch.setattr("sys.stdin", Stdin)
    file = tmp_path / "long.wav"
    assert main(["say", "-", "-o", str(file)]) == 0
    assert soundfile.info(str(file)).duration == pytest.approx(40 * 7 * 0.2)
    assert "phrase 1 of 40" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "  \n", "\U0001f600\u2764", "...", "\udcff"])
def test_nothing_to_speak_is_wrong_use(
    opened: OpenedEngines, tmp_path: Path, text: str
) -> None:
    """No engine is loaded for it, and no file written."""
    assert main(["say", text, "-o", str(tmp_path / "a.wav")]) == 2
    assert not opened.configs
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "\u4f60\u597d",
        "\u0645\u0631\u062d\u0628\u0627",
        "<b>bold</b>",
        "A \U0001f600 smile",
        "broken \udcff byte",
        "word" * 5000,
    ],
)
def test_unusual_text_is_spoken(
    opened: OpenedEngines, tmp_path: Path, text: str
) -> None:
    """Other scripts, markup, emoji among words, undecodable bytes, no end."""
    assert main(["say", text, "-o", str(tmp_path / "a.wav")]) == 0


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a.txt", "must end in one of .wav"),
        ("a", "must end in one of .wav"),
        ("none/a.wav", "there is no folder"),
        ("folder.wav", "is a folder"),
    ],
)
def test_an_output_that_will_not_do_is_wrong_use(
    opened: OpenedEngines,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    words: str,
) -> None:
    """Told before anything is spoken."""
    (tmp_path / "folder.wav").mkdir()
    assert main(["say", "Hello.", "-o", str(tmp_path / name)]) == 2
    assert words in capsys.readouterr().err
    assert not opened.configs


def test_an_unknown_voice_is_wrong_use(
    opened: OpenedEngines, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message names those there are."""
    words = ["say", "Hello.", "-o", str(tmp_path / "a.wav"), "--voice", "nobody"]
    assert main(words) == 2
    assert "alloy, echo" in capsys.readouterr().err


def test_a_disk_that_is_full_is_named(
    opened: OpenedEngines, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """libsndfile says "System error" and no more; a limit on files is told alike."""
    file = tmp_path / "a.wav"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
        assert main(["say", "Hello there. " * 40, "-o", str(file)]) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "cannot be written: File too large" in capsys.readouterr().err
    assert os.listdir(tmp_path) == []


def test_a_failure_leaves_no_half_file(
    opened: OpenedEngines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what was there before stays."""
    file = tmp_path / "a.wav"
    file.write_text("before")
    monkeypatch.setattr("tests.fakes.WordMark", None)  # breaks the fake in mid-phrase
    with pytest.raises(TypeError):
        main(["say", "Hello.", "-o", str(file)])
    assert file.read_text() == "before"
    assert os.listdir(tmp_path) == ["a.wav"]
