"""A response of the Realtime protocol: what it is made of, and how it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import assert_never

from voiceserver.commands import CreateReply
from voiceserver.dialects.realtime.audio import VoiceEncoder
from voiceserver.dialects.realtime.items import Item
from voiceserver.dialects.realtime.session import SessionSettings
from voiceserver.events import Outcome, Playback, ReplyDone

# Estimates, until text models report their tokens and replies the length of their
# audio: 4 characters a token; 14 characters a second spoken, 20 audio tokens a second.
_CHARACTERS_PER_TOKEN = 4
_AUDIO_TOKENS_PER_CHARACTER = 20 / 14
_AUDIO_TOKEN_MS = 100  # of the user's audio


@dataclass(frozen=True, slots=True)
class ResponseCreate(CreateReply):
    """A reply that the client asked for, and what has to be known when it begins.

    Attributes:
        event_id: The client's id of its request, if it gave one.
        sender: Who asked: 0 the client, or a sideband's number.
        shown: The session's settings, with the response's own laid over them; None
            where a reply is asked for by nobody's message.
        metadata: The client's, echoed.
    """

    event_id: str | None = None
    sender: int = 0
    shown: SessionSettings | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Response:
    """A reply as the protocol shows it.

    Attributes:
        id: Its identifier.
        turn: Of the reply.
        settings: The session's when it began, with its own laid over them; later
            updates do not touch it.
        metadata: The client's, echoed.
        user_audio_ms: Audio of the user that it answers.
        aside: Outside the conversation.
        status: ``"in_progress"`` until its generation ends.
        details: The protocol's ``status_details``.
        output: Its items, in the order in which they began.
        message: The one of them that is spoken or read; None until the first words.
        previous: Id of the item before each of them.
        sounding: ``output_audio_buffer.started`` was sent, and no end of it.
        ended: The end of its playing, kept until it may be told or told already.
        voice: Encodes its audio, where that goes in events.
        asked_ms: Where the client asked to truncate it; None if it has no answer due.
        whole: Its text before it was cut.
    """

    id: str
    turn: int
    settings: SessionSettings
    metadata: Mapping[str, str]
    user_audio_ms: int
    aside: bool = False
    status: str = "in_progress"
    details: dict[str, object] | None = None
    output: list[Item] = field(default_factory=list)
    message: Item | None = None
    previous: dict[str, str | None] = field(default_factory=dict)
    sounding: bool = False
    ended: Playback | None = None
    voice: VoiceEncoder | None = None
    asked_ms: int | None = None
    whole: str = ""

    @property
    def text(self) -> str:
        """The words so far."""
        return (self.message.text or "") if self.message else ""

    @property
    def spoken(self) -> bool:
        """Whether it is heard, not read."""
        return self.settings.spoken

    def place(self, item: Item) -> int:
        """Its ``output_index``."""
        return next(n for n, each in enumerate(self.output) if each is item)

    def end(self, done: ReplyDone) -> None:
        """Its generation ended."""
        self.status, self.details = _ending(done)

    def rendered(self, conversation_id: str) -> dict[str, object]:
        """The response object as it stands now."""
        done = self.status != "in_progress"
        settings = self.settings
        output = "audio.output"
        voice = {name: settings[f"{output}.{name}"] for name in ("format", "voice")}
        return {
            "id": self.id,
            "object": "realtime.response",
            "status": self.status,
            "status_details": self.details,
            "output": [item.rendered() for item in self.output] if done else [],
            "conversation_id": None if self.aside else conversation_id,
            "output_modalities": settings["output_modalities"],
            "audio": {"output": voice},
            "max_output_tokens": settings["max_output_tokens"],
            "usage": self._usage() if done else None,
            "metadata": dict(self.metadata) or None,
        }

    def _usage(self) -> dict[str, object]:
        audio_in = self.user_audio_ms // _AUDIO_TOKEN_MS
        text_in = len(self.settings["instructions"]) // _CHARACTERS_PER_TOKEN
        written = sum(len(item.text or "") for item in self.output)
        text_out = -(-written // _CHARACTERS_PER_TOKEN)
        spoken = len(self.text) if self.spoken else 0
        audio_out = round(spoken * _AUDIO_TOKENS_PER_CHARACTER)
        return {
            "total_tokens": audio_in + text_in + audio_out + text_out,
            "input_tokens": audio_in + text_in,
            "output_tokens": audio_out + text_out,
            "input_token_details": {
                "text_tokens": text_in,
                "audio_tokens": audio_in,
                "cached_tokens": 0,
            },
            "output_token_details": {
                "text_tokens": text_out,
                "audio_tokens": audio_out,
            },
        }


def _ending(done: ReplyDone) -> tuple[str, dict[str, object] | None]:
    """The status of a response and its details."""
    match done.outcome:
        case Outcome.COMPLETED:
            return "completed", None
        case Outcome.SHORTENED:
            return "incomplete", {"type": "incomplete", "reason": "max_output_tokens"}
        case Outcome.INTERRUPTED:
            return "cancelled", {"type": "cancelled", "reason": "turn_detected"}
        case Outcome.CANCELLED:
            return "cancelled", {"type": "cancelled", "reason": "client_cancelled"}
        case Outcome.FAILED:
            error = {
                "type": "server_error",
                "code": "reply_failed",
                "message": done.error,
            }
            return "failed", {"type": "failed", "error": error}
        case _:
            assert_never(done.outcome)
