"""What happens in a conversation: the closed set of events, and of client commands.

Every event ends in the session's one writer, which acts on it and passes it on to
the dialect. Knows nothing of protocols, engines or clocks; positions of the
microphone are samples at 16 kHz since the call began.

One more event needs a change of ARCHITECTURE.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from voiceserver.audio import Samples
from voiceserver.tools import ToolCall, ToolUse


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The user began to speak while nothing was playing.

    Attributes:
        utterance: Number of the utterance, from 1.
        at: Position of its first voiced sample (pre-roll not counted).
    """

    utterance: int
    at: int


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """The user paused; whether the turn is over is a separate decision."""

    utterance: int
    at: int


@dataclass(frozen=True, slots=True)
class BargeIn:
    """Speech over the reply is confirmed to be an interruption.

    Attributes:
        utterance: Number of the interrupting utterance.
        at: Position of its first voiced sample, which lies before the decision.
        reason: ``"duration"``, ``"words"`` or ``"stop_word"``.
    """

    utterance: int
    at: int
    reason: str


@dataclass(frozen=True, slots=True)
class Transcript:
    """What the user said, so far (``final`` false) or settled.

    Attributes:
        utterance: Number of the utterance.
        text: The whole text of the utterance, not a difference.
        final: True once per utterance, with its last event.
        error: Why there is no text, when recognition failed; ``""`` otherwise.
    """

    utterance: int
    text: str
    final: bool
    error: str = ""


@dataclass(frozen=True, slots=True)
class UserTurn:
    """The commit: the decision that the user's turn is over.

    Attributes:
        utterance: Number of the utterance that ends.
        at: Position of its last voiced sample.
        decided_at: Position at which the decision fell; later than ``at``.
        decided_ns: When the decision fell, on the session's clock.
        reason: Why the endpoint fell, e.g. ``"complete"``, ``"silence"``, ``"cap"``.
    """

    utterance: int
    at: int
    decided_at: int
    decided_ns: int
    reason: str


@dataclass(frozen=True, slots=True)
class ReplyStarted:
    """A reply was begun.

    Attributes:
        turn: Number of the turn, from 1; frames and deltas of the reply carry it.
        metadata: What the client attached to its request, echoed; else empty.
        request: Number of the client's request, echoed; 0 if no client asked.
    """

    turn: int
    metadata: dict[str, str]
    request: int = 0


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next words of the reply, as the text model gave them."""

    turn: int
    text: str


@dataclass(frozen=True, slots=True)
class AudioDelta:
    """The next audio of the reply, where the dialect carries it (WebSocket).

    Attributes:
        turn: Number of the turn.
        samples: Shape ``(n,)``, 24 kHz; comes after the words that it says.
    """

    turn: int
    samples: Samples


@dataclass(frozen=True, slots=True)
class ToolCalled:
    """The reply wants a function of the client called."""

    turn: int
    call: ToolCall


class Outcome(Enum):
    """How the generation of a reply ended."""

    COMPLETED = "completed"
    INTERRUPTED = "interrupted"  # by the user's speech
    CANCELLED = "cancelled"  # by a command of the client
    FAILED = "failed"
    SHORTENED = "shortened"  # it reached its longest length


@dataclass(frozen=True, slots=True)
class ReplyDone:
    """A reply's generation ended; the one terminal event of its ``ReplyStarted``.

    Attributes:
        turn: Number of the turn.
        text: All text generated, heard or not.
        outcome: How it ended.
        answered_by: Which engine gave the text, e.g. ``"responder"``.
        error: Why, in words fit for the client, when ``outcome`` is FAILED.
    """

    turn: int
    text: str
    outcome: Outcome
    answered_by: str = ""
    error: str = ""


class Played(Enum):
    """Where the playing of a reply stands: a life apart from its generation."""

    STARTED = "started"
    DONE = "done"
    CUT = "cut"


@dataclass(frozen=True, slots=True)
class Playback:
    """A reply began to sound, was heard to its end, or was cut off.

    Attributes:
        turn: Number of the turn.
        state: Which of the three.
        heard_ms: Audio of the turn played so far, in milliseconds.
        heard: The words played, a prefix of the reply's text.
        exact: False if ``heard`` was estimated because the voice gave no word marks.
    """

    turn: int
    state: Played
    heard_ms: int = 0
    heard: str = ""
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Failed:
    """Something went wrong outside a reply; the call goes on.

    Attributes:
        stage: Stage or engine, e.g. ``"recogniser"``.
        message: What happened, in words fit for the client.
    """

    stage: str
    message: str


Event = (
    SpeechStarted
    | SpeechStopped
    | BargeIn
    | Transcript
    | UserTurn
    | ReplyStarted
    | TextDelta
    | AudioDelta
    | ToolCalled
    | ReplyDone
    | Playback
    | Failed
)


@dataclass(frozen=True, slots=True)
class Configure:
    """Change settings of the conversation; ``None`` leaves a setting as it is.

    Attributes:
        instructions: What the text model is told about its role.
        voice: A voice the synthesizer knows.
        speed: Speaking rate, 1.0 is normal.
        turn: New turn-taking settings, a ``config.TurnConfig``.
        max_output_tokens: Bound of a reply; 0 is unbounded.
        tools: What the text model may call.
        text_only: Replies are read, not heard.
    """

    instructions: str | None = None
    voice: str | None = None
    speed: float | None = None
    turn: Any | None = None  # config.TurnConfig; config is a layer above this one
    max_output_tokens: int | None = None
    tools: ToolUse | None = None
    text_only: bool | None = None


@dataclass(frozen=True, slots=True)
class AddMessage:
    """Put a message into the conversation without answering it.

    Attributes:
        role: ``"user"``, ``"assistant"``, ``"system"``, or ``"tool"`` for a result.
        text: The message.
        key: Names it in the conversation.
        after: Key of the message before it; ``""`` is the front, None the end.
        calls: Of functions, by the assistant.
        call_id: The call that a result belongs to.
    """

    role: str
    text: str
    key: str = ""
    after: str | None = None
    calls: tuple[ToolCall, ...] = ()
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class DeleteMessage:
    """Take a message out of the conversation.

    Attributes:
        key: ``utterance_key`` of a user's, ``reply_key`` of a reply's, or that of
            ``AddMessage``.
    """

    key: str


def utterance_key(utterance: int) -> str:
    """Names what the user said in the conversation."""
    return f"u{utterance}"


def reply_key(turn: int) -> str:
    """Names a reply in the conversation."""
    return f"t{turn}"


def call_key(call_id: str) -> str:
    """Names a call of a function in the conversation."""
    return f"f{call_id}"


@dataclass(frozen=True, slots=True)
class CreateReply:
    """Answer the conversation as it stands.

    Attributes:
        metadata: Echoed in ``ReplyStarted``.
        say: Speak exactly this instead of asking the text model; None asks it.
        change: Settings for this reply only.
        event_id: The client's id of its request, if it gave one.
        request: Echoed in ``ReplyStarted``.
        messages: To be answered in place of the conversation; None is the conversation.
        aside: Outside the conversation: answered beside it, and not kept.
    """

    metadata: dict[str, str]
    say: str | None = None
    change: Configure | None = None
    event_id: str | None = None
    request: int = 0
    messages: tuple[AddMessage, ...] | None = None
    aside: bool = False


@dataclass(frozen=True, slots=True)
class CancelReply:
    """Stop generating and speaking a reply.

    Attributes:
        turn: Its turn; 0 is the conversation's current one.
    """

    turn: int = 0


@dataclass(frozen=True, slots=True)
class ClearPlayback:
    """Drop audio that was generated and not yet played."""


@dataclass(frozen=True, slots=True)
class Truncate:
    """The client says up to where it played a reply.

    Attributes:
        turn: Turn of the reply.
        played_ms: Audio of the reply that was played, in milliseconds.
    """

    turn: int
    played_ms: int


@dataclass(frozen=True, slots=True)
class Hear:
    """Microphone audio that came in a message.

    Attributes:
        samples: Shape ``(n,)``, 16 kHz.
    """

    samples: Samples


@dataclass(frozen=True, slots=True)
class CommitAudio:
    """The user's turn is over, says the client.

    Attributes:
        event_id: The client's id of its request, if it gave one.
    """

    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class ClearAudio:
    """Forget the audio that is not committed."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call.

    Attributes:
        reason: Shown to the client and written to the log.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Received:
    """A message of the client, not yet read.

    The writer hands it to the dialect when its turn has come, so that what the
    dialect answers and what the session does keep one order.

    Attributes:
        text: The message as it came, already bounded in size by the carrier.
    """

    text: str


Command = (
    Received
    | Configure
    | AddMessage
    | DeleteMessage
    | CreateReply
    | CancelReply
    | ClearPlayback
    | Truncate
    | Hear
    | CommitAudio
    | ClearAudio
    | HangUp
)
