"""``voiceserver shadow report``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.engines.watch.test_standings import compared, record
from voiceserver.cli.gate.shadow import drifted, report
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
    assert "drift: told from 300 answers on" in told
    path.write_text("")
    assert report(Config(), path) == 0
    assert "nothing was compared yet" in capsys.readouterr().out


def test_a_candidate_that_is_no_longer_what_it_was_is_told() -> None:
    """Slower than its first answers, or failing; of few nothing is said."""
    usual = [replace(compared("tie"), first_ms=180.0 + n % 40) for n in range(400)]
    assert drifted(usual[:200]) == "drift: told from 300 answers on"
    assert drifted(usual) == "drift: none"
    slow = [replace(one, first_ms=600.0 + n) for n, one in enumerate(usual[:60])]
    assert drifted([*usual, *slow]) == "drift: first words 198 ms to 614 ms"
    failing = [replace(one, failed=True, first_ms=None) for one in usual[:60]]
    assert "drift: failures 0.0% to " in drifted([*usual, *failing])


def test_a_record_that_cannot_be_read_says_where(tmp_path: Path) -> None:
    """File and line."""
    with pytest.raises(ConfigError, match="nothing was compared yet"):
        report(Config(), tmp_path / "none")
    (tmp_path / "x").write_text("no\n")
    with pytest.raises(ConfigError, match=r"x: line 1"):
        report(Config(), tmp_path / "x")
