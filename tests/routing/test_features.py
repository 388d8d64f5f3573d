"""Numbers of a turn."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.routing.features import (
    NAMES,
    features,
    without_lead,
    without_tail,
)
from voiceserver.routing.turns import Turn


def named(text: str) -> dict[str, float]:
    return dict(zip(NAMES, features(Turn(text)), strict=True))


@given(st.text(max_size=400), st.integers(0, 5))
def test_every_text_has_all_numbers(text: str, tools: int) -> None:
    """Finite and small, whatever was said."""
    row = features(Turn(text), tools)
    assert len(row) == len(NAMES)
    assert all(math.isfinite(value) and 0 <= value <= 4 for value in row)


@pytest.mark.parametrize(
    ("text", "feature"),
    [
        ("why does the moon look bigger near the horizon", "asks_why"),
        ("compare renting and buying", "weighs"),
        ("write a letter to my landlord", "writes"),
        ("turn on the lights", "acts"),
        ("who wrote hamlet", "looks_up"),
        ("my python function fails", "codes"),
        ("three apples five pears and ten plums", "many_figures"),
    ],
)
def test_a_kind_of_request_is_seen(text: str, feature: str) -> None:
    """By the feature that is named after it."""
    assert named(text)[feature] > 0


def test_what_is_said_around_a_request_is_no_part_of_it() -> None:
    """Politeness makes nothing complex."""
    assert named("um so can you play jazz please") == named("play jazz")
    assert without_lead(["um", "please"]) == ["please"]
    assert without_tail(["can", "you", "do", "that"]) == ["can", "you", "do", "that"]
