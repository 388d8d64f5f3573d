"""``voiceserver serve --model``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from voiceserver.cli.serving.with_model import with_model
from voiceserver.config import BudgetConfig, Config, TransformersConfig
from voiceserver.engines.providers.chains import house_limits
from voiceserver.errors import EngineFailed


def gguf(folder: Path) -> Path:
    (folder / "x.gguf").write_bytes(b"GGUF")
    return folder / "x.gguf"


def test_a_model_is_given_limits_that_it_can_keep(tmp_path: Path) -> None:
    """And is asked first; everything else is as it was."""
    config = with_model(Config(), gguf(tmp_path))
    assert config.engines.text == "transformers"
    assert config.transformers.model == str(tmp_path / "x.gguf")
    assert house_limits(config.transformers, config.budget).first_s == 6.0
    assert (config.budget.text_cap_ms, config.budget.turn_ms) == (420, 700)
    assert config.server == Config().server


def test_what_a_file_has_changed_stays(tmp_path: Path) -> None:
    """Whoever measured knows better."""
    own = replace(
        Config(),
        budget=BudgetConfig(text_words_ms=9000, text_total_ms=20_000),
        transformers=TransformersConfig(first_ms=1500, threads=3),
    )
    config = with_model(own, gguf(tmp_path))
    budget, house = config.budget, config.transformers
    assert (budget.text_words_ms, budget.text_total_ms) == (9000, 20_000)
    assert (house.first_ms, house.threads) == (1500, 3)


def test_what_is_no_model_is_told_before_anything_starts(tmp_path: Path) -> None:
    """With its name and what to do."""
    with pytest.raises(EngineFailed, match=r"gone\.gguf is not there"):
        with_model(Config(), tmp_path / "gone.gguf")
