"""The questions of a baseline."""

from __future__ import annotations

from voiceserver.engines.gate.checkable import Checkable
from voiceserver.engines.watch.questions import ACCEPTED, QUESTIONS


def test_questions_are_many_and_each_is_one() -> None:
    """Enough for the shortest window."""
    assert len(QUESTIONS) == len(set(QUESTIONS)) >= 80
    assert all(one.endswith(("?", ".")) for one in QUESTIONS)


def test_some_can_be_checked() -> None:
    """As words of an answer; each is asked."""
    assert len(ACCEPTED) >= 20 and set(ACCEPTED) <= set(QUESTIONS)
    for question, accepted in ACCEPTED.items():
        one = Checkable(question, accepted)
        assert all(one.answered_by(f"It is {words}.") for words in accepted)
        assert not one.answered_by("I do not know.")
