"""Units are composed of prefixes and bases."""

from __future__ import annotations

import pytest

from voiceserver.voice.text.units import ANY_CASE, BELOW, UNITS


@pytest.mark.parametrize(
    ("symbol", "words"),
    [
        ("Gbit", "gigabits"),
        ("mmol", "millimoles"),
        ("µF", "microfarads"),
        ("GW", "gigawatts"),
        ("MiB", "mebibytes"),
        ("cu ft", "cubic feet"),
        ("in²", "square inches"),
    ],
)
def test_symbols_have_their_plural(symbol: str, words: str) -> None:
    """None of these is listed."""
    assert UNITS[symbol][1] == words


def test_what_case_tells_apart_is_not_read_in_any() -> None:
    """Milliwatts and megawatts differ by a capital alone; bytes are written loosely."""
    assert "mw" not in ANY_CASE
    assert ANY_CASE["gb"] == ("gigabyte", "gigabytes")


def test_what_is_no_unit_by_itself_needs_a_prefix() -> None:
    """A, N, J, F, b and B are letters first."""
    assert not {"A", "N", "J", "F", "b", "B"} & UNITS.keys()
    assert BELOW["dL"] == "deciliter"
