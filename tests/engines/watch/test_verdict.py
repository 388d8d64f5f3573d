"""Which of two answers is better."""

from __future__ import annotations

import pytest

from voiceserver.engines.watch.verdict import Verdict, by_sight, judged, question

GOOD = "It is half past nine."


@pytest.mark.parametrize(
    "bad",
    ["", "I'm sorry, I can't help with that.", "**It** is half past nine.", "so " * 90],
)
def test_a_fault_that_can_be_seen_decides(bad: str) -> None:
    """In either place; two good answers are a tie."""
    assert by_sight(live=bad, candidate=GOOD) == "candidate"
    assert by_sight(live=GOOD, candidate=bad) == "live"
    assert by_sight(bad, bad) == by_sight(GOOD, GOOD) == "tie"


@pytest.mark.parametrize(
    ("live_first", "candidate_first", "verdict"),
    [
        ("second", "First.", "candidate"),
        ("The first one", "second", "live"),
        ("first", "first", "tie"),  # it likes whatever comes first
        ("second", "second", "tie"),
        ("tie", "first", "tie"),
        ("banana", "", "tie"),
        ("both are good", "neither", "tie"),
    ],
)
def test_a_judge_must_say_it_twice(
    live_first: str, candidate_first: str, verdict: Verdict
) -> None:
    """With the places swapped; nonsense is a tie."""
    assert judged(live_first, candidate_first) == verdict


def test_a_judge_is_asked_for_a_word() -> None:
    """With both answers."""
    asked = question("what time is it", GOOD, "Nine.")
    assert GOOD in asked.messages[0].text
    assert asked.max_output_tokens <= 64
