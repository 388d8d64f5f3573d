"""``voiceserver serve --model``: a model in the house, with limits that it can keep.

A processor needs a second or two for what a service says in 300 ms, so that with the
usual limits it would hardly be heard. Settings that a file has changed stay as they
are.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, TypeVar

from voiceserver.config import BudgetConfig, Config, TextConfig, TransformersConfig
from voiceserver.engines.llm.files import model_files

T = TypeVar("T", BudgetConfig, TextConfig, TransformersConfig)

# A turn is bridged by a filler after 420 ms, as always; then it has this long. One
# guess a turn: a wrong one costs no money, but the processor that also hears.
LIMITS = {
    "text_first_ms": 6000,
    "text_first_complex_ms": 6000,
    "text_stall_ms": 3000,
    "text_words_ms": 8000,
    "text_total_ms": 30_000,
    "speculations": 1,
    "short_tokens": 40,
}
MOST_TOKENS = 80  # of an answer: half a minute of speech


def with_model(config: Config, model: Path) -> Config:
    """Return the configuration with a model in the house, asked before any service.

    Args:
        config: As it was read.
        model: A folder, or a GGUF file.

    Raises:
        EngineFailed: If that can be no model; names it and what to do.
    """
    model_files(str(model))
    house = dataclasses.replace(config.transformers, model=str(model.absolute()))
    return dataclasses.replace(
        config,
        engines=dataclasses.replace(config.engines, text="transformers"),
        transformers=_where_usual(house, {"first_ms": LIMITS["text_first_ms"]}),
        budget=_where_usual(config.budget, LIMITS),
        text=_where_usual(config.text, {"max_output_tokens": MOST_TOKENS}),
    )


def _where_usual(settings: T, wanted: dict[str, int]) -> T:
    """Change what nobody has changed."""
    usual = type(settings)()
    free: dict[str, Any] = {
        name: value
        for name, value in wanted.items()
        if getattr(settings, name) == getattr(usual, name)
    }
    return dataclasses.replace(settings, **free)
