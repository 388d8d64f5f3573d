"""The standard questions."""

from __future__ import annotations

import re
from collections import Counter

from voiceserver.engines.responder.standard import STANDARD
from voiceserver.engines.responder.words import normal


def test_no_wording_is_asked_twice() -> None:
    """A second answer could never be given."""
    counted = Counter(normal(ask) for question in STANDARD for ask in question.ask)
    assert [ask for ask, count in counted.items() if count > 1] == []


def test_answers_are_for_the_ear() -> None:
    """No markup, no lists, and short."""
    for question in STANDARD:
        words = re.sub(r"\{[^}]*\}", "", question.answer)
        assert not set(words) & set("*_#<>[](){}/")
        assert len(question.answer) <= 160
