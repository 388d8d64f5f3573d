"""One conversation: the tasks of a call, and the one writer of its state.

A session is one ``TaskGroup``: ``listen`` (the listener), ``converse`` (here, run by
the session's own task) and at most one reply. The carrier's pulls drive playout.
Only ``converse`` reads the inbox, writes history, starts or cancels a reply and calls
the dialect. It knows no protocol, no transport and no engine by name.
"""

from __future__ import annotations

import asyncio
import logging
from typing import assert_never

from voiceserver.ahead import Ahead
from voiceserver.audio import MIC_RATE, Samples
from voiceserver.budget import TurnLedger
from voiceserver.config import Config
from voiceserver.engines.base import Engines, Reminder
from voiceserver.errors import SessionEnded, VoiceServerError
from voiceserver.events import (
    AddMessage,
    AudioDelta,
    BargeIn,
    CancelReply,
    ClearAudio,
    ClearPlayback,
    Command,
    CommitAudio,
    Configure,
    CreateReply,
    Event,
    Failed,
    HangUp,
    Hear,
    Outcome,
    Playback,
    Played,
    Received,
    ReplyDone,
    ReplyStarted,
    SpeechStarted,
    SpeechStopped,
    TextDelta,
    Transcript,
    Truncate,
    UserTurn,
)
from voiceserver.history import History
from voiceserver.metrics import Metrics
from voiceserver.playout import Outlet, Playout
from voiceserver.session.clock import Clock
from voiceserver.session.dialect import Dialect
from voiceserver.session.inbox import Hint, Inbox, Item, Lane
from voiceserver.session.listener import RING_MS, Listener
from voiceserver.session.settings import configured
from voiceserver.session.speaking import Speaking
from voiceserver.source import Source
from voiceserver.streams import raise_if_cancelled

log = logging.getLogger(__name__)

MAX_REMINDERS = 20  # timers of one call at a time
REMIND_AGAIN_S = 0.5  # a timer that is due waits for a reply to end
# Audio in messages comes as fast as the client sends, and none of it may be lost: the
# carrier waits while this much is unheard, so beyond it there is one message at most.
UNHEARD_MS = 2000
MESSAGES_RING_MS = 400_000
LARGE = 65_536  # characters; such messages wait one at a time


class Session:
    """One conversation between a carrier and the engines.

    Args:
        call_id: Bound to log lines.
        config: Settings; ``config.turn`` and others are the call's starting values.
        engines: Shared by all calls.
        dialect: Renders this call.
        clock: Monotonic clock.
        metrics: Of the server.
        in_messages: Audio comes and goes in the dialect's messages (WebSocket); else
            the carrier gives it with ``hear`` and pulls it from ``playout``.

    Attributes:
        playout: What the carrier pulls a frame from every 20 ms.
    """

    def __init__(
        self,
        call_id: str,
        config: Config,
        engines: Engines,
        dialect: Dialect,
        clock: Clock,
        metrics: Metrics,
        in_messages: bool = False,
    ) -> None:
        self._call_id = call_id
        self._config = config
        self._dialect = dialect
        self._clock = clock
        self._metrics = metrics
        self._inbox = Inbox()
        self._history = History()
        self._reminders: set[asyncio.TimerHandle] = set()
        self._turn = 0  # number of the last turn begun
        self._asked: CreateReply | None = None  # waits for the user's words
        self.playout = Playout(self._played, self._answered)
        outlet: Outlet = self.playout
        if in_messages:
            outlet = Ahead(self._played, self._audio_made, clock.now_ns, self._answered)
        self._listener = Listener(
            config.turn,
            engines,
            lambda event: self._inbox.post(Lane.EVENTS, event),
            outlet.duck,
            clock,
            lambda n: metrics.dropped.labels("microphone").inc(n),
            hint=lambda *hint: self._inbox.post(Lane.EVENTS, Hint(*hint)),
            ring_ms=MESSAGES_RING_MS if in_messages else RING_MS,
        )
        self._speaking = Speaking(
            call_id,
            engines,
            outlet,
            self._history,
            self._inbox,
            dialect,
            clock,
            metrics,
            self._remind,
            "websocket" if in_messages else "webrtc",
        )

    def hear(self, samples: Samples, made_up: bool = False) -> None:
        """Take microphone audio; never blocks or raises.

        Args:
            samples: 16 kHz mono, any length.
            made_up: They stand for audio that did not arrive.
        """
        self._listener.hear(samples, made_up)

    async def deliver(self, text: str) -> None:
        """As ``receive``, but wait for room, and for audio to be listened to."""
        await self._listener.caught_up(UNHEARD_MS)
        if len(text) > LARGE:
            await self._inbox.put_alone(Lane.COMMANDS, Received(text))
        else:
            await self._inbox.put(Lane.COMMANDS, Received(text))

    def receive(self, text: str) -> None:
        """Take a message of the client; handed to the dialect in its turn."""
        self._inbox.post(Lane.COMMANDS, Received(text))

    def command(self, command: Command) -> None:
        """Take a command; too many unhandled ones end the call with a reason."""
        self._inbox.post(Lane.COMMANDS, command)

    async def run(self) -> str:
        """Hold the conversation until it ends; return the reason.

        Cancelling it ends the conversation too. Never raises for what engines,
        dialect or client did.
        """
        reason = "cancelled"
        try:
            async with asyncio.TaskGroup() as group:
                listening = group.create_task(self._listener.run())
                self._speaking.prepare(self._config, group)
                try:
                    reason = await self._converse(group)
                finally:
                    listening.cancel()
                    self._abandon(reason)
        except* Exception as failed:  # noqa: BLE001 - the session edge
            reason = self._fault(failed)
        raise_if_cancelled()
        return reason

    async def _converse(self, group: asyncio.TaskGroup) -> str:
        """Handle the inbox until the call ends; return the reason."""
        try:
            self._dialect.opened()
            while True:
                await self._handle(await self._inbox.get(), group)
                await self._answer_asked(group)
        except SessionEnded as ended:
            return str(ended)
        except Exception as error:  # noqa: BLE001 - the session edge
            raise_if_cancelled()
            return self._fault(ExceptionGroup("", [error]))

    def _fault(self, failed: ExceptionGroup[Exception]) -> str:
        """The session edge: count, classify, log; return what to tell the client."""
        error = failed.exceptions[0]
        expected = isinstance(error, VoiceServerError)
        self._metrics.faults.labels("session", type(error).__name__).inc()
        log.error(
            "a call ended by a fault",
            extra={"call": self._call_id, "kind": type(error).__name__},
            exc_info=None if expected else error,
        )
        return str(error) if expected else "internal error"

    def _abandon(self, reason: str) -> None:
        """The call is over: nothing sounds, nothing is waited for, the client knows."""
        for handle in self._reminders:
            handle.cancel()
        self._reminders.clear()
        self._speaking.abandon()
        self._dialect.closed(reason)

    async def _handle(self, item: Item, group: asyncio.TaskGroup) -> None:
        match item:
            case (
                Configure()
                | AddMessage()
                | CreateReply()
                | CancelReply()
                | ClearPlayback()
                | Truncate()
                | Hear()
                | CommitAudio()
                | ClearAudio()
                | HangUp()
                | Received()
            ):
                await self._obey(item, group)
            case Reminder():
                self._remind(item)
            case Hint(number, text):
                if self._config.turn.create_reply:
                    await self._speaking.guess(number, text, self._config, group)
            case _:
                await self._happened(item, group)

    async def _happened(self, event: Event, group: asyncio.TaskGroup) -> None:
        match event:
            case SpeechStarted():
                self._dialect.notify(event)
                if self._config.turn.interrupt:
                    # The user goes on before the answer is heard: it is stale.
                    await self._stop(Outcome.INTERRUPTED)
            case BargeIn():
                played = self._speaking.silence()  # before anything else
                self._dialect.notify(event)
                await self._stop(Outcome.INTERRUPTED, played)
            case UserTurn():
                self._dialect.notify(event)
                await self._commit(event, group)
            case Transcript(final=True):
                self._speaking.heard_user(event)
                if not event.text:
                    self._take_up(group)
            case ReplyStarted() | TextDelta() | AudioDelta() | ReplyDone():
                self._speaking.told(event)
            case Playback():
                self._speaking.playback(event)
            case SpeechStopped() | Failed() | Transcript():
                self._dialect.notify(event)
            case _:
                assert_never(event)

    async def _commit(self, event: UserTurn, group: asyncio.TaskGroup) -> None:
        await self._stop(Outcome.INTERRUPTED)  # alive only if speech may not interrupt
        ledger = self._ledger(event.decided_ns)
        ledger.endpoint_reason = event.reason
        ledger.endpoint_ms = (event.decided_at - event.at) * 1000 / MIC_RATE
        source = Source(
            event.utterance,
            self._listener.take(event.utterance),
            self._config.turn.create_reply,
        )
        self._speaking.begin(source, ledger, self._config, group)

    def _take_up(self, group: asyncio.TaskGroup) -> None:
        """What interrupted had no words: say on, or answer what was left unanswered.

        A cough must not leave the caller in silence.
        """
        if self._speaking.busy or not self._config.turn.create_reply:
            return
        unheard, self._speaking.unheard = self._speaking.unheard, ""
        if unheard:
            self._speak(Source(say=unheard), group)
        elif self._history.awaits_answer:
            self._speak(Source(), group)

    def _speak(
        self, source: Source, group: asyncio.TaskGroup, instructions: str | None = None
    ) -> None:
        ledger = self._ledger(self._clock.now_ns())
        self._speaking.begin(source, ledger, self._config, group, instructions)

    def _ledger(self, commit_ns: int) -> TurnLedger:
        self._turn += 1
        return TurnLedger(self._turn, self._config.budget, commit_ns)

    async def _stop(self, outcome: Outcome, played: int | None = None) -> None:
        await self._speaking.stop(outcome, played)
        self._listener.playing(False)

    def _answered(self, _turn: int) -> None:
        """Called where ``_played`` is, when the answer itself begins to sound."""
        self._speaking.first_audio()

    def _played(self, turn: int, state: Played) -> None:
        """Called by playout within the carrier's pull."""
        if state is Played.STARTED:
            self._speaking.any_audio()
        self._inbox.post(Lane.EVENTS, Playback(turn, state))
        # After posting: a turn that begins because the reply ended comes after it.
        self._listener.playing(state is Played.STARTED)

    async def _obey(self, command: Command, group: asyncio.TaskGroup) -> None:
        match command:
            case Received(text):
                for wanted in self._dialect.receive(text):
                    await self._obey(wanted, group)
            case Configure():
                self._config = configured(self._config, command)
                self._speaking.prepare(self._config, group)
                self._listener.configure(self._config.turn)
            case AddMessage(role, text):
                await self._speaking.drop_guess()  # it did not know this
                self._history.add(role, text)
            case CreateReply():
                await self._ask(command, group)
            case CancelReply() | ClearPlayback():
                await self._stop(Outcome.CANCELLED)
            case Truncate() | Hear() | CommitAudio() | ClearAudio():
                await self._obey_about_audio(command, group)
            case HangUp(reason):
                raise SessionEnded(reason)
            case _:
                assert_never(command)

    async def _obey_about_audio(
        self,
        command: Truncate | Hear | CommitAudio | ClearAudio,
        group: asyncio.TaskGroup,
    ) -> None:
        match command:
            case Truncate(turn, played_ms):
                if self._speaking.turn == turn:
                    await self._stop(Outcome.CANCELLED)
                self._speaking.truncate(turn, played_ms)
            case Hear(samples):
                self._listener.hear(samples)
            case CommitAudio():
                await self._catch_up(group)
                if not self._listener.commit():
                    self._dialect.refused(command)
                await self._catch_up(group)
            case ClearAudio():
                self._listener.clear()
            case _:
                assert_never(command)

    async def _ask(self, asked: CreateReply, group: asyncio.TaskGroup) -> None:
        """Answer, once the user's words are known."""
        if self._asked is not None or self._speaking.about_to_answer:
            self._dialect.refused(asked)
        elif self._speaking.listening:
            self._asked = asked
        else:
            await self._stop(Outcome.CANCELLED)
            source = Source(say=asked.say, metadata=asked.metadata)
            self._speak(source, group, asked.instructions)

    async def _answer_asked(self, group: asyncio.TaskGroup) -> None:
        if self._asked is not None and not self._speaking.busy:
            asked, self._asked = self._asked, None
            await self._ask(asked, group)

    async def _catch_up(self, group: asyncio.TaskGroup) -> None:
        """Listen to all audio that came, and act on it, before what follows."""
        while True:
            item = self._inbox.take_other(Lane.COMMANDS)
            if item is not None:
                await self._handle(item, group)
            elif self._listener.backlog_ms > 0:
                await asyncio.sleep(0)  # the listener's turn
            else:
                return

    async def _audio_made(self, turn: int, samples: Samples) -> None:
        await self._inbox.put(Lane.REPLY, AudioDelta(turn, samples))

    def _remind(self, reminder: Reminder) -> None:
        if len(self._reminders) >= MAX_REMINDERS:
            self._dialect.notify(Failed("timer", "too many timers in this call"))
        else:
            self._later(reminder.after_s, reminder.text)

    def _later(self, after_s: float, text: str) -> None:
        def due() -> None:
            self._reminders.discard(handle)
            if self._speaking.busy:
                self._later(REMIND_AGAIN_S, text)
            else:
                self.command(CreateReply({}, say=text))

        handle = asyncio.get_running_loop().call_later(after_s, due)
        self._reminders.add(handle)
