"""The operator's page: its configuration works, its names are the program's."""

from __future__ import annotations

import re
from pathlib import Path

from voiceserver.budget import Step
from voiceserver.config import Config
from voiceserver.config.parse import parse
from voiceserver.engines.providers.breaker import BreakerState
from voiceserver.metrics import Metrics

PAGE = (Path(__file__).parents[1] / "docs" / "latency-budget.md").read_text()


def test_the_worked_configuration_is_one() -> None:
    """vLLM, Azure, OpenAI, and MAI-Voice."""
    [toml] = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    config = parse(toml)
    assert isinstance(config, Config)
    assert [p.name for p in config.text.provider] == ["house", "azure", "openai"]
    assert [p.name for p in config.speech.provider] == ["mai"]


def test_every_step_and_state_is_explained() -> None:
    """None is missing."""
    assert [step.value for step in Step if f"`{step.value}`" not in PAGE] == []
    assert [
        state.value for state in BreakerState if f"`{state.value}`" not in PAGE
    ] == []


def test_every_metric_it_names_exists() -> None:
    """With the labels it is given."""
    names = {family.name for family in Metrics().registry.collect()}
    for name in re.findall(r"`(voiceserver_\w+)", PAGE):
        assert name.removesuffix("_total") in names, name
