"""Replies beside the conversation: asked for by the client, kept nowhere.

They run while the conversation goes on, a few at a time; they are read, or heard where
the dialect carries the audio. Used by the session's one writer only.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from voiceserver.audio import Samples
from voiceserver.budget import TurnLedger
from voiceserver.commands import CallSettings
from voiceserver.engines.base import Message
from voiceserver.events import (
    AudioDelta,
    Outcome,
    Played,
    ReplyDone,
    TextDelta,
)
from voiceserver.reply.ahead import Ahead
from voiceserver.reply.playout import Notices
from voiceserver.reply.reply import Reply
from voiceserver.reply.request import Source
from voiceserver.session.history import History
from voiceserver.session.inbox import Inbox, Lane
from voiceserver.session.ports import CallParts, Dialect
from voiceserver.session.speaking import messages_of
from voiceserver.session.turn_account import TurnAccount
from voiceserver.turns.actions import Generated

MAX_ASIDES = 4
CANCEL_LIMIT_S = 0.25  # for a cancelled one to end; its task group waits on


@dataclass(frozen=True, slots=True)
class _Aside:
    """One that runs, and its line of the ledger."""

    reply: Reply
    task: asyncio.Task[None]
    account: TurnAccount


class Asides:
    """The replies beside one conversation.

    Args:
        parts: Of the server.
        history: What they may know.
        inbox: Where their events arrive.
        dialect: Is told.
        carrier: For metrics.
    """

    def __init__(
        self,
        parts: CallParts,
        history: History,
        inbox: Inbox,
        dialect: Dialect,
        carrier: str,
    ) -> None:
        self._parts = parts
        self._history = history
        self._inbox = inbox
        self._dialect = dialect
        self._carrier = carrier
        self._running: dict[int, _Aside] = {}
        self._texts: dict[int, str] = {}

    def begin(
        self,
        source: Source,
        ledger: TurnLedger,
        settings: CallSettings,
        group: asyncio.TaskGroup,
    ) -> bool:
        """Start one; returns False if there are too many."""
        if len(self._running) >= MAX_ASIDES:
            return False
        now_ns = self._parts.clock.now_ns
        account = TurnAccount(
            self._parts.call_id,
            self._parts.metrics,
            self._carrier,
            self._parts.purse,
            self._parts.journal,
        )
        account.open(ledger)

        def played(_turn: int, state: Played) -> None:
            if state is Played.STARTED:
                account.any_audio(now_ns())

        notices = Notices(
            played, lambda _turn: account.first_audio(now_ns()), self._audio_made
        )
        outlet = Ahead(now_ns, notices)
        outlet.begin(ledger.turn)
        reply = Reply(
            ledger.turn,
            source,
            settings,
            self._parts.engines,
            outlet,
            ledger,
            now_ns,
            lambda item: self._inbox.put(Lane.ASIDES, item),
            lambda _saying: self._messages(source),
        )
        self._texts[ledger.turn] = ""
        task = group.create_task(reply.run())
        self._running[ledger.turn] = _Aside(reply, task, account)
        return True

    def notify(self, event: Generated) -> None:
        """Pass on an event of one; nothing of one that was cancelled."""
        if event.turn not in self._running:
            return
        if isinstance(event, TextDelta):
            self._texts[event.turn] += event.text
        self._dialect.notify(event)
        if isinstance(event, ReplyDone):
            del self._texts[event.turn]
            self._close(self._running.pop(event.turn), event.outcome)

    async def cancel(self, turn: int) -> bool:
        """Stop one, and wait; returns False if there is none of that turn."""
        if turn not in self._running:
            return False
        aside = self._running.pop(turn)
        aside.reply.stop()
        aside.task.cancel()
        text = self._texts.pop(turn)
        self._dialect.notify(ReplyDone(turn, text, Outcome.CANCELLED))
        # What it cost is known once it has ended.
        await asyncio.wait({aside.task}, timeout=CANCEL_LIMIT_S)
        self._close(aside, Outcome.CANCELLED)
        return True

    def abandon(self) -> None:
        """The call is over: let the task group collect them."""
        for aside in self._running.values():
            aside.reply.stop()
            aside.task.cancel()
            aside.account.generated(Outcome.CANCELLED.value)
            aside.account.close_after((aside.task,))

    def _close(self, aside: _Aside, outcome: Outcome) -> None:
        """Write its line of the ledger."""
        aside.account.generated(outcome.value)
        if aside.reply.fault is not None:
            kind = type(aside.reply.fault).__name__
            self._parts.metrics.faults.labels("reply", kind).inc()
        record = aside.account.close()
        if record is not None:
            self._dialect.account(record)

    async def _audio_made(self, turn: int, samples: Samples) -> None:
        await self._inbox.put(Lane.ASIDES, AudioDelta(turn, samples))

    def _messages(self, source: Source) -> tuple[Message, ...]:
        if source.messages is not None:
            return source.messages
        return messages_of(self._history)
