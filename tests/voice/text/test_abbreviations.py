"""The front end's tables are consistent."""

from __future__ import annotations

import re

import pytest

from voiceserver.voice.text import abbreviations as tables
from voiceserver.voice.text.units import UNITS


@pytest.mark.parametrize(
    "table",
    [tables.TITLES, tables.ABBREVIATIONS, tables.ALWAYS, tables.DOTTED, tables.MONTHS],
)
def test_keys_are_lower_case_and_values_plain_words(table: dict[str, str]) -> None:
    """Lookups are by lower case; what is spoken holds letters only."""
    for key, words in table.items():
        assert key == key.lower()
        assert re.fullmatch(r"[a-z]+(?: [a-z]+)*", words)


def test_units_have_singular_and_plural_in_words() -> None:
    """Both forms of each unit are plain words."""
    for one, many in UNITS.values():
        assert re.fullmatch(r"[a-z ]+", one)
        assert re.fullmatch(r"[a-z ]+", many)


def test_sure_abbreviations_are_abbreviations() -> None:
    """No entry without a spoken form."""
    assert tables.ABBREVIATIONS.keys() >= tables.SURE
