"""The life of the current reply: begun, generated, played, or stopped.

Generation and playing are two lives: each ends once, and the turn is over when both
have. Used by the session's one writer only; at most one reply is alive.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from voiceserver.audio import SPEECH_RATE
from voiceserver.budget import TurnLedger
from voiceserver.commands import CallSettings, call_key, reply_key, utterance_key
from voiceserver.engines.base import Message, Reminder
from voiceserver.errors import SessionEnded
from voiceserver.events import (
    AudioDelta,
    Outcome,
    Playback,
    Played,
    ReplyDone,
    ReplyStarted,
    TextDelta,
    ToolCalled,
    Transcript,
)
from voiceserver.overload import Load
from voiceserver.reply.heard import HeardText
from voiceserver.reply.playout import Outlet
from voiceserver.reply.reply import Reply
from voiceserver.reply.request import Source
from voiceserver.reply.stages import prepare_lines
from voiceserver.session.guessing import Guessing
from voiceserver.session.history import History, Said
from voiceserver.session.inbox import Inbox, Lane
from voiceserver.session.ports import CallParts, Dialect
from voiceserver.session.turn_account import TurnAccount

Generated = ReplyStarted | TextDelta | AudioDelta | ToolCalled | ReplyDone

CANCEL_LIMIT_S = 0.25  # for a cancelled reply to end; past it the call ends
REMEMBERED = 16  # replies that a client may still truncate


class Speaking:
    """Begins, follows and stops the replies of one call.

    Args:
        parts: Of the server.
        playout: Where replies sound.
        history: Gets what was said, cut to what was heard.
        inbox: Where a reply's events arrive.
        dialect: Is told.
        remind: Takes a reminder that a text model asked for.
        carrier: For metrics.

    Attributes:
        unheard: Text of the last reply that speech cut off, from the first word not
            heard; ``""`` once a turn has taken its place.
    """

    def __init__(
        self,
        parts: CallParts,
        playout: Outlet,
        history: History,
        inbox: Inbox,
        dialect: Dialect,
        remind: Callable[[Reminder], None],
        carrier: str,
    ) -> None:
        clock, metrics = parts.clock, parts.metrics
        self._config = parts.config
        self._engines = parts.engines
        self._playout = playout
        self._history = history
        self._inbox = inbox
        self._dialect = dialect
        self._clock = clock
        self._metrics = metrics
        self._remind = remind
        self._account = TurnAccount(parts.call_id, metrics, carrier)
        self._guessing = Guessing(
            self._held_reply, parts.config.budget, clock.now_ns, metrics
        )
        self._prepared: tuple[str, float] | None = None  # voice and speed
        self._preparing: asyncio.Task[None] | None = None
        self._fillers_said = 0
        self._turn = 0
        self._reply: Reply | None = None  # until generated and played, or stopped
        self._task: asyncio.Task[None] | None = None  # while it generates
        self._told = ""  # its text as told to the dialect
        self._lag = 0  # samples
        self._past: dict[int, tuple[str, HeardText, int]] = {}  # told, by turn
        self.unheard = ""

    @property
    def busy(self) -> bool:
        """Whether a reply is generated or sounds."""
        return self._reply is not None

    @property
    def turn(self) -> int:
        """Turn of the reply that is generated or sounds; 0 if none is."""
        return self._turn if self._reply is not None else 0

    @property
    def listening(self) -> bool:
        """Whether the reply still waits for the user's words, and will not answer."""
        reply = self._reply
        return reply is not None and not reply.source.answer and not reply.started

    @property
    def about_to_answer(self) -> bool:
        """Whether the user's words will be answered as soon as they are known."""
        reply = self._reply
        return (
            reply is not None
            and reply.source.answer
            and reply.source.number > 0
            and not reply.started
        )

    def begin(
        self,
        source: Source,
        ledger: TurnLedger,
        settings: CallSettings,
        group: asyncio.TaskGroup,
    ) -> None:
        """Start a reply; the caller has stopped the one before."""
        assert self._reply is None
        self._turn = ledger.turn
        self._told = ""
        lag_ms = self._config.media.client_playout_ms
        self._lag = lag_ms * SPEECH_RATE // 1000
        self._playout.begin(self._turn)
        answered = source.number if source.answer else 0
        begun = self._guessing.take(answered, settings) if answered else None
        if begun is not None:
            self._reply, self._task = begun
            self._reply.ledger.commit(ledger)
            ledger = self._reply.ledger
            self._reply.commit(self._turn, source)
        else:
            self._guessing.abandon()  # to other words, or in another voice
            self._reply = self._make(self._turn, source, settings, ledger)
            self._task = group.create_task(self._reply.run())
        ledger.spent += self._guessing.spent()
        self._account.open(ledger)

    async def guess(
        self, number: int, text: str, settings: CallSettings, group: asyncio.TaskGroup
    ) -> None:
        """The user's turn is likely to be over: begin a reply and hold it."""
        keeps_up = self._engines.overload.level is Load.NORMAL
        if self._reply is None and keeps_up:
            await self._guessing.guess(number, text, settings, group)

    async def drop_guess(self) -> None:
        """What was begun on a guess is of no use any more."""
        await self._guessing.drop()

    def prepare(self, settings: CallSettings, group: asyncio.TaskGroup) -> None:
        """Have the lines that bridge a delay spoken, in the call's voice."""
        wanted = (settings.voice, settings.speed)
        if wanted != self._prepared:
            self._prepared = wanted
            if self._preparing is not None:
                self._preparing.cancel()  # a client that tries every speed
            self._preparing = group.create_task(
                prepare_lines(self._engines, self._config.budget, *wanted)
            )

    def _held_reply(
        self, ledger: TurnLedger, settings: CallSettings, guess: str
    ) -> Reply:
        return self._make(0, Source(), settings, ledger, guess)

    def _make(
        self,
        turn: int,
        source: Source,
        settings: CallSettings,
        ledger: TurnLedger,
        guess: str = "",
    ) -> Reply:
        return Reply(
            turn,
            source,
            settings,
            self._engines,
            self._playout,
            ledger,
            self._clock.now_ns,
            lambda item: self._inbox.put(Lane.REPLY, item),
            lambda saying: self._messages(source, saying),
            guess,
            self._fillers_said,
        )

    def silence(self) -> int:
        """Stop the sound at once; return the samples that were played of the turn."""
        played = self._playout.played if self._playout.turn == self._turn else 0
        self._playout.flush(self._turn + 1)
        return played

    async def stop(self, outcome: Outcome, played: int | None = None) -> None:
        """Stop the reply: silence, cancel, wait, keep what was heard.

        Args:
            outcome: Told as the end of its generation, if that had not ended.
            played: What ``silence`` returned, if it was called already.

        Raises:
            SessionEnded: If an engine ignores the cancellation.
        """
        if played is None:
            played = self.silence()
        if self._task is not None:
            self._cancel(self._task)
            await asyncio.wait({self._task}, timeout=CANCEL_LIMIT_S)
            if not self._task.done():
                self._metrics.faults.labels("reply", "ignored_cancel").inc()
                raise SessionEnded("an engine did not stop in time")
        reply = self._reply
        if reply is None:
            return
        self._tell_rest(reply)
        if self._reply is not reply:
            return  # what was left to tell ended the turn
        if self._task is not None:
            self._end_generation(reply, outcome)
        self._cut(reply, played, outcome)
        self._close()

    def abandon(self) -> None:
        """The call is over: silence, and let the task group collect the reply."""
        self.silence()
        self._guessing.abandon()
        if self._preparing is not None:
            self._preparing.cancel()
        if self._task is not None:
            self._cancel(self._task)

    def _cancel(self, task: asyncio.Task[None]) -> None:
        if self._reply is not None:
            self._reply.stop()
        task.cancel()

    def heard_user(self, event: Transcript) -> None:
        """The user's words are settled: write them down, and tell."""
        self._write_down(event)
        if self._reply is None:
            return
        self._reply.proceed()
        if not self._reply.answers:
            self._task = None
            self._account.generated("unanswered")
            self._close()
        elif event.text:
            self.unheard = ""

    def truncate(self, turn: int, played_ms: int) -> None:
        """Keep of a reply that is over what the client says that it played."""
        if turn not in self._past:
            return
        text, made, filler = self._past[turn]
        heard = made.at(played_ms * SPEECH_RATE // 1000)
        text = text[: heard.characters]
        self._history.cut(reply_key(turn), text[filler:])
        event = Playback(turn, Played.CUT, played_ms, text, heard.exact)
        self._dialect.notify(event)

    def told(self, event: Generated) -> None:
        """The reply said something; what a stopped one said is ignored."""
        if event.turn != self._turn or self._task is None:
            return
        match event:
            case ReplyStarted():
                self._dialect.notify(event)
            case TextDelta(_, text):
                self._told += text
                self._dialect.notify(event)
            case AudioDelta():
                self._dialect.notify(event)
            case ToolCalled(_, call):
                self._remember(Said("assistant", "", call_key(call.call_id), (call,)))
                self._dialect.notify(event)
            case ReplyDone():
                self._generated(event)

    def playback(self, event: Playback) -> None:
        """The reply began to sound, or has sounded to its end."""
        if event.turn != self._turn or self._reply is None:
            return
        if event.state is Played.STARTED:
            self._dialect.notify(event)
        else:
            self._dialect.notify(
                self._heard(self._reply, Played.DONE, self._playout.played)
            )
            self._close()

    def any_audio(self) -> None:
        """The carrier took the first audio of the reply, if only of a filler."""
        self._account.any_audio(self._clock.now_ns())

    def first_audio(self) -> None:
        """The carrier took the first audio of the answer."""
        self._account.first_audio(self._clock.now_ns())

    def _generated(self, event: ReplyDone) -> None:
        self._task = None
        text = self._answer_in(event.text)
        self._remember(Said("assistant", text, reply_key(event.turn)))
        self._account.generated(event.outcome.value)
        reply = self._reply
        if reply is not None and reply.fault is not None:
            kind = type(reply.fault).__name__
            self._metrics.faults.labels("reply", kind).inc()
        self._dialect.notify(event)
        if reply is not None and not reply.spoke:
            self._close()

    def _tell_rest(self, reply: Reply) -> None:
        """Tell what the reply said before it was stopped and nobody has read yet."""
        for item in self._inbox.drain(Lane.REPLY):
            if isinstance(item, Transcript):
                self.heard_user(item)
            elif isinstance(item, ReplyStarted | TextDelta | ToolCalled | ReplyDone):
                self.told(item)
            elif isinstance(item, Reminder):
                self._remind(item)
        if reply.source.number and reply.transcript is None:
            # Stopped while recognising: the newest words must do, none are lost.
            text = reply.latest.text
            self._write_down(Transcript(reply.source.number, text, final=True))

    def _write_down(self, event: Transcript) -> None:
        said = Said("user", event.text, utterance_key(event.utterance))
        self._history.add(said)
        self._dialect.notify(event)

    def _end_generation(self, reply: Reply, outcome: Outcome) -> None:
        self._task = None
        self._account.generated(outcome.value)
        text = self._answer_in(self._told)
        self._remember(Said("assistant", text, reply_key(self._turn)))
        if reply.started:
            by = self._account.answered_by
            self._dialect.notify(ReplyDone(self._turn, self._told, outcome, by))

    def _cut(self, reply: Reply, played: int, outcome: Outcome) -> None:
        if reply.text_only:
            return  # read as it came
        heard = ""
        if played:
            event = self._heard(reply, Played.CUT, max(0, played - self._lag))
            heard = event.heard
            self._dialect.notify(event)
        self._history.cut(reply_key(self._turn), self._answer_in(heard))
        if outcome is Outcome.INTERRUPTED and played:
            unheard = self._answer_in(self._told)[len(self._answer_in(heard)) :]
            self.unheard = unheard.strip()

    def _heard(self, reply: Reply, state: Played, played: int) -> Playback:
        heard = reply.heard.at(played)
        text = self._told[: heard.characters]
        heard_ms = played * 1000 // SPEECH_RATE
        return Playback(self._turn, state, heard_ms, text, heard.exact)

    def _answer_in(self, text: str) -> str:
        """A filler is told and played, and never remembered."""
        return self._reply.strip(text) if self._reply is not None else text

    def _remember(self, said: Said) -> None:
        if self._reply is not None and not self._reply.source.aside:
            self._history.add(said)

    def _messages(self, source: Source, saying: str) -> tuple[Message, ...]:
        if source.messages is not None:
            return source.messages
        return messages_of(self._history, saying)

    def _close(self) -> None:
        """The turn is over: write its ledger line."""
        reply = self._reply
        if reply is not None:
            self._fillers_said += reply.filled
        if reply is not None and reply.spoke:
            filler = len(reply.preface)
            self._past[self._turn] = (self._told, reply.heard, filler)
            if len(self._past) > REMEMBERED:
                del self._past[next(iter(self._past))]
        self._reply = None
        record = self._account.close()
        if record is not None:
            self._dialect.account(record)


def messages_of(history: History, saying: str = "") -> tuple[Message, ...]:
    """The conversation as a text model takes it, and what the user says now."""
    return tuple(
        Message(said.role, said.text, said.calls, said.call_id)
        for said in history.messages(saying)
    )
