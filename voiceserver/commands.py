"""What a client, or a carrier, asks of a conversation: the closed set of commands.

Every command ends in the session's one writer. Knows nothing of protocols (a dialect
adds what it wants back by a class of its own), engines or clocks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from voiceserver.audio import Samples
from voiceserver.config import Config, TurnConfig
from voiceserver.tools import NO_TOOLS, ToolCall, ToolUse


@dataclass(frozen=True, slots=True)
class Hearing:
    """How a client wants to be heard.

    Attributes:
        language: That is spoken, BCP 47; ``"auto"`` is to be found out, ``""`` is the
            server's own choice.
        prompt: Words to be expected; ``""`` if none.
        timed: Probabilities and times of the words are wanted.
    """

    language: str = ""
    prompt: str = ""
    timed: bool = False


@dataclass(frozen=True, slots=True)
class CallSettings:
    """What a client may set about its conversation; a snapshot that never changes.

    A new setting is a field here, a row in the dialect's table that fills it, and the
    place where it takes effect.

    Attributes:
        instructions: What the text model is told about its role.
        voice: A voice the synthesizer knows.
        speed: Speaking rate, 1.0 is normal.
        turn: How turns are taken.
        max_output_tokens: Bound of a reply; 0 is unbounded.
        tools: What the text model may call.
        text_only: Replies are read, not heard.
        hearing: How the caller is heard.
        route: ``"simple"`` or ``"complex"``: the tier of the text model; ``""`` leaves
            it to the server.
        record: The call may be recorded.
    """

    instructions: str
    voice: str
    speed: float
    turn: TurnConfig
    max_output_tokens: int = 0
    tools: ToolUse = NO_TOOLS
    text_only: bool = False
    hearing: Hearing = Hearing()
    route: str = ""
    record: bool = False

    @classmethod
    def starting(cls, config: Config) -> CallSettings:
        """The server's own, of a client that asked for nothing."""
        return cls(
            config.text.instructions,
            config.speech.voice,
            config.speech.speed,
            config.turn,
            config.text.max_output_tokens,
            record=config.record.calls == "always",
        )


@dataclass(frozen=True, slots=True)
class Configure:
    """These settings hold from now on.

    Attributes:
        settings: All of them, those that stay too.
    """

    settings: CallSettings


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


# Why a call is over: either side ended it, the server goes (and may come back), the
# longest length is reached, or something failed.
EndCode = Literal["ended", "closing", "limit", "fault"]


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

    A dialect may add to it what it has to know again when the reply begins
    (``ReplyStarted.asked``) or cannot begin (``Dialect.refused``).

    Attributes:
        say: Speak exactly this instead of asking the text model; None asks it.
        settings: For this reply only; None are the conversation's.
        messages: To be answered in place of the conversation; None is the conversation.
        aside: Outside the conversation: answered beside it, and not kept.
        patient: It has its turn once nobody speaks, rather than being refused or
            stopping a reply.
    """

    say: str | None = None
    settings: CallSettings | None = None
    messages: tuple[AddMessage, ...] | None = None
    aside: bool = False
    patient: bool = False


@dataclass(frozen=True, slots=True)
class CancelReply:
    """Stop generating and speaking a reply; a dialect may add to it.

    Attributes:
        turn: Its turn; 0 is what is active when it is carried out, or was asked for
            and has not begun.
        whatever: Also what nobody asked for and has not begun, or only sounds on.
    """

    turn: int = 0
    whatever: bool = True


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
    """The user's turn is over, says the client; a dialect may add to it."""


@dataclass(frozen=True, slots=True)
class ClearAudio:
    """Forget the audio that is not committed."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call; also why it is over.

    Attributes:
        reason: In words, shown to the client and written to the log.
        code: The same for programs.
        farewell: Said first; ``""`` waits for what sounds. None ends at once.
    """

    reason: str
    code: EndCode = "ended"
    farewell: str | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """A message of the client, not yet read.

    The writer hands it to the dialect when its turn has come, so that what the
    dialect answers and what the session does keep one order.

    Attributes:
        text: The message as it came, already bounded in size by the carrier.
        sender: Number of the sideband that it came by; 0 is the call's own client.
    """

    text: str
    sender: int = 0


@dataclass(frozen=True, slots=True)
class Attach:
    """Somebody listens to the call besides its client, and may command it.

    Attributes:
        sender: Number, from 1.
        send: Takes what the call's client is told, but for audio; None ends it.
        end: Called when the call is over.
        address: What its address asks for, as the dialect reads it.
    """

    sender: int
    send: Callable[[str], None] | None
    end: Callable[[], None] = lambda: None
    address: Mapping[str, str] = field(default_factory=dict)


# Three groups of them.
OfReplies = CreateReply | CancelReply | ClearPlayback
OfConversation = Configure | AddMessage | DeleteMessage | Attach
OfAudio = Truncate | Hear | CommitAudio | ClearAudio

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
    | Attach
    | HangUp
)
