"""Halves of characters: joined, or left out."""

from __future__ import annotations

from voiceserver.engines.providers.unicode import Halves, without_halves


def test_halves_that_match_are_a_character() -> None:
    """Others are left out."""
    assert without_halves("a\ud83d\ude00b\ud83dc\ude00") == "a\U0001f600bc"


def test_a_half_waits_for_its_other() -> None:
    """Across chunks, however they are cut."""
    halves = Halves()
    assert halves.push("a\ud83d") + halves.push("") == "a"
    assert halves.push("\ude00b\ud83d") == "\U0001f600b"
    assert halves.push("c") == "c"
