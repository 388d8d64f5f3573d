"""The baseline's file."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.engines.watch.weeks import answers
from voiceserver.engines.watch.baseline import (
    Baseline,
    Quality,
    read,
    usual_of,
    written,
)
from voiceserver.engines.watch.drift import Drift, Usual
from voiceserver.errors import ConfigError

USUAL = Usual.learnt(answers(1, 60))
GOOD = {"of": 40, "first_ms": [1, 2.5], "version": "m"}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """The same numbers, pinned to the same model."""
    path = tmp_path / "baseline.json"
    quality = Quality(18, 21, 3000, 900, 0.004)
    before = {"a": Baseline("gpt-x", "2020-11-28", USUAL, quality)}
    path.write_text(written(before))
    again = read(path)
    assert again == before
    assert Drift(usual_of(again, {"a": "gpt-x", "b": "other"})["a"]).usual == USUAL


def test_a_baseline_of_another_model_is_refused(tmp_path: Path) -> None:
    """With what it is of, and what to do."""
    one = {"a": Baseline("gpt-x", "2026-11-28", USUAL)}
    with pytest.raises(ConfigError, match=r'"a" was recorded as gpt-x on 2026.*record'):
        usual_of(one, {"a": "gpt-y"})


@pytest.mark.parametrize(
    ("tree", "hint"),
    [
        ([], "no baseline of format 1"),
        ({"format": 2}, "no baseline of format 1"),
        ({"format": 1, "providers": []}, "providers must be a table"),
        ({"format": 1, "providers": {"a": 3}}, "providers.a must be a table"),
        ({"of": 3}, "3 answers are too few"),
        ({"of": "many"}, "of must be a whole number"),
        ({"failed": 41}, "failed is more than there were: 40"),
        ({"right": 3, "checked": 2}, "right is more than checked: 2"),
        ({"cost_usd": "much"}, "cost_usd must hold numbers only"),
        ({"first_ms": ["x"]}, "first_ms must hold numbers only"),
        ({"first_ms": [float("nan")]}, "first_ms must hold numbers only"),
        ({"characters": [1] * 10_001}, "characters must be a list of at most 10000"),
    ],
)
def test_a_file_that_cannot_be_used_says_where(
    tree: Any, hint: str, tmp_path: Path
) -> None:
    """And never a traceback."""
    if isinstance(tree, dict) and "format" not in tree:
        tree = {"format": 1, "providers": {"a": GOOD | tree}}
    path = tmp_path / "b.json"
    path.write_text(json.dumps(tree))
    with pytest.raises(ConfigError, match=hint):
        read(path)


def test_a_baseline_from_a_day_to_come_is_refused(tmp_path: Path) -> None:
    """Tomorrow may be today elsewhere; what is no day is none to come."""
    path, today = tmp_path / "b.json", date(2026, 2, 28)

    def recorded(when: str) -> None:
        path.write_text(written({"a": Baseline("m", when, USUAL)}))
        assert read(path, today)["a"].recorded == when

    for fine in ("2026-02-28", "2026-03-01", "", "some day"):
        recorded(fine)
    with pytest.raises(ConfigError, match=r'"a" was recorded on 2026-03-02.*clock'):
        recorded(str(today + timedelta(days=2)))


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    """Missing, or no JSON."""
    with pytest.raises(ConfigError, match="No such file"):
        read(tmp_path / "none")
    (tmp_path / "x").write_text("{")
    with pytest.raises(ConfigError, match="is not JSON"):
        read(tmp_path / "x")
