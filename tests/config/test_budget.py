"""A budget that contradicts itself is refused at the start."""

from __future__ import annotations

from typing import Any

import pytest

from voiceserver.config import BudgetConfig


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"turn_ms": 300}, "reserves are 305 ms together, more than turn_ms"),
        ({"text_cap_ms": 601}, "text_cap_ms = 601 must not be above text_first_ms"),
        ({"text_cap_ms": 199}, "text_reserve_ms = 200 must not be above text_cap_ms"),
        ({"recognition_ms": 99}, "recognition_cap_ms = 100 must not be above"),
        ({"speech_last_ms": 299}, "speech_first_ms = 300 must not be above"),
        ({"text_words_ms": 900}, "text_first_complex_ms = 1200 must not be above"),
        ({"speculations": 4}, "speculations must be 0..3"),
        ({"hedge_share": 1.5}, "hedge_share must be 0..1"),
        ({"sorry": " ..."}, "sorry must hold words"),
        ({"text_stall_ms": 0}, "text_stall_ms must be at least 1"),
        (
            {"max_usd_per_call": 3.0, "max_usd_per_key": 2.0},
            "max_usd_per_call = 3.0 must not be above max_usd_per_key = 2.0",
        ),
        (
            {"max_usd_per_call": 9.0, "max_usd_per_day": 5.0},
            "max_usd_per_call = 9.0 must not be above max_usd_per_day = 5.0",
        ),
        ({"cheap_from": 0.0}, "cheap_from must be above 0"),
    ],
)
def test_a_contradiction_is_named(change: dict[str, Any], words: str) -> None:
    """With both settings and their values."""
    with pytest.raises(ValueError, match=words):
        BudgetConfig(**change)
