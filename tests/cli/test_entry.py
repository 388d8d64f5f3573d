"""Exit codes and messages."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.fake import OpenedEngines
from voiceserver.cli import main
from voiceserver.errors import EngineFailed


def test_a_wrong_configuration_is_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line that names file and key; no traceback."""
    file = tmp_path / "my.toml"
    file.write_text("[server]\nprot = 1\n")
    assert main(["serve", "--config", str(file)]) == 2
    message = capsys.readouterr().err
    assert message.startswith(f"voiceserver: {file}: server.prot: no such setting")
    assert message.count("\n") == 1


@pytest.mark.parametrize("command", ["serve", "check"])
def test_an_unknown_engine_is_a_wrong_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    """Told as any other, before anything is loaded or bound."""
    file = tmp_path / "my.toml"
    file.write_text('[engines]\nrecogniser = "pocketspinx"\n')
    assert main([command, "--config", str(file)]) == 2
    message = capsys.readouterr().err
    assert message.startswith(f"voiceserver: {file}: engines.recogniser: no engine")
    assert 'did you mean "pocketsphinx"?' in message
    assert message.count("\n") == 1


def test_a_public_address_without_a_key_is_exit_code_2(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And says how."""
    assert main(["serve", "--host", "0.0.0.0"]) == 2
    assert "api_key_env" in capsys.readouterr().err


def test_without_a_command_the_commands_are_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What there is, not only that something is missing."""
    assert main([]) == 2
    told = capsys.readouterr().err
    assert "voiceserver serve" in told and "exit codes" in told


def test_a_failure_is_exit_code_1(
    opened: OpenedEngines, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the engine's own words."""
    opened.broken = "speech"
    assert main(["say", "Hello.", "-o", str(tmp_path / "a.wav")]) == 1
    assert capsys.readouterr().err == "voiceserver: speech: no model file\n"


def test_an_interruption_is_told_as_shells_do(
    opened: OpenedEngines, tmp_path: Path
) -> None:
    """Without a traceback."""
    opened.broken, opened.error = "speech", KeyboardInterrupt()  # type: ignore[assignment]
    assert main(["say", "Hello.", "-o", str(tmp_path / "a.wav")]) == 130


def test_errors_out_of_task_groups_are_told_too(
    opened: OpenedEngines, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Engines are opened in one."""
    opened.broken = "speech"
    opened.error = ExceptionGroup("x", [EngineFailed("speech", "gone")])
    assert main(["say", "Hello.", "-o", str(tmp_path / "a.wav")]) == 1
    assert capsys.readouterr().err == "voiceserver: speech: gone\n"


@pytest.mark.net
def test_the_module_is_the_command(tmp_path: Path) -> None:
    """``python -m voiceserver``; help and version load no engine."""
    for words, code in ((["--version"], 0), (["serve", "--config", "none.toml"], 2)):
        run = subprocess.run(
            [sys.executable, "-X", "importtime", "-m", "voiceserver", *words],
            capture_output=True,
            text=True,
            check=False,
            env={"PYTHONPATH": str(Path.cwd())},
        )
        assert run.returncode == code
        assert "Traceback" not in run.stderr
        assert "| torch" not in run.stderr


def test_a_server_runs_its_small_products_in_one_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever says otherwise is heeded."""
    seen: list[str] = []

    def read(*_: object) -> int:
        seen.append(os.environ["OPENBLAS_NUM_THREADS"])
        return 0

    monkeypatch.setattr("voiceserver.cli.serving.serve.serve", read)
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    assert main(["serve"]) == 0
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "4")
    assert main(["serve"]) == 0
    assert seen == ["1", "4"]
