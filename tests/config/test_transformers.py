"""``[transformers]``."""

from __future__ import annotations

import pytest

from voiceserver.config import TransformersConfig


@pytest.mark.parametrize(
    ("named", "value"),
    [
        ("threads", -1),
        ("context_tokens", 255),
        ("conversations", 0),
        ("first_ms", 0),
        ("temperature", 2.1),
    ],
)
def test_a_value_out_of_range_is_named(named: str, value: float) -> None:
    """With what is allowed."""
    with pytest.raises(ValueError, match=f"{named} must be"):
        TransformersConfig(**{named: value})  # type: ignore[arg-type]


def test_the_defaults_are_in_range() -> None:
    """Without a model, which has to be named."""
    assert TransformersConfig().model == ""
