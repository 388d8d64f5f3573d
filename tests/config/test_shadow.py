"""``[shadow]``."""

from __future__ import annotations

from typing import Any

import pytest

from voiceserver.config import ShadowConfig, TextProvider

ONE = TextProvider("c", "http://127.0.0.1/v1", "m")


@pytest.mark.parametrize(
    ("settings", "hint"),
    [
        ({"share": 1.1}, "share must be 0..1"),
        ({"max_usd_per_day": -1}, "must not be negative"),
        ({"provider": (ONE, ONE)}, "have one name"),
    ],
)
def test_what_cannot_be_says_so(settings: dict[str, Any], hint: str) -> None:
    """Before anything is started."""
    with pytest.raises(ValueError, match=hint):
        ShadowConfig(**settings)
