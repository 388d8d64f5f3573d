"""Replies begun before the user's turn is certain to be over.

At a likely end a reply to the words so far is begun and held; it is dropped when
speech resumes or the words change, at most so many times an utterance. Used by the
session's one writer only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from voiceserver.budget import Spent, TurnLedger
from voiceserver.commands import CallSettings
from voiceserver.engines.base import Hypothesis
from voiceserver.reply.reply import Reply
from voiceserver.session.ports import CallParts

DROP_LIMIT_S = 0.25  # for a dropped reply to end; its task group waits on


@dataclass(frozen=True, slots=True)
class _Guess:
    """A reply that is held."""

    number: int
    text: str
    settings: CallSettings
    reply: Reply
    task: asyncio.Task[None]

    def says(self, text: str) -> bool:
        return Hypothesis(self.text).says(text)


class Guessing:
    """The one held reply of a call, if any.

    Args:
        make: Makes a held reply to the given words in a language.
        parts: Of the call: its limits, how many may be begun for an utterance among
            them, its clock, and who pays.
    """

    def __init__(
        self,
        make: Callable[[TurnLedger, CallSettings, str, str], Reply],
        parts: CallParts,
    ) -> None:
        self._make = make
        self._budget = parts.config.budget
        self._now_ns = parts.clock.now_ns
        self._metrics = parts.metrics
        self._purse = parts.purse
        self._call = parts.call_id
        self._guess: _Guess | None = None
        self._number = 0
        self._count = 0  # replies begun for that utterance
        self._wasted = Spent()

    async def guess(
        self,
        number: int,
        text: str,
        settings: CallSettings,
        group: asyncio.TaskGroup,
        language: str = "",
    ) -> None:
        """Begin a reply to ``text``, in place of one to other words.

        Args:
            number: Of the utterance.
            text: The user's words so far; ``""`` drops what was begun.
            settings: Of the call.
            group: Holds the reply's task.
            language: Of the words, as far as it was heard.
        """
        held = self._guess
        if text and held and held.number == number and held.says(text):
            return
        await self.drop()
        if number != self._number:
            self._number, self._count = number, 0
        if not text or self._count >= self._budget.speculations:
            return
        self._count += 1
        purse, call = self._purse, self._call
        ledger = TurnLedger(0, self._budget, self._now_ns(), purse=purse, call=call)
        reply = self._make(ledger, settings, text, language)
        task = group.create_task(reply.run())
        self._guess = _Guess(number, text, settings, reply, task)

    def take(
        self, number: int, settings: CallSettings
    ) -> tuple[Reply, asyncio.Task[None]] | None:
        """Hand over the held reply of an utterance, if the settings are the same."""
        held = self._guess
        if held is None or held.number != number or held.settings is not settings:
            return None
        self._guess = None
        return held.reply, held.task

    def spent(self) -> Spent:
        """Return, once, what dropped replies cost since it was last asked."""
        wasted, self._wasted = self._wasted, Spent()
        return wasted

    async def drop(self) -> None:
        """Drop what was begun."""
        held, self._guess = self._guess, None
        if held is None:
            return
        held.reply.stop()
        held.task.cancel()
        await asyncio.wait({held.task}, timeout=DROP_LIMIT_S)
        self._count_as_dropped(held)

    def abandon(self) -> asyncio.Task[None] | None:
        """Drop what was begun without waiting; its task group collects it.

        Returns:
            The task, if there was one: what it cost is counted before others learn
            that it is done.
        """
        held, self._guess = self._guess, None
        if held is not None:
            held.reply.stop()
            held.task.cancel()
            # What it cost is known once it has ended.
            held.task.add_done_callback(lambda _task: self._count_as_dropped(held))
        return None if held is None else held.task

    def _count_as_dropped(self, held: _Guess) -> None:
        self._metrics.speculations.labels("dropped").inc()
        cost = held.reply.ledger.spent
        tokens = cost.tokens_in + cost.tokens_out
        self._wasted += Spent(cost.tokens_in, cost.tokens_out, tokens, cost.cost_usd)
