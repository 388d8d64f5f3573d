"""Figures of benchmarks: summed up and written down."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.figures import spread, write


def test_many_figures_are_summed_up() -> None:
    """Median, tails and extremes; as many digits as are worth it."""
    figures = [float(n) for n in range(1, 101)]
    assert spread(figures) == {
        "p50": 50.5,
        "p95": pytest.approx(95, abs=0.1),
        "p99": pytest.approx(99, abs=0.1),
        "min": 1,
        "max": 100,
        "n": 100,
    }
    assert spread([0.1234], 3) == dict.fromkeys(
        ("p50", "p95", "p99", "min", "max"), 0.123
    ) | {"n": 1}


def test_of_nothing_there_is_no_spread() -> None:
    """Rather than zeros, which would look very good."""
    assert spread([]) is None


def test_a_result_is_written_where_there_was_no_folder(tmp_path: Path) -> None:
    """And in place of the last one."""
    path = tmp_path / "new" / "it.json"
    for result in ({"n": 1, "more": [1, 2]}, {"n": 2}):
        write(path, result)
        assert json.loads(path.read_text()) == result
