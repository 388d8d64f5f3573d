"""Answers to a guess: held until it is known what was said."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.reply.test_answer import Bench
from tests.virtual_time import run_virtual
from voiceserver.budget import Step, TurnLedger
from voiceserver.config import BudgetConfig
from voiceserver.engines.base import Hypothesis
from voiceserver.errors import EngineFailed
from voiceserver.overload import Load
from voiceserver.reply.answer import Answer
from voiceserver.reply.drafts import Drafts

Scenario = Callable[[asyncio.TaskGroup], Awaitable[None]]


class Turn:
    """A turn whose words are guessed; keeps the answers that were begun."""

    def __init__(self, *pieces: str | Exception, load: Load = Load.NORMAL) -> None:
        self.pieces = pieces or ("Yes.",)
        self.begun: list[Bench] = []
        self.ledger = TurnLedger(1, BudgetConfig(speculations=2), 0)
        self.drafts = Drafts(self.ledger, lambda: load, self._answer)

    def _answer(self, guess: str, language: str) -> Answer:
        del guess, language
        self.begun.append(Bench(*self.pieces, draft=True))
        return self.begun[-1].answer

    def run(self, scenario: Scenario) -> None:
        async def whole() -> None:
            async with asyncio.TaskGroup() as group:
                await scenario(group)
                self.drafts.drop()

        run_virtual(whole())


@pytest.mark.parametrize(
    ("said", "language", "taken"),
    [
        ("Is the light ON?", "en", True),
        ("is the light off", "en", False),
        ("is the light on", "de", False),
        ("", "en", False),
    ],
)
def test_what_answers_what_was_said_is_taken(
    said: str, language: str, taken: bool
) -> None:
    """By its words and its language; else it is dropped, and ends."""
    turn = Turn()

    async def scenario(group: asyncio.TaskGroup) -> None:
        turn.drafts.begin("is the light on", "en", group, late=False)
        assert turn.drafts.guess == "is the light on"
        draft = turn.drafts.take(Hypothesis(said), language)
        assert (draft is not None) is taken
        assert turn.drafts.guess == ""
        if draft is not None:
            draft.answer.release()
            await draft.task

    turn.run(scenario)
    assert turn.begun[0].text == ("Yes." if taken else "")


def test_one_that_has_failed_is_of_no_use() -> None:
    """Who would take it asks anew."""
    turn = Turn(EngineFailed("text", "broke"))

    async def scenario(group: asyncio.TaskGroup) -> None:
        turn.drafts.begin("hello", "", group, late=False)
        await asyncio.sleep(1)
        assert turn.drafts.take(Hypothesis("hello"), "") is None

    turn.run(scenario)


@pytest.mark.parametrize(
    ("load", "n_begun"), [(Load.NORMAL, 2), (Load.LEAN, 0), (Load.FULL, 0)]
)
def test_so_many_are_begun_for_a_turn(load: Load, n_begun: int) -> None:
    """One alive at a time, and none by a server that is late."""
    turn = Turn(load=load)

    async def scenario(group: asyncio.TaskGroup) -> None:
        for guess in ("a", "a b", "a b c"):
            turn.drafts.begin(guess, "", group, late=True)
        await asyncio.sleep(0)
        assert turn.drafts.guess == ("a b" if n_begun else "")

    turn.run(scenario)
    assert len(turn.begun) == n_begun
    steps = turn.ledger.close().steps
    assert steps == ((Step.PARTIAL_DRAFT.value,) if n_begun else ())
