"""One conversation: the tasks of a call, and the one writer of its state.

A session is one ``TaskGroup``: ``listen`` (the listener), ``converse`` (here, run by
the session's own task) and at most one reply. The carrier's pulls drive playout.
Only ``converse`` reads the inbox, writes history, starts or cancels a reply and calls
the dialect. It knows no protocol, no transport and no engine by name.
"""

from __future__ import annotations

import asyncio
from typing import assert_never

from voiceserver.audio import MIC_RATE, Samples
from voiceserver.budget import TurnLedger
from voiceserver.commands import (
    AddMessage,
    Attach,
    CallSettings,
    CancelReply,
    ClearAudio,
    ClearPlayback,
    Command,
    CommitAudio,
    Configure,
    CreateReply,
    DeleteMessage,
    HangUp,
    Hear,
    OfAudio,
    OfConversation,
    Received,
    Truncate,
)
from voiceserver.engines.base import Message, Reminder
from voiceserver.errors import SessionEnded
from voiceserver.events import (
    AudioDelta,
    BargeIn,
    Event,
    Failed,
    IdleElapsed,
    Outcome,
    Playback,
    Played,
    SpeechStarted,
    Transcript,
    UserTurn,
)
from voiceserver.reply.playout import Notices, Outlet
from voiceserver.reply.request import Source
from voiceserver.session.asides import Asides
from voiceserver.session.door import MESSAGES_RING_MS, Door
from voiceserver.session.faults import told_of
from voiceserver.session.history import History, Said
from voiceserver.session.inbox import Hint, Inbox, Item, Lane
from voiceserver.session.listener import RING_MS, Listener
from voiceserver.session.ports import CallParts, Carrier, Opened
from voiceserver.session.speaking import Generated, Speaking, messages_of
from voiceserver.session.timers import Patience, Reminders
from voiceserver.session.unanswered import Unanswered
from voiceserver.streams import raise_if_cancelled

# What the text model is told in place of a user's turn.
SILENCE = "The user has been silent since. Ask briefly whether they are still there."


class Session:
    """One conversation between a carrier and the engines.

    Args:
        parts: Of the server.
        opened: Renders this call; the settings that it starts with.
        outlet: Where replies sound; the carrier's.
        carrier: How audio moves: in events, or given with ``hear`` and pulled from
            the outlet.

    Attributes:
        door: For messages that may wait, and for sidebands.
    """

    def __init__(
        self, parts: CallParts, opened: Opened, outlet: Outlet, carrier: Carrier
    ) -> None:
        config, engines, clock = parts.config, parts.engines, parts.clock
        metrics, dialect = parts.metrics, opened.dialect
        self._call_id = parts.call_id
        self._config = config
        self._settings = opened.settings
        self._dialect = dialect
        self._clock = clock
        self._metrics = metrics
        self._inbox = Inbox()
        self._history = History()
        self._reminders = Reminders(
            lambda: self._speaking.busy,
            lambda text: self.command(CreateReply(say=text)),
        )
        self._turn = 0  # number of the last turn begun
        self._asked: CreateReply | None = None  # waits for the user's words
        self._unanswered = Unanswered()
        outlet.report_to(Notices(self._played, self._sounds, self._audio_made))
        self._listener = Listener(
            opened.settings.turn,
            engines,
            self.happens,
            outlet.duck,
            clock,
            lambda n: metrics.dropped.labels("microphone").inc(n),
            hint=lambda *hint: self.happens(Hint(*hint)),
            ring_ms=MESSAGES_RING_MS if carrier.in_events else RING_MS,
        )
        self.door = Door(self._inbox, self._listener)
        self._speaking = Speaking(
            parts,
            outlet,
            self._history,
            self._inbox,
            dialect,
            self._remind,
            carrier.name,
        )
        heard = self._listener
        self._patience = Patience(lambda at: self.happens(IdleElapsed(at, heard.now)))
        self._asides = Asides(engines, self._history, self._inbox, dialect, clock)

    def happens(self, event: Event | Hint) -> None:
        """Take what a part of the call has noticed; handled in its turn."""
        self._inbox.post(Lane.EVENTS, event)

    def _sounds(self, _turn: int) -> None:
        self._speaking.first_audio()

    def hear(self, samples: Samples, made_up: bool = False) -> None:
        """Take microphone audio, 16 kHz mono, or what stands for it; never raises."""
        self._listener.hear(samples, made_up)

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
                self._speaking.prepare(self._settings, group)
                try:
                    reason = await self._converse(group)
                finally:
                    listening.cancel()
                    self._abandon(reason)
        except* Exception as failed:  # noqa: BLE001 - the session edge
            reason = told_of(failed, self._call_id, self._metrics)
        raise_if_cancelled()
        return reason

    async def _converse(self, group: asyncio.TaskGroup) -> str:
        """Handle the inbox until the call ends; return the reason."""
        try:
            self._dialect.opened()
            while True:
                await self._handle(await self._inbox.get(), group)
                await self._answer_waiting(group)
        except SessionEnded as ended:
            return str(ended)
        except Exception as error:  # noqa: BLE001 - the session edge
            raise_if_cancelled()
            return told_of(error, self._call_id, self._metrics)

    def _abandon(self, reason: str) -> None:
        """The call is over: nothing sounds, nothing is waited for, the client knows."""
        self.door.close()
        self._reminders.close()
        self._patience.ended()
        self._speaking.abandon()
        self._asides.abandon()
        self._dialect.closed(reason)

    async def _handle(self, item: Item, group: asyncio.TaskGroup) -> None:
        if isinstance(item, Reminder):
            self._remind(item)
        elif isinstance(item, Hint):
            if self._settings.turn.create_reply:
                guess = item.utterance, item.text, self._settings
                await self._speaking.guess(*guess, group)
        elif isinstance(item, Command):
            await self._obey(item, group)
        else:
            await self._happened(item, group)

    async def _happened(self, event: Event, group: asyncio.TaskGroup) -> None:
        match event:
            case SpeechStarted():
                self._patience.ended()
                self._dialect.notify(event)
                if self._settings.turn.interrupt:
                    # The user goes on before the answer is heard: it is stale.
                    await self._stop(Outcome.INTERRUPTED)
            case BargeIn():
                played = self._speaking.silence()  # before anything else
                self._dialect.notify(event)
                await self._stop(Outcome.INTERRUPTED, played)
            case UserTurn():
                await self._commit(event, group)
            case Transcript(final=True):
                self._speaking.heard_user(event)
                if not event.text:
                    self._take_up(group)
            case _ if isinstance(event, Generated):
                self._told(event)
            case Playback():
                self._sounded(event)
            case IdleElapsed():
                self._speak_up(event, group)
            case _:
                self._dialect.notify(event)

    def _told(self, event: Generated) -> None:
        if not self._asides.told(event):
            self._speaking.told(event)

    async def _commit(self, event: UserTurn, group: asyncio.TaskGroup) -> None:
        turn = self._settings.turn
        if self._unanswered.keep(event, turn, self._speaking.busy):
            self._dialect.notify(event)
            return
        # Alive only if a reply was asked for meanwhile, or the client commits.
        await self._stop(Outcome.INTERRUPTED)
        self._dialect.notify(event)
        self._take_turn(event, group)

    def _take_turn(self, event: UserTurn, group: asyncio.TaskGroup) -> None:
        """Write a turn down and answer it, unless another waits behind it."""
        ledger = self._ledger(event.decided_ns)
        ledger.endpoint_reason = event.reason
        ledger.endpoint_ms = (event.decided_at - event.at) * 1000 / MIC_RATE
        answer = self._settings.turn.create_reply and not self._unanswered
        heard = self._listener.take(event.utterance)
        source = Source(event.utterance, heard, answer)
        self._speaking.begin(source, ledger, self._settings, group)

    def _sounded(self, event: Playback) -> None:
        self._speaking.playback(event)
        if event.state is Played.DONE and not self._speaking.busy:
            self._patience.began(self._listener.now, self._settings.turn.idle_ms)

    def _speak_up(self, event: IdleElapsed, group: asyncio.TaskGroup) -> None:
        """The user has been silent for long after a reply: say something."""
        if self._speaking.busy or not self._settings.turn.idle_ms:
            return
        self._dialect.notify(event)
        if self._settings.turn.create_reply:
            messages = (*messages_of(self._history), Message("system", SILENCE))
            self._speak(Source(messages=messages), group)

    def _take_up(self, group: asyncio.TaskGroup) -> None:
        """What interrupted had no words: say on, or answer: no cough ends all."""
        if self._speaking.busy or not self._settings.turn.create_reply:
            return
        unheard, self._speaking.unheard = self._speaking.unheard, ""
        if unheard:
            self._speak(Source(say=unheard), group)
        elif self._history.awaits_answer:
            self._speak(Source(), group)

    def _speak(
        self,
        source: Source,
        group: asyncio.TaskGroup,
        settings: CallSettings | None = None,
    ) -> None:
        self._patience.ended()
        ledger = self._ledger(self._clock.now_ns())
        self._speaking.begin(source, ledger, settings or self._settings, group)

    def _ledger(self, commit_ns: int) -> TurnLedger:
        self._turn += 1
        return TurnLedger(self._turn, self._config.budget, commit_ns)

    async def _stop(self, outcome: Outcome, played: int | None = None) -> None:
        await self._speaking.stop(outcome, played)
        self._listener.playing(False)

    def _played(self, turn: int, state: Played) -> None:
        """Called by playout within the carrier's pull."""
        if state is Played.STARTED:
            self._speaking.any_audio()
        self.happens(Playback(turn, state))
        # After posting: a turn that begins because the reply ended comes after it.
        self._listener.playing(state is Played.STARTED)

    async def _obey(self, command: Command, group: asyncio.TaskGroup) -> None:
        match command:
            case Received(text, sender):
                for wanted in self._dialect.receive(text, sender):
                    await self._obey(wanted, group)
            case Configure() | AddMessage() | DeleteMessage() | Attach():
                await self._obey_about_conversation(command, group)
            case CreateReply():
                await self._ask(command, group)
            case CancelReply(turn) if self._asides.cancel(turn):
                pass
            case CancelReply() | ClearPlayback():
                await self._stop(Outcome.CANCELLED)
            case Truncate() | Hear() | CommitAudio() | ClearAudio():
                await self._obey_about_audio(command, group)
            case HangUp(reason):
                raise SessionEnded(reason)
            case _:
                assert_never(command)

    async def _obey_about_conversation(
        self, command: OfConversation, group: asyncio.TaskGroup
    ) -> None:
        match command:
            case Configure():
                self._settings = command.settings
                self._speaking.prepare(self._settings, group)
                self._listener.configure(self._settings.turn)
            case AddMessage(role, text, key, after, calls, call_id):
                await self._speaking.drop_guess()  # it did not know this
                self._history.add(Said(role, text, key, calls, call_id), after)
            case DeleteMessage(key):
                await self._speaking.drop_guess()
                self._history.delete(key)
            case Attach():
                self._dialect.attach(command)
            case _:
                assert_never(command)

    async def _obey_about_audio(
        self, command: OfAudio, group: asyncio.TaskGroup
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
        about_to_answer = self._unanswered.answered or self._speaking.about_to_answer
        if asked.aside:
            self._answer_aside(asked, group)
        elif self._asked is not None or about_to_answer:
            self._dialect.refused(asked)
        elif self._speaking.listening or self._unanswered:
            self._asked = asked
        else:
            await self._stop(Outcome.CANCELLED)
            self._speak(Source.of(asked), group, asked.settings)

    def _answer_aside(self, asked: CreateReply, group: asyncio.TaskGroup) -> None:
        settings = asked.settings or self._settings
        ledger = self._ledger(self._clock.now_ns())
        if not self._asides.begin(Source.of(asked), ledger, settings, group):
            self._dialect.refused(asked)

    async def _answer_waiting(self, group: asyncio.TaskGroup) -> None:
        if self._speaking.busy:
            return
        if self._unanswered:
            self._take_turn(self._unanswered.next(self._clock.now_ns()), group)
        elif self._asked is not None:
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
        if not self._reminders.add(reminder):
            self._dialect.notify(Failed("timer", "too many timers in this call"))
