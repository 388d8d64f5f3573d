"""Verbalisation at a place in the text; the table of the normaliser covers the rest."""

from __future__ import annotations

import re

import pytest

from voiceserver.voice.text import verbalise as rules
from voiceserver.voice.text.verbalise import verbalise


def test_says_where_the_spoken_part_ends() -> None:
    """What follows is left to the caller."""
    assert verbalise("$5 now", 0) == (["five", "dollars"], 2)
    assert verbalise("at 7:30 sharp", 3) == (["seven", "thirty"], 7)


@pytest.mark.parametrize("text", ["hello", "don't", "-", "&c", "(", "well-known"])
def test_plain_words_are_declined(text: str) -> None:
    """Nothing to verbalise."""
    assert verbalise(text, 0) is None


def _fail(_: re.Match[str]) -> list[str]:
    raise ValueError


def test_a_rule_that_fails_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one reads the same place."""
    failing = (re.compile(r"\d+"), _fail)
    monkeypatch.setattr(rules, "RULES", (failing, *rules.RULES))
    assert rules.verbalise("20 cats", 0) == (["twenty"], 2)
