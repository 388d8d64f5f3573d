"""A hall for one floor: carries out what it decides, and checks every action.

Replies, their user's words and a client are drawn from a seed; nothing takes time.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import assert_never

import numpy as np

from voiceserver.commands import CancelReply, ClearPlayback, CreateReply, Truncate
from voiceserver.config import TurnConfig
from voiceserver.events import (
    AudioDelta,
    BargeIn,
    Event,
    IdleElapsed,
    MediaReport,
    Outcome,
    Playback,
    Played,
    ReplyDone,
    ReplyStarted,
    SpeechStarted,
    TextDelta,
    Transcript,
    UserTurn,
)
from voiceserver.turns.actions import (
    Action,
    AnswerConversation,
    AwaitUser,
    Begin,
    BreakSilence,
    Close,
    Cut,
    EndReply,
    Follow,
    Guess,
    Leave,
    OfReply,
    Refuse,
    Say,
    Silence,
    Stop,
    TakeTurn,
    Tell,
    WriteDown,
)
from voiceserver.turns.floor import Floor, Request

STEPS = 60
SAMPLES = np.zeros(1, np.float32)


@dataclass
class Stand:
    """How things stand, as the running parts would say, and how turns are taken."""

    turn: TurnConfig = field(default_factory=TurnConfig)
    begun: bool = False
    answers: bool = True
    spoke: bool = True
    words: str = "hel"
    unheard: str | None = None
    awaits_answer: bool = False


def turn(number: int) -> UserTurn:
    return UserTurn(number, 0, 100, 1, "silence")


def heard(number: int = 1, text: str = "hello") -> Transcript:
    return Transcript(number, text, final=True)


class Hall:
    """Carries out what a floor decides, as a session does, and checks each action.

    A reply says its events into ``unread``, from which they are read later, so that a
    stop, a command or a turn may come between.
    """

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.stand = Stand(self._config())
        self.floor = Floor(lambda: self.stand.turn)
        self.alive = self.active = self.n_turns = 0
        self.ended = 0  # turn of the newest reply whose end was told
        self.stopping = False
        self.coming: list[Event] = []
        self.unread: list[Event] = []
        self.told: Counter[str] = Counter()
        self.turns: set[int] = set()
        self.asked: list[CreateReply] = []
        self.n_utterances = 0

    def _config(self) -> TurnConfig:
        rng = self.rng
        return TurnConfig(
            interrupt=rng.random() < 0.5,
            create_reply=rng.random() < 0.7,
            idle_ms=rng.choice([0, 5000]),
            policy=rng.choice(["graded", "manual"]),
        )

    def carry_out(self, actions: Sequence[Action]) -> None:
        for place, action in enumerate(actions, 1):
            match action:
                case Stop():
                    assert place == len(actions), "something follows a stop"
                    self._stop()
                case TakeTurn() | Say() | AnswerConversation() | BreakSilence():
                    self._begin(action)
                case Refuse(CreateReply() as command):
                    self._once(f"settled {command.say}")
                case Tell(ReplyStarted(asked=CreateReply() as command)):
                    self._once(f"settled {command.say}")  # cancelled as it waited
                case Refuse() | Tell() | AwaitUser() | Guess() | Leave():
                    pass
                case _:
                    self._about_the_reply(action)
        assert (self.floor.busy, self.floor.active) == (bool(self.alive), self.active)

    def _about_the_reply(self, action: OfReply) -> None:
        match action:
            case WriteDown(transcript):
                self._once(f"written {transcript.utterance}")
            case Follow(event):
                self._follow(event)
            case EndReply(_, told):
                assert told is (self.active != 0)
                self.active = 0
            case Close():
                assert self.alive, "closed twice"
                assert not self.active, "closed before its end was told"
                self.alive = 0
            case Silence() | Cut():
                assert self.alive
            case _:
                assert_never(action)

    def _once(self, what: str) -> None:
        self.told[what] += 1
        assert self.told[what] == 1, f"{what} twice"

    def _begin(self, action: Begin) -> None:
        number, utterance, answer = action.turn, 0, True
        if isinstance(action, TakeTurn):
            utterance, answer = action.user.utterance, action.answer
            self._once(f"taken {utterance}")
        elif isinstance(action, AnswerConversation) and action.asked:
            self._once(f"settled {action.asked.say}")
        assert not self.alive, "begun while another was alive"
        assert not self.stopping, "begun while another was being stopped"
        assert number > self.n_turns
        self.alive = self.n_turns = number
        rng, stand = self.rng, self.stand
        text = rng.choice(["", "hello"])
        aloud = answer and rng.random() < 0.2  # begins before the words are known
        stand.begun, stand.spoke = False, rng.random() < 0.7
        stand.answers = answer and (not utterance or bool(text) or aloud)
        stand.unheard = rng.choice([None, "", "the rest"])
        stand.awaits_answer = rng.random() < 0.5
        begun: list[Event] = [ReplyStarted(number)]
        words: list[Event] = [heard(utterance, text)] if utterance else []
        self.coming = begun + words if aloud else words + begun
        if not stand.answers:
            self.coming = words
            return
        self.coming += [TextDelta(number, "x"), AudioDelta(number, SAMPLES)]
        self.coming.append(ReplyDone(number, "xx", Outcome.COMPLETED))
        if stand.spoke:
            sounds = [Playback(number, Played.STARTED), Playback(number, Played.DONE)]
            self.coming[-1:-1] = sounds[:1]
            self.coming += sounds[1:]

    def _stop(self) -> None:
        unread, self.unread = self.unread, []
        # What is no word of the reply's is read in its own time.
        self.unread = [event for event in unread if isinstance(event, Playback)]
        self.coming.clear()
        self.stopping = True
        for event in unread:
            if not isinstance(event, Playback):
                self.carry_out(self.floor.happened(event, self.stand))
        self.stopping = False
        self.carry_out(self.floor.stopped(self.stand))

    def _follow(self, event: Event) -> None:
        if isinstance(event, ReplyStarted):
            assert not self.active, "two active responses"
            self._once(f"started {event.turn}")
            self.active = event.turn
        elif isinstance(event, ReplyDone):
            assert self.active == event.turn, "an end without a beginning"
            self.active, self.ended = 0, event.turn
        elif not isinstance(event, Playback):
            assert self.active == event.turn  # type: ignore[union-attr]

    def say(self) -> None:
        """The reply gets on by one event."""
        if self.coming:
            event = self.coming.pop(0)
            self.stand.begun |= isinstance(event, ReplyStarted)
            self.unread.append(event)

    def read(self) -> None:
        """The oldest unread event is handled."""
        if self.unread:
            event = self.unread.pop(0)
            self.carry_out(self.floor.happened(event, self.stand))

    def disturb(self) -> None:
        """Anything else happens."""
        rng = self.rng
        self.n_utterances += 1
        number = self.n_utterances
        stale = rng.randint(0, self.n_turns)
        match rng.randrange(9):
            case 0 | 1:
                self.turns.add(number)
                event: Event = turn(number)
            case 2:
                event = SpeechStarted(number, 0)
            case 3:
                event = BargeIn(number, 0, "words")
            case 4:
                event = IdleElapsed(0, 9)
            case 5:
                old = TextDelta(stale, "late"), ReplyDone(stale, "", Outcome.FAILED)
                ended = stale in (0, self.ended) or stale != self.alive
                event = rng.choice(old if ended else (MediaReport(),))
            case 6:
                asked = CreateReply(say=str(number), patient=rng.random() < 0.3)
                self.asked.append(asked)
                self.carry_out(self.floor.asked(asked, self.stand))
                return
            case 7:
                stops: list[Request] = [CancelReply(), ClearPlayback()]
                stops.append(Truncate(stale, 90))
                self.carry_out(self.floor.asked(rng.choice(stops), self.stand))
                return
            case _:
                self.stand.turn = self._config()
                return
        self.carry_out(self.floor.happened(event, self.stand))

    def run(self) -> None:
        """A random conversation, and then what is left of it to its end."""
        for _ in range(STEPS):
            self.rng.choice([self.say, self.read, self.say, self.read, self.disturb])()
            self.carry_out(self.floor.free(0))
        while self.coming or self.unread:
            self.say()
            self.read()
            self.carry_out(self.floor.free(0))
