"""Answers to a guess of the user's words, begun before the words are certain.

A draft is held back until it is known what was said: taken where that is what it
answers, dropped where it is not. At most one is alive, and so many are begun for a
turn. Knows neither where the words come from nor what is done with an answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from voiceserver.budget import Step, TurnLedger
from voiceserver.engines.base import Hypothesis
from voiceserver.overload import Load
from voiceserver.reply.answer import Answer


@dataclass(frozen=True, slots=True)
class Draft:
    """An answer that is held back.

    Attributes:
        guess: The words that it answers.
        language: In which.
        answer: As it is made.
        task: That makes it.
    """

    guess: str
    language: str
    answer: Answer
    task: asyncio.Task[None]


class Drafts:
    """Of one reply.

    Args:
        ledger: Of its turn.
        load: Returns how late the server is; one that is does not guess.
        answer: Makes the answer to a guess, in a language; held until released.
    """

    def __init__(
        self,
        ledger: TurnLedger,
        load: Callable[[], Load],
        answer: Callable[[str, str], Answer],
    ) -> None:
        self._ledger = ledger
        self._load = load
        self._answer = answer
        self._n_begun = 0
        self._draft: Draft | None = None

    @property
    def guess(self) -> str:
        """What the one that is held answers; ``""`` if there is none."""
        return self._draft.guess if self._draft is not None else ""

    def begin(
        self, guess: str, language: str, group: asyncio.TaskGroup, late: bool
    ) -> None:
        """Begin one in place of any other, unless there were too many.

        Args:
            guess: What the user seems to have said.
            language: Of the answer.
            group: Runs it.
            late: The turn is over, and its final words are waited for.
        """
        most = self._ledger.config.speculations
        if self._n_begun >= most or self._load() >= Load.LEAN:
            return
        self.drop()
        self._n_begun += 1
        if late:
            self._ledger.step(Step.PARTIAL_DRAFT)
        answer = self._answer(guess, language)
        self._draft = Draft(guess, language, answer, group.create_task(answer.run()))

    def drop(self) -> None:
        """What is held is of no use."""
        draft, self._draft = self._draft, None
        if draft is not None:
            draft.answer.abandon()
            draft.task.cancel()  # the task group waits for it
            self._ledger.forget_draft()

    def take(self, said: Hypothesis, language: str) -> Draft | None:
        """Hand over what answers what was said, in its language; else it is dropped."""
        held = self._draft
        if held is None:
            return None
        right = said.says(held.guess) and held.language == language
        if right and not held.answer.dead:
            self._draft = None
            return held
        self.drop()
        return None
