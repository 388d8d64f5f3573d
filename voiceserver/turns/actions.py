"""What can be decided about the floor: the closed set of actions.

Each is small enough to be carried out at once, but for ``Stop`` and ``Guess``. Pure;
knows nothing of how an action is carried out.
"""

from __future__ import annotations

from dataclasses import dataclass

from voiceserver.commands import CancelReply, CreateReply
from voiceserver.events import (
    AudioDelta,
    Event,
    FormFilled,
    Outcome,
    Playback,
    ReplyDone,
    ReplyStarted,
    TextDelta,
    ToolCalled,
    Transcript,
    UserTurn,
)

Generated = ReplyStarted | TextDelta | AudioDelta | ToolCalled | FormFilled | ReplyDone


@dataclass(frozen=True, slots=True)
class Tell:
    """The client is told of an event."""

    event: Event


@dataclass(frozen=True, slots=True)
class Refuse:
    """The client is told that its command cannot be carried out as things stand."""

    command: CreateReply | CancelReply


@dataclass(frozen=True, slots=True)
class AwaitUser:
    """The user's silence counts from now on.

    Attributes:
        limit_ms: How long it may last; 0 is for ever, so nothing is counted.
    """

    limit_ms: int


@dataclass(frozen=True, slots=True)
class Guess:
    """A reply to these words is begun and held; ``""`` drops what was begun."""

    utterance: int
    text: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Stop:
    """The reply falls silent, is cancelled and waited for; then ``stopped`` is called.

    Always the last of its list. What the reply had said by then is fed first.
    """


@dataclass(frozen=True, slots=True)
class TakeTurn:
    """A reply begins: the user's turn is recognised, and answered where it should be.

    Attributes:
        turn: Number of the reply.
        user: The user's turn.
        answer: Whether to answer, or only to write it down.
    """

    turn: int
    user: UserTurn
    answer: bool


@dataclass(frozen=True, slots=True)
class Say:
    """A reply begins that says exactly this."""

    turn: int
    text: str


@dataclass(frozen=True, slots=True)
class AnswerConversation:
    """A reply to the conversation as it stands begins.

    Attributes:
        turn: Number of the reply.
        asked: What was asked for; None if nobody asked.
    """

    turn: int
    asked: CreateReply | None = None


@dataclass(frozen=True, slots=True)
class BreakSilence:
    """A reply begins because the user has been silent for long."""

    turn: int


@dataclass(frozen=True, slots=True)
class WriteDown:
    """The user's words are settled: kept, told; a reply that waits for them goes on."""

    transcript: Transcript


@dataclass(frozen=True, slots=True)
class Follow:
    """The reply said or sounded something: kept, and told."""

    event: Generated | Playback


@dataclass(frozen=True, slots=True)
class Silence:
    """The reply falls silent now."""


@dataclass(frozen=True, slots=True)
class EndReply:
    """The generation of the stopped reply is over.

    Attributes:
        outcome: How it ended.
        told: Whether its beginning was told, so that its end must be.
    """

    outcome: Outcome
    told: bool


@dataclass(frozen=True, slots=True)
class Cut:
    """Of the stopped reply only what was heard is kept."""


@dataclass(frozen=True, slots=True)
class Close:
    """The turn is over and accounted.

    Attributes:
        answered: False if there was nothing to answer.
    """

    answered: bool = True


@dataclass(frozen=True, slots=True)
class Leave:
    """The call ends, politely.

    Attributes:
        reason: For the client and the log.
        farewell: Said first.
    """

    reason: str
    farewell: str


# A reply begins; the one before is over.
Begin = TakeTurn | Say | AnswerConversation | BreakSilence
# What is done about the reply that has the floor.
OfReply = WriteDown | Follow | Silence | EndReply | Cut | Close

Action = Tell | Refuse | AwaitUser | Guess | Stop | Begin | OfReply | Leave
