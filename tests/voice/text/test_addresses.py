"""Letters and codes; the table of the normaliser covers addresses."""

from __future__ import annotations

from voiceserver.voice.text.addresses import code, spell


def test_letters_and_codes() -> None:
    """Letters have a full stop after them; digits are words."""
    assert spell("Ab3") == ["a.", "b.", "three"]
    assert code("MP3") == ["m.", "p.", "three"]
    assert code("abc007") == ["abc", "zero", "zero", "seven"]
