"""Alert rules and dashboard ask for metrics, labels and values that there are."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from voiceserver.metrics import Metrics

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "voiceserver.rules.yml"
DASHBOARD = DEPLOY / "grafana" / "voiceserver.json"
_METRIC = re.compile(r"\b(voiceserver_\w+)(?:\{([^}]*)\})?")
_BY = re.compile(r"\bby \(([^)]*)\)")
_OURS = {"instance", "le"}  # labels that Prometheus adds


def known() -> dict[str, set[str]]:
    """Names as they are scraped, and their labels."""
    found: dict[str, set[str]] = {}
    for metric in vars(Metrics()).values():
        if (name := getattr(metric, "_name", None)) is None:
            continue
        labels = set(metric._labelnames)
        endings = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}
        for ending in endings.get(metric._type, [""]):
            found[name + ending] = labels
    return found


def expressions() -> list[str]:
    """All that the rules and the dashboard ask for."""
    groups: Any = yaml.safe_load(RULES.read_text())["groups"]
    asked = [rule["expr"] for group in groups for rule in group["rules"]]
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return asked + [one["expr"] for panel in panels for one in panel["targets"]]


@pytest.mark.parametrize("expression", expressions())
def test_every_metric_and_label_asked_for_is_there(expression: str) -> None:
    """Under the name that a scrape has."""
    metrics, labels = known(), set[str]()
    for name, matched in _METRIC.findall(expression):
        assert name in metrics
        labels |= metrics[name]
        for pair in filter(None, matched.split(",")):
            assert re.split(r"=~|!=|=", pair)[0] in metrics[name] | _OURS
    for grouped in _BY.findall(expression):
        assert {one.strip() for one in grouped.split(",")} <= labels | _OURS


def test_alerts_say_what_is_the_matter() -> None:
    """Each has a name of its own, a severity and a summary."""
    groups: Any = yaml.safe_load(RULES.read_text())["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"]["summary"]


def test_panels_lie_side_by_side() -> None:
    """None over another, none beyond the grid of 24."""
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not cells & taken
        taken |= cells


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not here")
def test_prometheus_takes_the_rules() -> None:
    """By its own tool, where that is installed."""
    done = subprocess.run(
        ["promtool", "check", "rules", str(RULES)], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
