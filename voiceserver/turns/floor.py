"""The floor of one conversation: who speaks, and who is to speak next.

Pure: no clock, no I/O. It is fed with what happened, with what was asked for and with
what came of a stop, each in its order, and returns what to do, in order. At most one
reply has the floor; every choice that depends on it is made here. It does not know
what a reply is made of, how a client is told, or that anything takes time: whoever
carries out a ``Stop`` says when it is done.

Replies beside the conversation never have the floor; they only take their numbers here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, assert_never

from voiceserver.commands import CancelReply, ClearPlayback, CreateReply, Truncate
from voiceserver.config import TurnConfig
from voiceserver.events import (
    AudioDelta,
    BargeIn,
    Event,
    Failed,
    FormFilled,
    IdleElapsed,
    KeyPressed,
    MediaReport,
    Outcome,
    Playback,
    Played,
    ReplyDone,
    ReplyStarted,
    SpeechStarted,
    SpeechStopped,
    TextDelta,
    ToolCalled,
    Transcript,
    UserTurn,
)
from voiceserver.overload import Load
from voiceserver.turns.actions import (
    Action,
    AnswerConversation,
    AwaitUser,
    Close,
    Cut,
    EndReply,
    Follow,
    Generated,
    Guess,
    Refuse,
    Say,
    Silence,
    Stop,
    TakeTurn,
    Tell,
    WriteDown,
)
from voiceserver.turns.idle import Idle

# Turns that wait for a reply which speech may not interrupt; beyond it the reply is
# stopped for them: it has been talked over for long.
MOST_WAITING = 32


class Standing(Protocol):
    """What the running parts know and no event says; looked at during a decision."""

    @property
    def begun(self) -> bool:
        """Whether the reply has begun to answer, even if that was not told yet."""

    @property
    def answers(self) -> bool:
        """Whether the reply will answer, now that the user's words are settled."""

    @property
    def spoke(self) -> bool:
        """Whether any audio was made of the reply."""

    @property
    def words(self) -> str:
        """The user's words that the reply is to, as far as they are known."""

    @property
    def unheard(self) -> str | None:
        """The stopped reply from its first word not heard; None if none was heard."""

    @property
    def awaits_answer(self) -> bool:
        """Whether the user spoke last in the conversation."""


Request = CreateReply | CancelReply | ClearPlayback | Truncate


@dataclass(slots=True)
class _Reply:
    """The reply that has the floor, from its beginning until nothing of it is left.

    Attributes:
        turn: Its number.
        utterance: Number of what the user said; 0 if it is to nothing that was said.
        answer: Whether it answers, or only writes down.
        settled: The user's words are written down.
        active: Its beginning was told, and not yet its end.
        generating: Its generation has not ended.
        asked: The command that it was begun for; None if nobody asked.
    """

    turn: int
    utterance: int = 0
    asked: CreateReply | None = None
    settled: bool = False
    active: bool = False
    generating: bool = True


class Floor:
    """Decides about one conversation; feed it in the order in which things happened.

    Args:
        settings: Returns how turns are taken; looked at during a decision.
    """

    def __init__(self, settings: Callable[[], TurnConfig]) -> None:
        self._settings = settings
        self._turn = 0  # number of the newest reply, beside the conversation or in it
        self._reply: _Reply | None = None
        self._waiting: deque[UserTurn] = deque()  # until the reply has ended
        self._asked: CreateReply | None = None  # until the user's words are known
        self._patient: deque[CreateReply] = deque()  # until nobody speaks
        self._outcome: Outcome | None = None  # of the reply that is being stopped
        self._next: UserTurn | CreateReply | None = None  # once it has stopped
        self._unheard = ""  # of what the user cut off, until a turn takes its place
        self._idle = Idle()

    @property
    def busy(self) -> bool:
        """Whether a reply is generated or sounds."""
        return self._reply is not None

    @property
    def active(self) -> int:
        """Number of the reply that was told to have begun and not to have ended; or 0.

        A reply that sounds on after its end was told is not active.
        """
        return self._reply.turn if self._reply and self._reply.active else 0

    @property
    def _config(self) -> TurnConfig:
        return self._settings()

    def beside(self) -> int:
        """Give a number to a reply beside the conversation."""
        self._turn += 1
        return self._turn

    def foreseen(
        self, utterance: int, text: str, load: Load, language: str = ""
    ) -> Sequence[Action]:
        """The user's turn is likely to be over.

        Args:
            utterance: Number of the utterance.
            text: Its words so far; ``""`` if the user goes on.
            load: Of the server; one that is late does nothing on a guess.
            language: Of the words, as far as it was heard.
        """
        keeps_up = load is Load.NORMAL
        if self.busy or not keeps_up or not self._config.create_reply:
            return []
        return [Guess(utterance, text, language)]

    def happened(self, event: Event, standing: Standing) -> Sequence[Action]:
        """Decide what an event leads to.

        Args:
            event: Of the conversation, or of its reply; not of a reply beside it.
            standing: How things stand.
        """
        match event:
            case SpeechStarted() | BargeIn() | UserTurn():
                return self._of_user(event)
            case Transcript():
                return self._heard(event, standing) if event.final else [Tell(event)]
            case (
                ReplyStarted()
                | TextDelta()
                | AudioDelta()
                | ToolCalled()
                | FormFilled()
                | ReplyDone()
            ):
                return self._said(event, standing)
            case Playback():
                return self._sounded(event)
            case IdleElapsed() if self.busy:
                return []
            case IdleElapsed():
                return self._idle.elapsed(event, self._config, self._begin)
            case KeyPressed():
                return self._pressed(event)
            case SpeechStopped() | MediaReport() | Failed():
                return [Tell(event)]
            case _:
                assert_never(event)

    def asked(self, command: Request, standing: Standing) -> Sequence[Action]:
        """Decide what a command leads to; ``Truncate`` for what of it is a stop.

        Args:
            command: Not one about a reply beside the conversation.
            standing: How things stand.
        """
        match command:
            case CreateReply():
                return self._ask(command, standing)
            case CancelReply():
                return self._cancel(command)
            case ClearPlayback():
                return self._stop(Outcome.CANCELLED)
            case Truncate(turn):
                plays = self._reply is not None and self._reply.turn == turn
                return self._stop(Outcome.CANCELLED) if plays else []
            case _:
                assert_never(command)

    def stopped(self, standing: Standing) -> Sequence[Action]:
        """A ``Stop`` is done, and what the reply had said by then was fed.

        Args:
            standing: How the stopped reply stands.
        """
        outcome, self._outcome = self._outcome, None
        assert outcome is not None, "nobody asked for a stop"
        actions = [] if self._reply is None else self._end(outcome, standing)
        wanted, self._next = self._next, None
        match wanted:
            case UserTurn():
                actions += [Tell(wanted), self._take(wanted)]
            case CreateReply():
                actions += self._answer(wanted)
            case None:
                pass
            case _:
                assert_never(wanted)
        return actions

    def free(self, now_ns: int) -> Sequence[Action]:
        """Take up what waits, if nobody speaks; ask after all else was handled.

        Args:
            now_ns: Becomes the commit of a turn: nobody is late for what had to wait.
        """
        if self.busy:
            return []
        if self._waiting:
            return [self._take(replace(self._waiting.popleft(), decided_ns=now_ns))]
        asked, self._asked = self._asked, None
        if asked is None and self._patient:
            asked = self._patient.popleft()
        return [] if asked is None else self._answer(asked)

    def _of_user(self, event: SpeechStarted | BargeIn | UserTurn) -> list[Action]:
        self._idle.spoke()
        match event:
            case SpeechStarted():
                # The user goes on before the answer is heard: it is stale.
                self._idle.begins()
                stop = self._config.interrupt
                then = self._stop(Outcome.INTERRUPTED) if stop else []
                return [AwaitUser(0), Tell(event), *then]
            case BargeIn():
                if not self.busy:
                    return [Tell(event)]
                # Silence before anything else.
                return [Silence(), Tell(event), *self._stop(Outcome.INTERRUPTED)]
            case UserTurn():
                return self._commit(event)
            case _:
                assert_never(event)

    def _pressed(self, event: KeyPressed) -> list[Action]:
        """A key is an interruption that nobody can mistake for a cough."""
        self._idle.spoke()
        stop = self._stop(Outcome.CANCELLED) if self._config.interrupt else []
        silence: list[Action] = [Silence()] if stop else []
        return [*silence, AwaitUser(0), Tell(event), *stop]

    def _commit(self, event: UserTurn) -> list[Action]:
        if self._must_wait():
            self._waiting.append(event)
            return [Tell(event)]
        if self.busy:
            # Only if a reply was asked for meanwhile, or the client commits.
            return self._stop(Outcome.INTERRUPTED, event)
        return [Tell(event), self._take(event)]

    def _must_wait(self) -> bool:
        """Whether a turn waits for the reply; one that the client ends never does."""
        config = self._config
        talked_over = self.busy and not config.interrupt and config.policy != "manual"
        return talked_over and len(self._waiting) < MOST_WAITING

    def _take(self, user: UserTurn) -> TakeTurn:
        """Write a turn down and answer it, unless another waits behind it."""
        answer = self._config.create_reply and not self._waiting
        turn = self._begin(user.utterance)
        return TakeTurn(turn, user, answer)

    def _begin(self, utterance: int = 0, asked: CreateReply | None = None) -> int:
        assert self._reply is None, "two replies at a time"
        turn = self.beside()
        self._reply = _Reply(turn, utterance, asked)
        return turn

    def _heard(self, event: Transcript, standing: Standing) -> list[Action]:
        """The user's words are settled."""
        actions: list[Action] = [WriteDown(event)]
        reply = self._reply
        if reply is not None:
            reply.settled = True
            if not standing.answers:
                self._reply = None
                actions.append(Close(answered=False))
            elif event.text:
                self._unheard = ""
        if not event.text and self._outcome is None:
            actions += self._take_up(standing)
        return actions

    def _take_up(self, standing: Standing) -> list[Action]:
        """What interrupted had no words: say on, or answer: no cough ends all."""
        if self.busy or not self._config.create_reply:
            return []
        unheard, self._unheard = self._unheard, ""
        if unheard:
            return [AwaitUser(0), Say(self._begin(), unheard)]
        if standing.awaits_answer:
            return [AwaitUser(0), AnswerConversation(self._begin())]
        counted = self._idle.counted(self._config)  # it was none: the silence goes on
        return [counted] if counted.limit_ms else []

    def _said(self, event: Generated, standing: Standing) -> list[Action]:
        reply = self._reply
        if reply is None or event.turn != reply.turn or not reply.generating:
            return []  # of one that was stopped
        match event:
            case ReplyStarted():
                reply.active = True
                return [Follow(event), *self._refuse_asked()]
            case AudioDelta() if self._outcome is not None:
                return []  # too late to be heard
            case TextDelta() | AudioDelta() | ToolCalled() | FormFilled():
                pass
            case ReplyDone():
                reply.active = reply.generating = False
                if not standing.spoke:
                    self._reply = None
                    return [Follow(event), Close()]
            case _:
                assert_never(event)
        return [Follow(event)]

    def _sounded(self, event: Playback) -> list[Action]:
        actions: list[Action] = []
        done = event.state is Played.DONE
        if self._reply is not None and self._reply.turn == event.turn:
            actions.append(Follow(event))
            if done:
                self._reply = None
                actions.append(Close())
        if done and not self.busy:
            actions.append(self._idle.counted(self._config))
        return actions

    def _ask(self, asked: CreateReply, standing: Standing) -> list[Action]:
        """Answer, once the user's words are known; refuse only what is answered so.

        Whether the user's turn is answered by itself the settings say that hold when
        it is taken: until that is seen to begin, the command is kept.
        """
        if asked.patient:
            self._patient.append(asked)
            return []
        reply = self._reply
        begins = reply is not None and reply.asked is not None and reply.generating
        if self._asked is not None or begins:
            return [Refuse(asked)]  # somebody asked before
        said = reply is not None and reply.utterance > 0 and not standing.begun
        if said or self._waiting:
            self._asked = asked
            return []
        if self.busy:
            return self._stop(Outcome.CANCELLED, asked)
        return self._answer(asked)

    def _refuse_asked(self) -> list[Action]:
        """What was asked for is not needed: the user is answered by itself."""
        asked, self._asked = self._asked, None
        return [] if asked is None else [Refuse(asked)]

    def _cancel(self, command: CancelReply) -> list[Action]:
        """Stop what is active, or what was asked for and has not begun."""
        reply, asked = self._reply, self._asked
        if reply is not None and (
            command.whatever
            or reply.active
            or (reply.generating and reply.asked is not None)
        ):
            return self._stop(Outcome.CANCELLED)
        if asked is not None:
            self._asked = None
            turn = self.beside()
            ended = ReplyDone(turn, "", Outcome.CANCELLED)
            return [Tell(ReplyStarted(turn, asked)), Tell(ended)]
        return [] if command.turn else [Refuse(command)]

    def _answer(self, asked: CreateReply) -> list[Action]:
        turn = self._begin(asked=asked)
        return [AwaitUser(0), AnswerConversation(turn, asked)]

    def _stop(
        self, outcome: Outcome, then: UserTurn | CreateReply | None = None
    ) -> list[Action]:
        """Stop the reply, if there is one; ``then`` has its turn afterwards."""
        if not self.busy:
            return []
        assert self._outcome is None, "stopped twice"
        self._outcome, self._next = outcome, then
        return [Stop()]

    def _end(self, outcome: Outcome, standing: Standing) -> list[Action]:
        """Nothing more of the stopped reply comes: end it, in both its lives."""
        reply, self._reply = self._reply, None
        assert reply is not None
        actions: list[Action] = []
        if reply.utterance and not reply.settled:
            # Stopped while recognising: the newest words must do, none are lost.
            words = Transcript(reply.utterance, standing.words, final=True)
            actions.append(WriteDown(words))
        if reply.generating:
            if reply.asked is not None and not reply.active:
                # Who asked learns what came of it: it begins, and ends.
                reply.active = True
                actions.append(Follow(ReplyStarted(reply.turn, reply.asked)))
            actions.append(EndReply(outcome, reply.active))
        answered = self._config.create_reply and self._next is None
        if outcome is Outcome.INTERRUPTED and answered:
            actions += self._refuse_asked()  # the user speaks, and will be answered
        if outcome is Outcome.INTERRUPTED and standing.unheard is not None:
            self._unheard = standing.unheard
        return [*actions, Cut(), Close()]
