"""Templates of what is said."""

from __future__ import annotations

import pytest

from voiceserver.engines.domain.terms import fill_in, names_in, well_formed

TEMPLATE = "a [{size}] {drink} [with {milk} and {sugar}]"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"drink": "latte"}, "a latte"),
        ({"drink": "latte", "size": "large"}, "a large latte"),
        ({"drink": "latte", "milk": "milk"}, "a latte"),
        (
            {"drink": "tea", "milk": "milk", "sugar": "sugar"},
            "a tea with milk and sugar",
        ),
    ],
)
def test_a_part_without_its_values_is_left_out(
    values: dict[str, str], text: str
) -> None:
    assert fill_in(TEMPLATE, values) == text


def test_names_and_braces_are_seen() -> None:
    assert names_in(TEMPLATE) == ["size", "drink", "milk", "sugar"]
    assert well_formed(TEMPLATE)
    assert not any(map(well_formed, ["{size", "[a", "a]", "{Big}", "[[a] b]"]))
