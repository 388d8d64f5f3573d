"""``voiceserver shadow report``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engines.watch.test_standings import record
from voiceserver.cli.gate.shadow import report
from voiceserver.config import Config, ShadowConfig
from voiceserver.engines.watch.standings import line
from voiceserver.errors import ConfigError


def test_a_report_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of each candidate, with the interval."""
    path = tmp_path / "shadow.jsonl"
    path.write_text("".join(line(one) for one in record(70, 20, 10)))
    assert report(Config(shadow=ShadowConfig(file=str(path)))) == 0
    told = capsys.readouterr().out
    assert "c (v): promote" in told
    assert "70 wins, 20 ties of 100" in told
    path.write_text("")
    assert report(Config(), path) == 0
    assert "nothing was compared yet" in capsys.readouterr().out


def test_a_record_that_cannot_be_read_says_where(tmp_path: Path) -> None:
    """File and line."""
    with pytest.raises(ConfigError, match="nothing was compared yet"):
        report(Config(), tmp_path / "none")
    (tmp_path / "x").write_text("no\n")
    with pytest.raises(ConfigError, match=r"x: line 1"):
        report(Config(), tmp_path / "x")
