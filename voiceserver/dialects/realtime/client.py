"""What a client says and asks for: audio, items and responses, turned into commands.

Each event is answered, or refused with the member that is wrong; one that is refused
changes nothing. Knows nothing of messages as they come, nor of the session's settings:
``session.update`` alone is read by ``dialect``, which keeps them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from voiceserver.commands import (
    AddMessage,
    CancelReply,
    ClearAudio,
    ClearPlayback,
    Command,
    CommitAudio,
    DeleteMessage,
    Hear,
)
from voiceserver.dialects.fields import (
    ID,
    Check,
    checked,
    choice,
    integer,
    mapping,
    metadata,
    required,
    unknown,
)
from voiceserver.dialects.realtime.audio import MicrophoneDecoder
from voiceserver.dialects.realtime.call import RealtimeCall
from voiceserver.dialects.realtime.client_items import read_item, unsupported
from voiceserver.dialects.realtime.input import UserSpeech
from voiceserver.dialects.realtime.items import Item, Part
from voiceserver.dialects.realtime.output import Responses
from voiceserver.dialects.realtime.response import ResponseCreate
from voiceserver.dialects.realtime.session import SessionRules
from voiceserver.errors import BadRequest

Commands = Iterable[Command]
Fields = Mapping[str, Any]

MAX_INPUT = 256  # items that one response answers


@dataclass(frozen=True, slots=True)
class Commit(CommitAudio):
    """A commit of the client.

    Attributes:
        event_id: The client's id of its request, if it gave one.
        sender: Who asked: 0 the client, or a sideband's number.
    """

    event_id: str | None = None
    sender: int = 0


@dataclass(frozen=True, slots=True)
class Cancel(CancelReply):
    """A cancel of the client.

    Attributes:
        event_id: The client's id of its request, if it gave one.
        sender: Who asked: 0 the client, or a sideband's number.
        late: The client has stopped the newest response already, so that it is no
            fault if there is none.
    """

    whatever: bool = False
    event_id: str | None = None
    sender: int = 0
    late: bool = False


class ClientEvents:
    """Reads the client of one call.

    Args:
        call: The call.
        rules: What a client may set.
        speech: The user's side.
        responses: The server's side.
    """

    def __init__(
        self,
        call: RealtimeCall,
        rules: SessionRules,
        speech: UserSpeech,
        responses: Responses,
    ) -> None:
        self._call = call
        self._rules = rules
        self._speech = speech
        self._responses = responses
        self._microphone = MicrophoneDecoder()
        self._active = 0  # turn of the active reply, while a message is read
        self._readers: dict[str, Callable[[Fields], Commands]] = {
            "input_audio_buffer.append": self._audio_append,
            "input_audio_buffer.commit": self._audio_commit,
            "input_audio_buffer.clear": self._audio_clear,
            "output_audio_buffer.clear": self._playback_clear,
            "conversation.item.create": self._item_create,
            "conversation.item.retrieve": self._item_retrieve,
            "conversation.item.delete": self._item_delete,
            "conversation.item.truncate": self._item_truncate,
            "response.create": self._response_create,
            "response.cancel": self._response_cancel,
        }

    @property
    def names(self) -> tuple[str, ...]:
        """Types of the events that it reads."""
        return tuple(self._readers)

    def read(self, name: str, fields: Fields, active: int) -> Commands:
        """Answer one event; return what the session should do.

        Args:
            name: Its type, one of ``names``.
            fields: Its members.
            active: Turn of the reply that is active, says the session; 0 if none is.

        Raises:
            BadRequest: If it is refused; nothing was changed then.
        """
        self._active = active
        return self._readers[name](fields)

    def refused(self, command: Command) -> None:
        """Tell that a command could not be carried out as things stand."""
        match command:
            case Commit():
                message = "there is no speech to commit; send at least 100 ms of audio"
                refusal = BadRequest(message, "input_audio_buffer_commit_empty")
            case ResponseCreate():
                message = "a response is about to begin already"
                refusal = BadRequest(
                    message, "conversation_already_has_active_response"
                )
            case Cancel(late=False):
                message = "there is no active response to cancel"
                refusal = BadRequest(message, "response_cancel_not_active")
            case _:
                return
        wire = self._call.wire
        reading, wire.sender = wire.sender, command.sender
        wire.refuse(refusal, command.event_id)
        wire.sender = reading

    def _audio_append(self, fields: Fields) -> Commands:
        if self._call.paced:
            unsupported("audio comes beside the events on this connection, not in them")
        audio = required(fields, "audio")
        if not isinstance(audio, str):
            raise BadRequest("audio must be a string", "invalid_type", "audio")
        audio_format = self._call.settings["audio.input.format"]
        slices = self._microphone.slices(audio, audio_format)
        return (Hear(samples) for samples in slices if len(samples))

    def _audio_commit(self, fields: Fields) -> Commands:
        return [Commit(fields.get("event_id"), self._sender)]

    def _audio_clear(self, fields: Fields) -> Commands:
        self._speech.forget()
        self._call.wire.event("input_audio_buffer.cleared")
        return [ClearAudio()]

    def _playback_clear(self, fields: Fields) -> Commands:
        if not self._call.paced:
            unsupported(
                "the client keeps the audio: output_audio_buffer.clear has no use"
            )
        return [ClearPlayback()]

    def _item_create(self, fields: Fields) -> Commands:
        conversation = self._call.conversation
        after = fields.get("previous_item_id")
        if after is not None:
            after = ID(after, "previous_item_id")
        item = read_item(required(fields, "item"), "item", conversation.new_id)
        previous = conversation.insert(item, after)
        self._call.added(item, previous)
        self._call.done(item, previous)
        if after is None:
            return [item.message()]
        return [item.message(conversation.key_before(item))]

    def _item_retrieve(self, fields: Fields) -> Commands:
        item = self._item(fields, "retrieve")
        self._call.wire.event("conversation.item.retrieved", item=item.rendered())
        return []

    def _item_delete(self, fields: Fields) -> Commands:
        item = self._item(fields, "delete")
        if item.status == "in_progress":
            unsupported("an item cannot be deleted while it is being made", "item_id")
        self._call.conversation.remove(item)
        self._call.wire.event("conversation.item.deleted", item_id=item.id)
        return [DeleteMessage(item.key)]

    def _item_truncate(self, fields: Fields) -> Commands:
        item = self._item(fields, "truncate")
        if (content_index := fields.get("content_index")) is not None:
            integer(0, 0)(content_index, "content_index")
        end_ms = required(fields, "audio_end_ms")
        asked_ms = integer(0, 24 * 3_600_000)(end_ms, "audio_end_ms")
        if item.part is not Part.OUTPUT_AUDIO:
            message = "only audio of the assistant can be truncated"
            raise BadRequest(message, param="item_id")
        return self._responses.truncate(item, asked_ms)

    def _item(self, fields: Fields, verb: str) -> Item:
        item_id = ID(required(fields, "item_id"), "item_id")
        # As OpenAI's server; pipecat waits for exactly this.
        code = f"item_{verb}_invalid_item_id"
        return self._call.conversation.find(item_id, code=code)

    def _response_create(self, fields: Fields) -> Commands:
        given = fields.get("response")
        asked = {} if given is None else mapping(given, "response")
        own = {name: asked[name] for name in asked if name in _RESPONSE}
        read = checked(own, _RESPONSE, "response")
        call = self._call
        if call.settings.kind == "transcription":
            unsupported("a transcription session answers nothing")
        patch = {name: asked[name] for name in asked if name not in _RESPONSE}
        if odd := [name for name in patch if name not in _OVERRIDES]:
            known = dict.fromkeys([*_RESPONSE, *_OVERRIDES])
            raise unknown("response", odd[0], known)
        settings = self._rules.update(call.settings, patch, "response")
        aside = read.get("conversation", "auto") == "none"
        if aside and call.paced:
            settings = settings.changed(
                {"output_modalities": ["text"]}
            )  # one RTP stream
        if self._active and not aside:
            active = self._responses.of(self._active)
            name = "a response" if active is None else f"response {active.id}"
            message = f"{name} is still in progress"
            raise BadRequest(message, "conversation_already_has_active_response")
        messages = None if "input" not in read else self._input(read["input"])
        usual = self._rules.call_settings(call.settings)
        wanted = self._rules.call_settings(settings)
        return [
            ResponseCreate(
                settings=None if wanted == usual else wanted,
                messages=messages,
                aside=aside,
                event_id=fields.get("event_id"),
                sender=self._sender,
                shown=settings,
                metadata=read.get("metadata", {}),
            )
        ]

    def _input(self, values: list[object]) -> tuple[AddMessage, ...]:
        """The items that a response answers in place of the conversation."""
        conversation = self._call.conversation
        messages = []
        for index, value in enumerate(values):
            path = f"response.input[{index}]"
            fields = mapping(value, path)
            if fields.get("type") == "item_reference":
                item_id = ID(required(fields, "id", path), f"{path}.id")
                item = conversation.find(item_id, f"{path}.id")
            else:
                item = read_item(fields, path, conversation.new_id)
            messages.append(item.message())
        return tuple(messages)

    def _response_cancel(self, fields: Fields) -> Commands:
        wanted, turn = fields.get("response_id"), self._active
        if wanted is not None:
            turn = self._responses.running(ID(wanted, "response_id"), self._active)
        late = wanted is None and self._responses.cut_by_client
        # pydantic-ai truncates what it then cancels.
        event_id = fields.get("event_id")
        cancel = Cancel(turn, event_id=event_id, sender=self._sender, late=late)
        if wanted is None or turn:
            return [cancel]  # what was asked for may not have begun
        self.refused(cancel)
        return []

    @property
    def _sender(self) -> int:
        """Who sent the message that is read."""
        return self._call.wire.sender or 0


def _input_list(value: object, path: str) -> list[object]:
    if not isinstance(value, list) or len(value) > MAX_INPUT:
        message = f"{path} must be a list of at most {MAX_INPUT} items"
        raise BadRequest(message, "invalid_type", path)
    return value


_RESPONSE: dict[str, Check[Any]] = {
    "metadata": metadata,
    "conversation": choice("auto", "none"),
    "input": _input_list,
}
# Members of the session that a response may have of its own.
_OVERRIDES = (
    "instructions",
    "output_modalities",
    "tools",
    "tool_choice",
    "audio",
    "max_output_tokens",
    "parallel_tool_calls",
    "prompt",
    "reasoning",
    "route",
)
