"""What happens in a conversation: the closed set of events.

Every event ends in the session's one writer, which acts on it and passes it on to
the dialect. Knows nothing of protocols, engines or clocks; positions of the
microphone are samples at 16 kHz since the call began.

One more event needs a change of ARCHITECTURE.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from voiceserver.audio import Samples
from voiceserver.commands import CreateReply
from voiceserver.tools import ToolCall


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
class TimedWord:
    """A word as it was heard.

    Attributes:
        text: As written, with its punctuation.
        start_s: Where it begins, seconds from the first sample pushed.
        end_s: Where it ends.
        logprob: Natural logarithm of its probability, at most 0.
    """

    text: str
    start_s: float
    end_s: float
    logprob: float


@dataclass(frozen=True, slots=True)
class Transcript:
    """What the user said, so far (``final`` false) or settled.

    Attributes:
        utterance: Number of the utterance.
        text: The whole text of the utterance, not a difference.
        final: True once per utterance, with its last event.
        error: Why there is no text, when recognition failed; ``""`` otherwise.
        timed: The words one by one, where the client asked for them.
        language: That was heard, BCP 47; ``""`` where nobody can tell.
    """

    utterance: int
    text: str
    final: bool
    error: str = ""
    timed: tuple[TimedWord, ...] = ()
    language: str = ""


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
class KeyPressed:
    """The user pressed a key of a telephone.

    Attributes:
        key: ``0``..``9``, ``*``, ``#`` or ``A``..``D``.
        received_s: When, in whole seconds since 1970.
    """

    key: str
    received_s: int


@dataclass(frozen=True, slots=True)
class IdleElapsed:
    """The user has said nothing for so long after a reply that it is taken up.

    Attributes:
        since: Position at which the reply had been heard.
        at: Position at which the patience ended.
    """

    since: int
    at: int


@dataclass(frozen=True, slots=True)
class ReplyStarted:
    """A reply was begun.

    Attributes:
        turn: Number of the turn, from 1; frames and deltas of the reply carry it.
        asked: The command that asked for it; None if nobody did.
    """

    turn: int
    asked: CreateReply | None = None


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


@dataclass(frozen=True, slots=True)
class FormFilled:
    """What is understood so far of something that is asked for has changed.

    Attributes:
        turn: Of the reply that tells it.
        name: Of the domain.
        intent: What is asked for; ``""`` once it is taken back.
        slots: Values by slot.
        stage: As ``engines.base.Form`` has it.
    """

    turn: int
    name: str
    intent: str
    slots: Mapping[str, str]
    stage: str


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
class MediaReport:
    """How the audio of a call has fared so far; told every few seconds (WebRTC).

    Attributes:
        received: Packets of the microphone that arrived.
        lost: Packets that never came.
        late: Packets that came after they had been given up.
        duplicates: Packets that came again.
        undecodable: Packets that no codec could read.
        audio_ms: Audio handed on, made up or not.
        recovered_ms: Of it, recovered by error correction.
        concealed_ms: Of it, made up.
        paused_ms: Of it, silence where the client sent none.
        stretched_ms: Of it, what came after its time had been filled.
        jitter_ms: Interarrival jitter now (RFC 3550).
        wait_ms: How long missing packets are waited for now.
        held_ms: Mean time that packets were held back, to put them in order.
        drift_ppm: By how much the client's clock is slow.
        rtt_ms: Time to the client and back; -1 if it never told.
        sent: Packets of the reply.
        left_out: Packets of the reply that were not sent, as the loop was late.
        underruns: Frames of silence in the midst of a reply.
    """

    received: int = 0
    lost: int = 0
    late: int = 0
    duplicates: int = 0
    undecodable: int = 0
    audio_ms: int = 0
    recovered_ms: int = 0
    concealed_ms: int = 0
    paused_ms: int = 0
    stretched_ms: int = 0
    jitter_ms: float = 0.0
    wait_ms: float = 0.0
    held_ms: float = 0.0
    drift_ppm: float = 0.0
    rtt_ms: float = -1.0
    sent: int = 0
    left_out: int = 0
    underruns: int = 0


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
    | KeyPressed
    | IdleElapsed
    | ReplyStarted
    | TextDelta
    | AudioDelta
    | ToolCalled
    | FormFilled
    | ReplyDone
    | Playback
    | MediaReport
    | Failed
)
