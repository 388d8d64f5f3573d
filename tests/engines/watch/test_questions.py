"""The questions of a baseline."""

from __future__ import annotations

from voiceserver.engines.watch.questions import QUESTIONS


def test_questions_are_many_and_each_is_one() -> None:
    """Enough for the shortest window."""
    assert len(QUESTIONS) == len(set(QUESTIONS)) >= 80
    assert all(one.endswith(("?", ".")) for one in QUESTIONS)
