"""The table of engines."""

from __future__ import annotations

import importlib
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from voiceserver.config import (
    Config,
    EnginesConfig,
    TextConfig,
    TextProvider,
    TransformersConfig,
)
from voiceserver.engines.table import (
    ROWS,
    Row,
    Slot,
    asks_models,
    chosen,
    names,
    text_engine,
    text_tiers,
)

ROOT = Path(__file__).resolve().parents[2]
STUBS = EnginesConfig(vad="stub", recogniser="stub", text="stub", speech="stub")
PROVIDER = TextConfig(provider=(TextProvider("p", "http://127.0.0.1:9/v1", "m"),))


def test_a_name_means_one_engine() -> None:
    """Within its slot; the defaults are among them."""
    rows = [(row.slot, row.name) for row in ROWS]
    assert len(set(rows)) == len(rows)
    slots = ["vad", "recogniser", "text", "speech"]
    assert [row.slot for row in chosen(Config())] == slots


@pytest.mark.parametrize("slot", ["vad", "text"])
def test_the_settings_and_the_table_agree_on_names(slot: Slot) -> None:
    """Where the settings hold them; several providers are no row."""
    allowed = set(get_args(get_type_hints(EnginesConfig)[slot]))
    assert allowed - {"auto", "providers"} == set(names(slot))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.slot} {row.name}")
def test_every_row_names_what_is_there(row: Row) -> None:
    """Its factory, its settings and its extra."""
    assert not row.settings or hasattr(Config(), row.settings)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert not row.extra or row.extra in project["optional-dependencies"]
    module, _, factory = row.load.partition(":")
    try:
        loaded = importlib.import_module(module)
    except ModuleNotFoundError:
        if not row.extra:
            raise
        pytest.skip(f"the extra {row.extra} is not installed")
    assert callable(getattr(loaded, factory))


@pytest.mark.parametrize(
    ("config", "name"),
    [
        (Config(), "responder"),
        (Config(text=PROVIDER), "providers"),
        (Config(engines=EnginesConfig(text="responder"), text=PROVIDER), "responder"),
        (Config(engines=STUBS, text=PROVIDER), "stub"),
    ],
)
def test_auto_takes_the_providers_where_there_are_any(
    config: Config, name: str
) -> None:
    """Else the responder; a name is a name."""
    assert text_engine(config) == name


def test_a_model_in_the_house_stands_before_the_providers() -> None:
    """With a tier of its own; by its name alone."""
    config = Config(engines=EnginesConfig(text="transformers"), text=PROVIDER)
    config = replace(config, transformers=TransformersConfig(tier="complex"))
    assert text_tiers(config) == ("complex", "simple")
    assert text_tiers(Config(text=PROVIDER)) == ("simple",)
    assert asks_models(config) and asks_models(Config(text=PROVIDER))
    assert not asks_models(Config())
