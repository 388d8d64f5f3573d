"""One conversation: the tasks of a call, and the one writer of its state.

A session is one ``TaskGroup``: ``listen`` (the listener), ``converse`` (here, run by
the session's own task) and at most one reply. The carrier's pulls drive playout.
Only ``converse`` reads the inbox, writes history, starts or cancels a reply and calls
the dialect. Who speaks, and what follows from what happened, ``turns.floor`` decides;
here it is carried out. It knows no protocol, no transport and no engine by name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import assert_never

from voiceserver.audio import MIC_RATE, Samples
from voiceserver.budget import TurnLedger
from voiceserver.commands import (
    AddMessage,
    Attach,
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
    OfReplies,
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
    KeyPressed,
    Playback,
    Played,
    UserTurn,
)
from voiceserver.reply.playout import Notices, Outlet
from voiceserver.reply.request import Source
from voiceserver.reply.stages import Rehearsal
from voiceserver.session.asides import Asides
from voiceserver.session.door import MESSAGES_RING_MS, Door
from voiceserver.session.history import History, Said
from voiceserver.session.inbox import Hint, Inbox, Item, Lane
from voiceserver.session.leaving import Leaving, fault
from voiceserver.session.loop_share import LoopShares
from voiceserver.session.microphone.listener import RING_MS, Listener
from voiceserver.session.ports import CallParts, Carrier, NoTools, Opened, OwnTools
from voiceserver.session.speaking import Speaking, messages_of
from voiceserver.session.timers import Patience, Reminders
from voiceserver.streams import raise_if_cancelled
from voiceserver.turns.actions import (
    Action,
    AnswerConversation,
    AwaitUser,
    Begin,
    BreakSilence,
    Generated,
    Guess,
    Leave,
    Refuse,
    Say,
    Stop,
    TakeTurn,
    Tell,
)
from voiceserver.turns.floor import Floor

# What the text model is told in place of a user's turn.
SILENCE = "The user has been silent since. Ask briefly whether they are still there."


class _HungUp(Exception):
    """A command to end the call, on its way out of the loop."""

    def __init__(self, command: HangUp) -> None:
        super().__init__(command.reason)
        self.command = command


class Session:
    """One conversation between a carrier and the engines.

    Args:
        parts: Of the server.
        opened: Renders this call; the settings that it starts with.
        outlet: Where replies sound; the carrier's.
        carrier: How audio moves: in events, or given with ``hear`` and pulled from
            the outlet.
        own_tools: What the carrier offers to the text model.

    Attributes:
        hear: Takes microphone audio, 16 kHz mono, or what stands for it; never
            raises. The listener's own.
        door: For messages that may wait, and for sidebands.
        shares: What its senders' messages took of the event loop.
    """

    def __init__(
        self,
        parts: CallParts,
        opened: Opened,
        outlet: Outlet,
        carrier: Carrier,
        own_tools: OwnTools | None = None,
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
        self._floor = Floor(lambda: self._settings.turn)
        self._overload = engines.overload
        self._rehearsal = Rehearsal(engines, config.budget)
        self._leaving = Leaving(self._post)
        self._reminders = Reminders(
            lambda: self._floor.busy,
            lambda text: self._post(CreateReply(say=text, patient=True)),
        )
        self._listener = Listener(
            opened.settings.turn,
            engines,
            self.happens,
            outlet.duck,
            clock,
            metrics.dropped.labels("microphone").inc,
            hint=lambda *hint: self.happens(Hint(*hint)),
            ring_ms=MESSAGES_RING_MS if carrier.in_events else RING_MS,
            hearing=opened.settings.hearing,
            sounded=lambda last_ms: self._speaking.sounded(last_ms),
            purse=parts.purse,
            tape=parts.tape,
        )
        outlet.report_to(
            Notices(
                self._played, self._sounds, self._audio_made, self._listener.own_audio
            )
        )
        self.hear = self._listener.hear
        self.shares = LoopShares(clock)
        self.door = Door(self._inbox, self._listener, self.shares)
        self._purse = parts.purse
        self._tape = parts.tape
        self._speaking = Speaking(
            parts,
            outlet,
            self._history,
            self._inbox,
            dialect,
            carrier.name,
            own_tools or NoTools(),
            self._post,
        )
        heard = self._listener
        self._patience = Patience(lambda at: self.happens(IdleElapsed(at, heard.now)))
        self._asides = Asides(parts, self._history, self._inbox, dialect, carrier.name)

    @property
    def answers(self) -> bool:
        """Whether turns are answered by themselves, not at the client's word."""
        return self._settings.turn.create_reply

    def happens(self, event: Event | Hint) -> None:
        """Take what a part of the call has noticed; handled in its turn."""
        if isinstance(event, KeyPressed):
            self._tape.brought(event)
        self._inbox.post(Lane.EVENTS, event)

    def _sounds(self, _turn: int) -> None:
        self._speaking.first_audio()

    def receive(self, text: str) -> None:
        """Take a message of the client; handed to the dialect in its turn."""
        self._inbox.post(Lane.COMMANDS, Received(text))

    def command(self, command: Command) -> None:
        """Take a command; too many unhandled ones end the call with a reason."""
        self._tape.brought(command)
        self._post(command)

    def _post(self, command: Command) -> None:
        """Take a command of a part of the call."""
        self._inbox.post(Lane.COMMANDS, command)

    async def run(self) -> str:
        """Hold the conversation until it ends; return the reason.

        Cancelling it ends the conversation too. Never raises for what engines,
        dialect or client did.
        """
        end = HangUp("cancelled", "closing")
        try:
            async with asyncio.TaskGroup() as group:
                listening = group.create_task(self._listener.run())
                self._rehearsal.begin(self._settings, group)
                try:
                    end = await self._converse(group)
                finally:
                    listening.cancel()
                    self._abandon(end)
        except* Exception as failed:  # noqa: BLE001 - the session edge
            end = fault(failed, self._call_id, self._metrics)
        raise_if_cancelled()
        return end.reason

    def never_began(self, end: HangUp) -> None:
        """The call is over before it ran: tell those who came by already."""
        for item in self._inbox.drain(Lane.COMMANDS):
            if isinstance(item, Attach):
                self._dialect.attach(item)
        self._abandon(end)

    async def _converse(self, group: asyncio.TaskGroup) -> HangUp:
        """Handle the inbox until the call ends; return why."""
        try:
            self._dialect.opened()
            while True:
                await self._handle(*await self._inbox.get(), group)
                waiting = self._floor.free(self._clock.now_ns())
                await self._carry_out(waiting, group)
                if self._leaving.end is not None and not self._floor.busy:
                    return self._leaving.end
        except _HungUp as hung_up:
            return hung_up.command
        except SessionEnded as ended:
            return HangUp(str(ended), "fault")
        except Exception as error:  # noqa: BLE001 - the session edge
            raise_if_cancelled()
            return fault(error, self._call_id, self._metrics)

    def _abandon(self, end: HangUp) -> None:
        """The call is over: nothing sounds, nothing is waited for, the client knows."""
        self.door.close()
        self._leaving.close()
        self._reminders.close()
        self._patience.ended()
        self._rehearsal.abandon()
        self._speaking.abandon()
        self._asides.abandon()
        self._dialect.closed(end)

    async def _handle(self, lane: Lane, item: Item, group: asyncio.TaskGroup) -> None:
        if isinstance(item, Reminder):
            self._remind(item)
        elif isinstance(item, Hint):
            load = self._overload.level
            guesses = self._floor.foreseen(
                item.utterance, item.text, load, item.language
            )
            await self._carry_out(guesses, group)
        elif isinstance(item, Command):
            await self._obey(item, group)
        elif lane is Lane.ASIDES and isinstance(item, Generated):
            self._asides.notify(item)
        else:
            if isinstance(item, BargeIn | KeyPressed):
                self._leaving.interrupted()
            await self._carry_out(self._floor.happened(item, self._speaking), group)

    async def _carry_out(
        self, actions: Sequence[Action], group: asyncio.TaskGroup
    ) -> None:
        """Do what was decided, in order."""
        for action in actions:
            match action:
                case Tell(event):
                    if isinstance(event, UserTurn):
                        self._speaking.expect(event.utterance)
                    self._dialect.notify(event)
                case Refuse(command):
                    self._dialect.refused(command)
                case AwaitUser(limit_ms):
                    self._patience.began(self._listener.now, limit_ms)
                case Guess(utterance, text, language):
                    settings = self._settings
                    await self._speaking.guess(
                        utterance, text, settings, group, language
                    )
                case Stop() | Leave():
                    await self._end_of(action, group)
                case TakeTurn() | Say() | AnswerConversation() | BreakSilence():
                    self._begin(action, group)
                case _:
                    self._speaking.obey(action)

    async def _end_of(self, action: Stop | Leave, group: asyncio.TaskGroup) -> None:
        """End the reply, or the call."""
        match action:
            case Stop():
                await self._stop(group)
            case Leave(reason, farewell):
                await self._leave(HangUp(reason, farewell=farewell), group)
            case _:
                assert_never(action)

    async def _stop(self, group: asyncio.TaskGroup) -> None:
        """Stop the reply; tell what it said before that and nobody has read yet."""
        await self._speaking.stop()
        for item in self._inbox.drain(Lane.REPLY):
            if isinstance(item, Reminder):
                self._remind(item)
            elif isinstance(item, Event):
                actions = self._floor.happened(item, self._speaking)
                await self._carry_out(actions, group)
        self._listener.playing(False)
        await self._carry_out(self._floor.stopped(self._speaking), group)

    def _begin(self, action: Begin, group: asyncio.TaskGroup) -> None:
        """Start the reply that was decided on; the one before is over."""
        settings, commit_ns = self._settings, self._clock.now_ns()
        match action:
            case TakeTurn(_, user, answer):
                heard = self._listener.take(user.utterance)
                source = Source(user.utterance, heard, answer)
                commit_ns = user.decided_ns
            case Say(_, text):
                source = Source(say=text)
            case AnswerConversation(_, asked):
                source = Source() if asked is None else Source.of(asked)
                if asked is not None and asked.settings is not None:
                    settings = asked.settings
            case BreakSilence():
                silence = Message("system", SILENCE)
                source = Source(messages=(*messages_of(self._history), silence))
            case _:
                assert_never(action)
        ledger = self._ledger(action.turn, commit_ns)
        if isinstance(action, TakeTurn):
            ledger.endpoint_reason = action.user.reason
            waited = action.user.decided_at - action.user.at
            ledger.endpoint_ms = waited * 1000 / MIC_RATE
        self._speaking.begin(source, ledger, settings, group)

    def _ledger(self, turn: int, commit_ns: int) -> TurnLedger:
        budget = self._config.budget
        purse, call = self._purse, self._call_id
        return TurnLedger(turn, budget, commit_ns, purse=purse, call=call)

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
                await asyncio.sleep(0)  # messages may come without a pause
                share = self.shares.of(sender)
                with share.taken():
                    active = self._floor.active
                    commands = iter(self._dialect.receive(text, sender, active))
                    wanted = next(commands, None)
                while wanted is not None:
                    await self._obey(wanted, group)
                    await asyncio.sleep(0)  # one message may be much work
                    with share.taken():
                        wanted = next(commands, None)
            case Configure() | AddMessage() | DeleteMessage() | Attach():
                await self._obey_about_conversation(command, group)
            case CreateReply() | CancelReply() | ClearPlayback():
                await self._obey_about_replies(command, group)
            case Truncate() | Hear() | CommitAudio() | ClearAudio():
                await self._obey_about_audio(command, group)
            case HangUp(farewell=None):
                raise _HungUp(command)
            case HangUp():
                await self._leave(command, group)
            case _:
                assert_never(command)

    async def _leave(self, end: HangUp, group: asyncio.TaskGroup) -> None:
        """End the call once its farewell, or what sounds, has been heard."""
        self._leaving.begin(end)
        if end.farewell:
            say = CreateReply(say=end.farewell)
            await self._carry_out(self._floor.asked(say, self._speaking), group)

    async def _obey_about_replies(
        self, command: OfReplies, group: asyncio.TaskGroup
    ) -> None:
        match command:
            case CreateReply(aside=True):
                self._answer_aside(command, group)
                return
            case CancelReply(turn):
                if await self._asides.cancel(turn):
                    return
            case CreateReply() | ClearPlayback():
                pass
            case _:
                assert_never(command)
        await self._carry_out(self._floor.asked(command, self._speaking), group)

    async def _obey_about_conversation(
        self, command: OfConversation, group: asyncio.TaskGroup
    ) -> None:
        match command:
            case Configure():
                self._settings = command.settings
                self._rehearsal.begin(self._settings, group)
                self._listener.configure(self._settings.turn, self._settings.hearing)
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
                stops = self._floor.asked(command, self._speaking)
                await self._carry_out(stops, group)
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

    def _answer_aside(self, asked: CreateReply, group: asyncio.TaskGroup) -> None:
        settings = asked.settings or self._settings
        ledger = self._ledger(self._floor.beside(), self._clock.now_ns())
        if not self._asides.begin(Source.of(asked), ledger, settings, group):
            self._dialect.refused(asked)

    async def _catch_up(self, group: asyncio.TaskGroup) -> None:
        """Listen to all audio that came, and act on it, before what follows."""
        while True:
            arrival = self._inbox.take_other(Lane.COMMANDS)
            if arrival is not None:
                await self._handle(*arrival, group)
            elif self._listener.backlog_ms > 0:
                self._listener.hurry()
                await asyncio.sleep(0)  # its turn
            else:
                return

    async def _audio_made(self, turn: int, samples: Samples) -> None:
        await self._inbox.put(Lane.REPLY, AudioDelta(turn, samples))

    def _remind(self, reminder: Reminder) -> None:
        if not self._reminders.add(reminder):
            self._dialect.notify(Failed("timer", "too many timers in this call"))
