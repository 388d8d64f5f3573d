"""Words that sound like others."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.engines.domain.sounds import SoundIndex, skeleton

DRINKS = SoundIndex(
    {tuple(name.split()): name for name in ("cappuccino", "iced mocha", "dark roast")}
)


@pytest.mark.parametrize(
    ("heard", "meant"),
    [
        ("cup of chino", ("cappuccino",)),
        ("capuchino", ("cappuccino",)),
        ("ice mocha", ("iced mocha",)),
        ("dark rose", ("dark roast",)),
        ("dark roast", ("dark roast",)),
        ("a nice day", ()),
        ("a", ()),
        ("", ()),
    ],
)
def test_what_sounds_like_a_wording_is_found(
    heard: str, meant: tuple[str, ...]
) -> None:
    assert DRINKS.like(heard.split()) == meant


@given(st.lists(st.text("abcdefghijklmnopqrstuvwxyz'", min_size=1), max_size=4))
def test_every_word_has_a_skeleton_without_doubles(words: list[str]) -> None:
    classes = skeleton(words)
    assert all(a != b for a, b in itertools.pairwise(classes))
    DRINKS.like(words)


def test_a_wording_is_spelled_like_itself() -> None:
    assert DRINKS.spelled_like(["cappuchino"]) == ("cappuccino",)
    assert DRINKS.spelled_like(["it"]) == ()
