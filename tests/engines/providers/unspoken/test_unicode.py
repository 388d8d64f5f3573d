"""Halves of characters: joined, or left out."""

from __future__ import annotations

from voiceserver.engines.providers.unspoken.unicode import without_halves


def test_halves_that_match_are_a_character() -> None:
    """Others are left out."""
    assert without_halves("a\ud83d\ude00b\ud83dc\ude00") == "a\U0001f600bc"
