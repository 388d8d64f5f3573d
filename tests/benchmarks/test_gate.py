"""The sums of the gate's benchmark, on answers whose worth is known."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.gate import (
    Answer,
    above_the_line,
    bought,
    caught,
    pair,
    recorded,
    worth,
)
from benchmarks.gate_record import QUESTIONS, RECORDED, Served, beginning
from tests.chat_faults import ChatService
from tests.faulty_text_server import FaultyTextServer
from voiceserver.engines.gate.checkable import Checkable, read


def some(n: int = 200, sure: bool = True) -> list[Answer]:
    """Half of them right, and known to be, or known of none; strong always right."""
    return [
        Answer(0.9 if at % 2 and sure else 0.5, bool(at % 2), True, 1e-6, 40e-6)
        for at in range(n)
    ]


def test_a_gate_that_knows_all_catches_twice_what_chance_does() -> None:
    """A quarter escalated is half of the wrong half."""
    assert caught(some()) == 0.5
    assert caught([one for one in some() if one.right]) is None


@pytest.mark.parametrize(
    ("share", "right", "usd"), [(0.0, 0.5, 1e-6), (0.5, 1.0, 21e-6), (1.0, 1.0, 41e-6)]
)
def test_money_and_right_answers_are_those_of_who_was_asked(
    share: float, right: float, usd: float
) -> None:
    """All cheap, the doubtful half strong, and all strong."""
    found = bought(some(), share)
    assert found[0] == right
    assert found[1] == pytest.approx(usd)


def test_who_knows_nothing_is_on_the_line_and_who_knows_is_above() -> None:
    """Less what asking both costs."""
    assert above_the_line(some(sure=False), 0.0) == 0
    assert -0.02 < above_the_line(some(), 0.5) - 0.24 < 0.02


def test_answers_are_judged_as_they_are_recorded() -> None:
    """A model whose sure answers are right: nothing of it depends on which one."""
    rows: list[dict[str, Any]] = [
        {
            "question": f"question {at}",
            "begins": "It is so.",
            "logprobs": [-0.05 if at % 2 else -2.0] * 8,
            "tokens_in": 60,
            "tokens_out": 12,
            "right": at % 10 != 0 and bool(at % 2),
        }
        for at in range(60)
    ]
    told = worth(rows, draws=40)
    assert told["answers"] == 60 and len(told["for_the_money"]) == 12
    assert told["auc"] == 1 and told["times_chance"] == told["times_chance_at_most"]
    assert told["ece_after"] < 0.1


def test_two_models_are_compared_on_what_both_were_asked() -> None:
    """Each with its own answers and lengths; what only one was asked is left out."""
    cheap = [
        {
            "question": f"question {at}",
            "begins": "It is so.",
            "logprobs": [-0.05 if at % 2 else -2.0] * 8,
            "tokens_in": 60,
            "tokens_out": 12,
            "right": bool(at % 2),
        }
        for at in range(60)
    ]
    strong = [row | {"right": True, "tokens_out": 30} for row in cheap[:50]]
    told = pair(cheap, strong, draws=20)
    assert (told["answers"], told["cheap_right"], told["strong_right"]) == (50, 0.5, 1)
    half = next(row for row in told["for_the_money"] if row["escalated"] == 0.5)
    assert half["right"] == 1 and half["above_the_line"] > 0.2


@pytest.mark.net
async def test_a_server_is_recorded_as_a_provider_is_heard() -> None:
    """What it says, its log-probabilities, and the tokens that it counts."""
    service = ChatService(deltas=("It is ", "Canberra."), logprob=-0.1)
    question = Checkable("What is the capital of Australia?", ("canberra",))
    async with FaultyTextServer(service=service) as server:
        [row] = await Served(server.base_url)._answers([question])
    assert (row["begins"], row["right"]) == ("It is Canberra.", True)
    assert row["logprobs"] == [-0.1, -0.1]
    assert row["tokens_in"] == service.usage["prompt_tokens"]
    assert row["tokens_out"] == service.usage["completion_tokens"]


def test_recorded_answers_are_of_the_questions_that_come_along() -> None:
    """And tell probabilities: what is judged is what a server would be given."""
    files = sorted(RECORDED.glob("*.json"))
    assert files
    asked = {one.question for one in read(QUESTIONS.read_text("utf-8"), "f")}
    for file in files:
        _, rows = recorded(file)
        assert {row["question"] for row in rows} <= asked
        judged = [row for row in rows if row["tokens_out"]]
        assert all(row["logprobs"] and max(row["logprobs"]) <= 0 for row in judged)


def test_a_beginning_is_what_the_gate_waits_for() -> None:
    """Eight tokens, or the end of a sentence."""
    pieces = ["Yes."] + [f" word{at}" for at in range(30)]
    text, logprobs = beginning(pieces, [-0.1] * len(pieces))
    assert text.startswith("Yes.") and 1 <= len(logprobs) <= 16
    assert len(text) < len("".join(pieces))
