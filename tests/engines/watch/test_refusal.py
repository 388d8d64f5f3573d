"""Answers that decline, by how they begin."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.engines.watch.refusal import declines


@pytest.mark.parametrize(
    "answer",
    [
        "I'm sorry, but I can't help with that.",
        "I\u2019m sorry, I can\u2019t assist with that request.",
        "Sorry, I cannot discuss medical doses.",
        "I am unable to provide that information.",
        "I won't help with that.",
        "I'm afraid I can't do that, Dave.",
        "As an AI, I don't have opinions on that.",
        "As an AI language model I cannot answer.",
        "We cannot share prices.",
    ],
)
def test_a_refusal_is_one(answer: str) -> None:
    """Of a person's or a filter's kind."""
    assert declines(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "Sure, I can help with that.",
        "Sorry to hear that! Try turning it off and on.",
        "You can't help but smile at it.",
        "The kitchen light is on. I can't dim it any further.",
        "It is as an AI would do it: quickly.",
    ],
)
def test_an_answer_is_none(answer: str) -> None:
    """Even one that says sorry, or says cannot later."""
    assert not declines(answer)


@given(st.text(max_size=400))
def test_any_text_is_judged(text: str) -> None:
    """Without an error."""
    assert declines(text) in (True, False)
