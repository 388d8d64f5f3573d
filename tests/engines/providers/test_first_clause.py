"""When there is enough to commit to a provider."""

from __future__ import annotations

import pytest

from voiceserver.engines.notes import Held, Probable
from voiceserver.engines.providers.first_clause import FirstClause
from voiceserver.tools import ToolCall

WORDS = (
    "Well, ",
    "my ",
    "dear ",
    "friend, ",
    "the ",
    "answer ",
    "is ",
    "nine, ",
    "so ",
)


def needed(clause: FirstClause, logprob: float | None = None) -> int:
    """Feed words a token each; return after how many there is enough."""
    for n, word in enumerate(WORDS, 1):
        if logprob is not None:
            clause.note(Probable((logprob,)))
        if clause.enough(word, 0.01 * n):
            return n
    return 99


@pytest.mark.parametrize("read", [False, True])
def test_one_that_is_judged_waits_for_tokens(read: bool) -> None:
    """Eight of them, or the end of a sentence; never where there are none."""
    plain = needed(FirstClause(0.0, False, False, judged=False), -0.1)
    assert plain < 8
    assert needed(FirstClause(0.0, read, False, judged=True), -0.1) == 8
    assert needed(FirstClause(0.0, read, False, judged=True)) == plain
    ended = FirstClause(0.0, read, False, judged=True)
    ended.note(Probable((-0.1,)))
    assert ended.enough("It is nine in the morning. ", 0.1)


def test_time_that_is_short_waits_for_none() -> None:
    """A tight turn, or a late clause."""
    tight = needed(FirstClause(0.0, False, tight=True, judged=True), -0.1)
    assert tight < 8
    late = FirstClause(0.0, False, False, judged=True)
    late.note(Probable((-0.1,)))
    assert late.enough("Well, my dear old friend, ", 60.0)


def test_a_call_and_a_read_word_are_enough() -> None:
    """Silence is not."""
    read = FirstClause(0.0, read=True, tight=False, judged=False)
    assert not read.enough("", 0) and not read.enough(" ", 0)
    assert read.enough("Well", 0)
    heard = FirstClause(0.0, False, False, judged=True)
    assert heard.enough(ToolCall("1", "f", "{}"), 0)


def test_only_the_first_tokens_are_kept() -> None:
    """And of notes only those about them."""
    clause = FirstClause(0.0, False, False, judged=True)
    clause.note(Held())
    clause.note(Probable((-0.1,) * 99))
    assert len(clause.logprobs) == 16
