"""Hypotheses on their way between processes."""

from __future__ import annotations

import pytest

from voiceserver.engines.base import Hypothesis
from voiceserver.engines.remote.hypotheses import joined, read, written
from voiceserver.events import TimedWord
from voiceserver.processes.ipc import MAX_BODY


@pytest.mark.parametrize(
    "hypothesis",
    [
        Hypothesis("go forward", words="go forward"),
        Hypothesis("It is 5.", complete=True),
        Hypothesis("What is 12", behind=True),
        Hypothesis("\u4f60\u597d!", words="ni hao"),
        Hypothesis(),
        Hypothesis(unsure=True, language="de", logprob=-1.25),
        Hypothesis("Oh, no.", timed=(TimedWord("Oh,", 0.1, 0.3, -0.5),)),
    ],
)
def test_a_hypothesis_comes_over_the_pipe_as_it_is(hypothesis: Hypothesis) -> None:
    """Its text and its words."""
    assert read(*written(hypothesis), final=False) == hypothesis


def test_text_beyond_a_message_is_cut() -> None:
    """Rather than the call."""
    about, body = written(Hypothesis("Ha! " * 40_000))
    assert len(body) <= MAX_BODY
    assert read(about, body, final=True).text.startswith("Ha! Ha!")


def test_what_was_settled_comes_before_what_was_said_then() -> None:
    """Text, words, times; the probability is the mean over the words."""
    before = Hypothesis("I said: 5.", words="i said five", logprob=-0.2)
    after = Hypothesis(
        "Go!", True, words="go", logprob=-0.6, timed=(TimedWord("Go!", 0.5, 1.0, -0.6),)
    )
    both = joined(before, after, 10.0)
    assert both.final
    assert (both.text, both.words) == ("I said: 5. Go!", "i said five go")
    assert both.logprob == pytest.approx(-0.3)
    assert both.timed == (TimedWord("Go!", 10.5, 11.0, -0.6),)


def test_nothing_before_changes_nothing() -> None:
    """But for the times, if there are any."""
    after = Hypothesis("go", complete=True)
    assert joined(Hypothesis(), after, 3.0) == after
