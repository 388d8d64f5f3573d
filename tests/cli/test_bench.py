"""Benchmarks from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.__main__ import main as benchmarks
from voiceserver.cli import main
from voiceserver.cli.bench import bench
from voiceserver.errors import BadRequest


def test_the_names_are_told(capfd: pytest.CaptureFixture[str]) -> None:
    """With a line about each."""
    assert main(["bench", "--list"]) == 0
    lines = capfd.readouterr().out.splitlines()
    told = {line.split()[0]: line for line in lines}
    assert {"media", "budget", "conversation"} <= told.keys()
    assert "latency budget" in told["budget"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["sing"], "no benchmark 'sing'"),
        (["media", "budget", "--turns", "1"], "options need one name"),
    ],
)
def test_wrong_use_is_told(
    words: list[str], why: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, and what there is."""
    assert main(["bench", *words]) == 2
    told = capfd.readouterr().err
    assert why in told and "there are: vad, " in told


def test_options_go_to_the_benchmark(capfd: pytest.CaptureFixture[str]) -> None:
    """Its help is its own."""
    assert main(["bench", "budget", "--help"]) == 0
    assert "--rounds" in capfd.readouterr().out


def test_what_benchmarks_need_is_named_where_it_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`make run` does not install it; the list needs nothing."""
    wanted = [
        "numpy>=2",
        "not-here>=1,<2; extra == 'bench'",
        "nor_this; python_version < '3.13' and extra == 'dev'",
        "nor-that; extra == 'cluster'",
    ]
    monkeypatch.setattr("importlib.metadata.requires", lambda _name: wanted)
    assert benchmarks(["vad"]) == 2
    assert "need not-here, which is not here; install it: make setup-dev" in (
        capsys.readouterr().err
    )
    assert benchmarks(["--list"]) == 0


def test_an_installation_without_benchmarks_says_so(tmp_path: Path) -> None:
    """And what to do."""
    with pytest.raises(BadRequest, match="clone the repository"):
        bench([], False, tmp_path)


def test_a_checkout_is_found_beside_the_package_or_here(tmp_path: Path) -> None:
    """Its exit code is the command's."""
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "__init__.py").touch()
    (tmp_path / "benchmarks" / "__main__.py").write_text("raise SystemExit(1)\n")
    assert bench(["budget"], False, tmp_path / "nowhere", tmp_path) == 1
