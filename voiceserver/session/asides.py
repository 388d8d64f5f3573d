"""Replies beside the conversation: asked for by the client, kept nowhere.

They run while the conversation goes on, a few at a time; they are read, or heard where
the dialect carries the audio. Used by the session's one writer only.
"""

from __future__ import annotations

import asyncio

from voiceserver.audio import Samples
from voiceserver.budget import TurnLedger
from voiceserver.clock import Clock
from voiceserver.commands import CallSettings
from voiceserver.engines.base import Message
from voiceserver.engines.opened import Engines
from voiceserver.events import (
    AudioDelta,
    Outcome,
    ReplyDone,
    ReplyStarted,
    TextDelta,
    ToolCalled,
)
from voiceserver.reply.ahead import Ahead
from voiceserver.reply.playout import Notices
from voiceserver.reply.reply import Reply
from voiceserver.reply.request import Source
from voiceserver.session.history import History
from voiceserver.session.inbox import Inbox, Lane
from voiceserver.session.ports import Dialect
from voiceserver.session.speaking import messages_of
from voiceserver.turns.actions import Generated

MAX_ASIDES = 4
REMEMBERED = 64  # whose late events are known for theirs


class Asides:
    """The replies beside one conversation.

    Args:
        engines: To reply with.
        history: What they may know.
        inbox: Where their events arrive.
        dialect: Is told.
        clock: Monotonic clock.
    """

    def __init__(
        self,
        engines: Engines,
        history: History,
        inbox: Inbox,
        dialect: Dialect,
        clock: Clock,
    ) -> None:
        self._engines = engines
        self._history = history
        self._inbox = inbox
        self._dialect = dialect
        self._clock = clock
        self._running: dict[int, tuple[Reply, asyncio.Task[None]]] = {}
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
        outlet = Ahead(self._clock.now_ns, Notices(made=self._audio_made))
        outlet.begin(ledger.turn)
        reply = Reply(
            ledger.turn,
            source,
            settings,
            self._engines,
            outlet,
            ledger,
            self._clock.now_ns,
            lambda item: self._inbox.put(Lane.ASIDES, item),
            lambda _saying: self._messages(source),
        )
        if len(self._texts) >= REMEMBERED:
            del self._texts[next(iter(self._texts))]
        self._texts[ledger.turn] = ""
        self._running[ledger.turn] = reply, group.create_task(reply.run())
        return True

    def told(self, event: Generated) -> bool:
        """Pass on an event of one; returns False if it is none of theirs."""
        if event.turn not in self._running:
            # Of one that was cancelled, or of the conversation.
            return event.turn in self._texts
        match event:
            case TextDelta(turn, text):
                self._texts[turn] += text
            case ReplyDone(turn):
                del self._running[turn]
            case ReplyStarted() | AudioDelta() | ToolCalled():
                pass
        self._dialect.notify(event)
        return True

    def cancel(self, turn: int) -> bool:
        """Stop one; returns False if there is none of that turn."""
        if turn not in self._running:
            return False
        reply, task = self._running.pop(turn)
        reply.stop()
        task.cancel()  # the session's task group collects it
        text = self._texts[turn]
        self._dialect.notify(ReplyDone(turn, text, Outcome.CANCELLED))
        return True

    def abandon(self) -> None:
        """The call is over: let the task group collect them."""
        for reply, task in self._running.values():
            reply.stop()
            task.cancel()

    async def _audio_made(self, turn: int, samples: Samples) -> None:
        await self._inbox.put(Lane.ASIDES, AudioDelta(turn, samples))

    def _messages(self, source: Source) -> tuple[Message, ...]:
        if source.messages is not None:
            return source.messages
        return messages_of(self._history)
