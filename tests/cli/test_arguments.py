"""The command line's own words."""

from __future__ import annotations

import pytest

from voiceserver import __version__
from voiceserver.cli.arguments import parser


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["sing"],
        ["serve", "--port", "x"],
        ["serve", "--port", "65536"],
        ["serve", "--port", "-1"],
        ["serve", "extra"],
        ["say"],
        ["say", "hello"],
        ["say", "hello", "-o", "a.wav", "--speed", "0.1"],
        ["say", "hello", "-o", "a.wav", "--speed", "nan"],
        ["say", "hello", "-o", "a.wav", "--speed", "fast"],
        ["transcribe"],
    ],
)
def test_wrong_use_is_exit_code_2(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """With the usage on standard error."""
    with pytest.raises(SystemExit) as end:
        parser().parse_args(words)
    assert end.value.code == 2
    assert "usage: voiceserver" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command", ["", "serve", "say", "transcribe", "check", "models", "bench"]
)
def test_help_has_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """For each command, and at the top."""
    with pytest.raises(SystemExit) as end:
        parser().parse_args([*command.split(), "--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    assert "examples:\n" in text
    assert f"voiceserver {command}".strip() in text


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """As one line."""
    with pytest.raises(SystemExit):
        parser().parse_args(["--version"])
    assert capsys.readouterr().out == f"voiceserver {__version__}\n"
