"""Values of slots, found in what was said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.engines.domain.filling import Filling, Found
from voiceserver.engines.domain.terms import Slot

MILK = {
    ("milk",): "milk",
    ("soy", "milk"): "soy milk",
    ("a", "lot", "of", "milk"): "lots",
}
SLOTS = Filling(
    [
        Slot("milk", "?", MILK),
        Slot("cups", "?", number=(1, 12)),
        Slot("age", "?", number=(1, 99)),
    ]
)


def found(said: str, asked: str = "") -> dict[str, tuple[str, ...]]:
    """Values by slot."""
    return {find.slot: find.values for find in SLOTS.find(said.split(), asked)}


@pytest.mark.parametrize(
    ("said", "asked", "values"),
    [
        ("soy milk", "", {"milk": ("soy milk",)}),
        ("a lot of milk", "", {"milk": ("lots",)}),
        ("milks", "", {"milk": ("milk",)}),
        ("milk and soy milk", "", {"milk": ("soy milk",)}),
        ("soy milk and milk", "", {"milk": ("soy milk",)}),
        ("soy milk no milk", "", {"milk": ("milk",)}),
        ("two", "", {"cups": ("2",)}),
        ("two", "age", {"age": ("2",)}),
        ("forty two", "", {"age": ("42",)}),
        ("two and forty", "", {"cups": ("2",), "age": ("40",)}),
        ("five hundred", "", {}),
        ("nothing of it", "", {}),
        ("", "", {}),
    ],
)
def test_values_are_found(
    said: str, asked: str, values: dict[str, tuple[str, ...]]
) -> None:
    assert found(said, asked) == values


def test_what_is_not_wanted_is_told() -> None:
    assert SLOTS.find(["no", "milk"])[0].left_out
    assert not SLOTS.find(["no", "milk"], pauses={0, 1})[0].left_out


@given(
    st.lists(st.sampled_from("no milk soy a lot of two forty and".split()), max_size=9)
)
def test_finds_lie_within_what_was_said_one_a_slot(words: list[str]) -> None:
    finds: tuple[Found, ...] = SLOTS.find(words)
    assert all(0 <= find.start < find.end <= len(words) for find in finds)
    assert len({find.slot for find in finds}) == len(finds)
