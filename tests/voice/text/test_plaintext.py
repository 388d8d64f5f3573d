"""Folding of text to plain characters."""

from __future__ import annotations

import pytest

from voiceserver.voice.text.plaintext import to_plain, without_markdown


@pytest.mark.parametrize(
    "text",
    ["**a** _b_ `c` [d](e) ![f](g)", "# x\n- y\n```z```\n---\n| a | b |\n|---|---|"],
)
def test_markdown_is_blanked_in_place(text: str) -> None:
    """The length stays, so that ranges hold."""
    assert len(without_markdown(text)) == len(text)


def test_every_character_keeps_its_origin() -> None:
    """One character can become several, all with its index; others become none."""
    plain = to_plain("a…é\u200db")
    assert plain.text == "a...eb"
    assert plain.origin == (0, 1, 1, 1, 2, 4)


def test_letters_of_other_scripts_are_counted_not_symbols() -> None:
    """Emoji are dropped silently; letters that cannot be read are counted."""
    assert to_plain("日本 😀").skipped == 2
