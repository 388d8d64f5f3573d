# ruff: noqa: RUF001 (the multiplication sign is meant)
"""Quantities: compound units, fractions of them, feet and inches."""

from __future__ import annotations

import pytest

from tests.voice.text.test_written import said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("120 mg/dL", "one hundred twenty milligrams per deciliter"),
        ("3 kWh/m²", "three kilowatt hours per square meter"),
        ("2 1/2 lbs", "two and a half pounds"),
        ("a 3/4-inch bolt", "a three quarter inch bolt"),
        ("8' x 10'", "eight feet by ten feet"),
        ("10 cm × 15 cm", "ten centimeters by fifteen centimeters"),
        ("5 KM or 3 Tbsp", "five kilometers or three tablespoons"),
        ("1-2 GB", "one to two gigabytes"),
        ('a 9" pan', "a nine inch pan"),
        ("6 in. pipes", "six inches pipes"),
    ],
)
def test_quantities(text: str, words: str) -> None:
    """The number, then the unit in the number that belongs to it."""
    assert said(text) == words


@pytest.mark.parametrize("text", ['He said "take 65" twice', "'I was born in 68'"])
def test_a_quotation_that_ends_is_no_measure(text: str) -> None:
    """The sign was opened before."""
    assert not {"feet", "inches"} & set(said(text).split())
