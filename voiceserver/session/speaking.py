"""The current reply as it is carried out: begun, followed, silenced, ended, accounted.

Generation and playing are two lives: each ends once, and the turn is over when both
have. What becomes of it is decided elsewhere (``turns.floor``). Used by the session's
one writer only; at most one reply is alive.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import assert_never

from voiceserver.audio import SPEECH_RATE
from voiceserver.budget import TurnLedger
from voiceserver.commands import (
    CallSettings,
    Command,
    call_key,
    reply_key,
    utterance_key,
)
from voiceserver.engines.base import Message
from voiceserver.errors import SessionEnded
from voiceserver.events import (
    AudioDelta,
    FormFilled,
    Outcome,
    Playback,
    Played,
    ReplyDone,
    ReplyStarted,
    TextDelta,
    ToolCalled,
    Transcript,
)
from voiceserver.reply.heard import HeardText
from voiceserver.reply.playout import Outlet
from voiceserver.reply.reply import Reply
from voiceserver.reply.request import Source
from voiceserver.session.guessing import Guessing
from voiceserver.session.history import History, Said
from voiceserver.session.inbox import Inbox, Lane
from voiceserver.session.own_functions import OwnFunctions
from voiceserver.session.ports import CallParts, Dialect, OwnTools
from voiceserver.session.turn_account import TurnAccount
from voiceserver.turns.actions import (
    Close,
    Cut,
    EndReply,
    Follow,
    Generated,
    OfReply,
    Silence,
    WriteDown,
)

CANCEL_LIMIT_S = 0.25  # for a cancelled reply to end; past it the call ends
# Passes of the loop that it is given besides: where others held the loop for so long,
# time has passed and the reply has not had its turn.
CANCEL_PASSES = 100
BEGUN = (
    SPEECH_RATE * 3 // 10
)  # samples of a word that has begun, at most, to its middle
REMEMBERED = 16  # replies that a client may still truncate


class Speaking:
    """Carries out what is decided about the replies of one call; their ``Standing``.

    Args:
        parts: Of the server.
        playout: Where replies sound.
        history: Gets what was said, cut to what was heard.
        inbox: Where a reply's events arrive.
        dialect: Is told.
        carrier: For metrics.
        own_tools: What the carrier offers to the text model.
        command: Takes what follows from a call of one of them.
    """

    def __init__(
        self,
        parts: CallParts,
        playout: Outlet,
        history: History,
        inbox: Inbox,
        dialect: Dialect,
        carrier: str,
        own_tools: OwnTools,
        command: Callable[[Command], None],
    ) -> None:
        self._functions = OwnFunctions(own_tools, command)
        clock, metrics = parts.clock, parts.metrics
        self._config = parts.config
        self._engines = parts.engines
        self._playout = playout
        self._history = history
        self._inbox = inbox
        self._dialect = dialect
        self._clock = clock
        self._metrics = metrics
        self._account = TurnAccount(
            parts.call_id, metrics, carrier, parts.purse, parts.journal
        )
        self._guessing = Guessing(self._held_reply, parts)
        self._fillers_said = 0
        self._turn = 0
        self._reply: Reply | None = None  # until generated and played, or stopped
        self._task: asyncio.Task[None] | None = None  # while it generates
        self._told = ""  # its text as told to the dialect
        self._placed = False  # it has its place in the history
        self._lag = 0  # samples
        self._past: dict[int, tuple[str, HeardText, int]] = {}  # told, by turn
        self._played = 0  # samples of the turn when it was silenced
        self._over = False  # all of it had sounded by then

    @property
    def begun(self) -> bool:
        """Whether the reply has begun to answer, even if that was not told yet."""
        return self._reply is not None and self._reply.started

    @property
    def answers(self) -> bool:
        """Whether the reply will answer, now that the user's words are settled."""
        return self._reply is not None and self._reply.answers

    @property
    def spoke(self) -> bool:
        """Whether any audio was made of the reply."""
        return self._reply is not None and self._reply.spoke

    @property
    def words(self) -> str:
        """The user's words that the reply is to, as far as they are known."""
        return self._reply.latest.text if self._reply is not None else ""

    @property
    def unheard(self) -> str | None:
        """The stopped reply from its first word not heard; None if none was heard."""
        reply = self._reply
        if reply is None or reply.text_only or not self._played:
            return None
        heard = self._heard(reply, Played.CUT, self._at_the_ear).heard
        return self._answer_in(self._told)[len(self._answer_in(heard)) :].strip()

    def sounded(self, last_ms: float) -> str:
        """Words of the reply that were played in the last so many ms; ``""`` if none.

        A word that has just begun is among them.
        """
        if self._reply is None or self._playout.turn != self._turn:
            return ""
        n_samples = int(last_ms * SPEECH_RATE / 1000)
        played = self._playout.played
        made = self._reply.heard
        begin = made.at(max(0, played - n_samples)).characters
        return self._told[begin : made.at(played + BEGUN).characters]

    @property
    def awaits_answer(self) -> bool:
        """Whether the user spoke last in the conversation."""
        return self._history.awaits_answer

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
        self._placed = False
        self._played = 0
        self._over = False
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
        self,
        number: int,
        text: str,
        settings: CallSettings,
        group: asyncio.TaskGroup,
        language: str = "",
    ) -> None:
        """The user's turn is likely to be over: begin a reply and hold it."""
        await self._guessing.guess(number, text, settings, group, language)

    async def drop_guess(self) -> None:
        """What was begun on a guess is of no use any more."""
        await self._guessing.drop()
        if self._reply is not None:
            self._reply.forget_draft()

    def _held_reply(
        self, ledger: TurnLedger, settings: CallSettings, guess: str, language: str
    ) -> Reply:
        return self._make(0, Source(), settings, ledger, guess, language)

    def _make(
        self,
        turn: int,
        source: Source,
        settings: CallSettings,
        ledger: TurnLedger,
        guess: str = "",
        language: str = "",
    ) -> Reply:
        return Reply(
            turn,
            source,
            self._functions.beside(settings),
            self._engines,
            self._playout,
            ledger,
            self._clock.now_ns,
            lambda item: self._inbox.put(Lane.REPLY, item),
            lambda saying: self._messages(source, saying),
            guess,
            self._fillers_said,
            language,
        )

    def obey(self, action: OfReply) -> None:
        """Carry out what was decided about the reply, at once."""
        match action:
            case WriteDown(transcript):
                self._write_down(transcript)
            case Follow(event):
                self._follow(event)
            case Silence():
                self._silence()
            case EndReply(outcome, told):
                self._end_generation(outcome, told)
            case Cut():
                self._cut()
            case Close(answered):
                self._close(answered)
            case _:
                assert_never(action)

    async def stop(self) -> None:
        """Silence and cancel the reply, and wait; it says nothing from then on.

        Raises:
            SessionEnded: If an engine ignores the cancellation.
        """
        self._silence()
        if self._task is None:
            return
        self._cancel(self._task)
        await asyncio.wait({self._task}, timeout=CANCEL_LIMIT_S)
        for _ in range(CANCEL_PASSES):
            if self._task.done():
                break
            await asyncio.sleep(0)
        if not self._task.done():
            self._metrics.faults.labels("reply", "ignored_cancel").inc()
            raise SessionEnded("an engine did not stop in time")

    def abandon(self) -> None:
        """The call is over: silence, and let the task group collect the reply."""
        self._silence()
        guess = self._guessing.abandon()
        if self._task is not None:
            self._cancel(self._task)
            self._account.generated(Outcome.CANCELLED.value)
        # Who leaves while the reply sounds has been answered all the same.
        self._account.close_after((self._task, guess), self._guessing.spent)

    def _cancel(self, task: asyncio.Task[None]) -> None:
        if self._reply is not None:
            self._reply.stop()
        task.cancel()

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

    def any_audio(self) -> None:
        """The carrier took the first audio of the reply, if only of a filler."""
        self._account.any_audio(self._clock.now_ns())

    def first_audio(self) -> None:
        """The carrier took the first audio of the answer."""
        self._account.first_audio(self._clock.now_ns())

    def _silence(self) -> None:
        """Stop the sound at once, and note how much of the turn was played."""
        if self._playout.turn == self._turn:
            self._played = self._playout.played
            # The end of the playing may wait in the inbox behind what silences it.
            self._over = self._playout.over
        self._playout.flush(self._turn + 1)

    @property
    def _at_the_ear(self) -> int:
        """Samples that were heard of those that were played before the silence."""
        if self._over:
            return self._played  # nothing was cut off
        return max(0, self._played - self._lag)

    def expect(self, utterance: int) -> None:
        """The user's turn has its place from its commit on, its words come later.

        What is added meanwhile comes behind it; deleted, its words go nowhere.
        """
        self._history.add(Said("user", "", utterance_key(utterance)))

    def _write_down(self, event: Transcript) -> None:
        self._history.fill(utterance_key(event.utterance), event.text)
        self._dialect.notify(event)
        if self._reply is not None:
            self._reply.proceed()

    def _follow(self, event: Generated | Playback) -> None:
        match event:
            case TextDelta(_, text):
                self._told += text
                self._place()
            case AudioDelta():
                self._place()
            case ToolCalled(_, call):
                self._remember(Said("assistant", "", call_key(call.call_id), (call,)))
                used = self._functions.use(call)
                if used is not None:
                    self._remember(used)
                    return  # no concern of the client's
            case ReplyDone():
                self._generated(event)
            case Playback(state=Played.DONE) if self._reply is not None:
                played = self._playout.played
                event = self._heard(self._reply, Played.DONE, played)
            case ReplyStarted() | FormFilled() | Playback():
                pass
            case _:
                assert_never(event)
        self._dialect.notify(event)

    def _generated(self, event: ReplyDone) -> None:
        self._task = None
        self._settle(event.text)
        self._account.generated(event.outcome.value)
        reply = self._reply
        if reply is not None and reply.fault is not None:
            kind = type(reply.fault).__name__
            self._metrics.faults.labels("reply", kind).inc()

    def _end_generation(self, outcome: Outcome, told: bool) -> None:
        self._task = None
        self._account.generated(outcome.value)
        self._settle(self._told)
        if told:
            by = self._account.answered_by
            self._dialect.notify(ReplyDone(self._turn, self._told, outcome, by))

    def _cut(self) -> None:
        reply = self._reply
        if reply is None or reply.text_only:
            return  # read as it came
        heard = ""
        if self._played:
            event = self._heard(reply, Played.CUT, self._at_the_ear)
            heard = event.heard
            self._dialect.notify(event)
        self._history.cut(reply_key(self._turn), self._answer_in(heard))

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

    def _place(self) -> None:
        """The reply has its place among the messages from its first sign on."""
        if not self._placed:
            self._placed = True
            self._remember(Said("assistant", "", reply_key(self._turn)))

    def _settle(self, text: str) -> None:
        self._place()
        self._history.fill(reply_key(self._turn), self._answer_in(text))

    def _messages(self, source: Source, saying: str) -> tuple[Message, ...]:
        if source.messages is not None:
            return source.messages
        # One begun on a guess has learnt since what it answers.
        number = (self._reply.source if self._reply else source).number
        key = utterance_key(number) if number else ""
        return messages_of(self._history, saying, key)

    def _close(self, answered: bool) -> None:
        """The turn is over: write its ledger line."""
        self._task = None
        if not answered:
            self._account.generated("unanswered")
        reply = self._reply
        if reply is not None:
            self._fillers_said += reply.filled
        if reply is not None and reply.spoke:
            filler = len(reply.preface)
            self._past[self._turn] = (self._told, reply.heard, filler)
            if len(self._past) > REMEMBERED:
                del self._past[next(iter(self._past))]
        self._reply = None
        self._account.spend(self._guessing.spent())
        record = self._account.close()
        if record is not None:
            self._dialect.account(record)


def messages_of(
    history: History, saying: str = "", key: str = ""
) -> tuple[Message, ...]:
    """The conversation as a text model takes it, and what the user says now."""
    return tuple(
        Message(said.role, said.text, said.calls, said.call_id)
        for said in history.messages(saying, key)
    )
