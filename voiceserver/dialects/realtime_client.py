"""What a client asks for: client events checked, answered, and turned into commands.

Whatever arrives, the answer is a server event or a refusal that names the offending
event; nothing raises, and a refused event changes nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from voiceserver.dialects.realtime_audio import MicrophoneDecoder
from voiceserver.dialects.realtime_call import Call
from voiceserver.dialects.realtime_fields import (
    Check,
    checked,
    choice,
    integer,
    mapping,
    metadata,
    text,
)
from voiceserver.dialects.realtime_input import UserSpeech
from voiceserver.dialects.realtime_items import Item, Part
from voiceserver.dialects.realtime_output import Responses
from voiceserver.dialects.realtime_session import SessionRules, difference
from voiceserver.dialects.realtime_wire import Refused
from voiceserver.events import (
    AddMessage,
    CancelReply,
    ClearAudio,
    ClearPlayback,
    Command,
    CommitAudio,
    CreateReply,
    Hear,
)

Commands = Sequence[Command]
Fields = Mapping[str, Any]

MAX_PARTS = 32  # content parts of one message
_ID = text(128)  # OpenAI allows 32


class ClientEvents:
    """Reads the client of one call.

    Args:
        call: The call.
        rules: What a client may set.
        speech: The user's side.
        responses: The server's side.
        session_id: Shown in ``session.updated``.
    """

    def __init__(
        self,
        call: Call,
        rules: SessionRules,
        speech: UserSpeech,
        responses: Responses,
        session_id: str,
    ) -> None:
        self._call = call
        self._rules = rules
        self._speech = speech
        self._responses = responses
        self._session_id = session_id
        self._microphone = MicrophoneDecoder()
        self._readers: dict[str, Callable[[Fields], Commands]] = {
            "session.update": self._session_update,
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

    def receive(self, message: str) -> Commands:
        """Answer one message; return what the session should do."""
        event_id: str | None = None
        try:
            fields = _parsed(message)
            given = fields.get("event_id")
            if given is not None:
                event_id = _ID(given, "event_id")
            return self._reader(fields)(fields)
        except Refused as refused:
            self._call.wire.refuse(refused, event_id)
            return []

    def refused(self, command: Command) -> None:
        """Tell that a command could not be carried out as things stand."""
        match command:
            case CommitAudio(event_id):
                message = "there is no speech to commit; send at least 100 ms of audio"
                refusal = Refused(message, "input_audio_buffer_commit_empty")
            case CreateReply(event_id=event_id):
                message = "a response is about to begin already"
                refusal = Refused(message, "conversation_already_has_active_response")
            case _:
                return
        self._call.wire.refuse(refusal, event_id)

    def _reader(self, fields: Fields) -> Callable[[Fields], Commands]:
        if "type" not in fields:
            message = "the event has no type"
            raise Refused(message, "missing_required_parameter", "type")
        name = text()(fields["type"], "type")
        reader = self._readers.get(name)
        if reader is None:
            known = ", ".join(self._readers)
            message = f"unknown event type {name[:64]!r}; known are: {known}"
            raise Refused(message, "unknown_event", "type")
        return reader

    def _session_update(self, fields: Fields) -> Commands:
        call, rules = self._call, self._rules
        old = call.settings
        new = rules.update(old, _required(fields, "session"))
        call.settings = new
        session = new.rendered(self._session_id)
        call.wire.event("session.updated", session=session)
        change = difference(rules.configure(old), rules.configure(new))
        return [] if change is None else [change]

    def _audio_append(self, fields: Fields) -> Commands:
        if self._call.paced:
            _unsupported(
                "audio comes beside the events on this connection, not in them"
            )
        audio = _required(fields, "audio")
        if not isinstance(audio, str):
            raise Refused("audio must be a string", "invalid_type", "audio")
        samples = self._microphone.decode(audio, self._call.settings.input_format)
        return [Hear(samples)] if len(samples) else []

    def _audio_commit(self, fields: Fields) -> Commands:
        return [CommitAudio(fields.get("event_id"))]

    def _audio_clear(self, fields: Fields) -> Commands:
        self._speech.forget()
        self._call.wire.event("input_audio_buffer.cleared")
        return [ClearAudio()]

    def _playback_clear(self, fields: Fields) -> Commands:
        if not self._call.paced:
            _unsupported(
                "the client keeps the audio: output_audio_buffer.clear has no use"
            )
        return [ClearPlayback()]

    def _item_create(self, fields: Fields) -> Commands:
        after = fields.get("previous_item_id")
        if after is not None:
            after = _ID(after, "previous_item_id")
        item = self._message(mapping(_required(fields, "item"), "item"))
        previous = self._call.conversation.insert(item, after)
        self._call.added(item, previous)
        self._call.done(item, previous)
        return [AddMessage(item.role, item.text or "")]

    def _message(self, fields: Fields) -> Item:
        kind = text()(_required(fields, "type", "item"), "item.type")
        if kind != "message":
            _unsupported("only items of type message are supported", "item.type")
        read = checked(fields, _MESSAGE, "item")
        role = read.get("role", "user")
        words = _words(_required(fields, "content", "item"), role)
        assistant = role == "assistant"
        part = Part.OUTPUT_TEXT if assistant else Part.INPUT_TEXT
        item_id = read.get("id") or self._call.conversation.new_id()
        return Item(item_id, role, part, words)

    def _item_retrieve(self, fields: Fields) -> Commands:
        item = self._item(fields)
        self._call.wire.event("conversation.item.retrieved", item=item.rendered())
        return []

    def _item_delete(self, fields: Fields) -> Commands:
        self._item(fields)
        _unsupported("items cannot be deleted yet")

    def _item_truncate(self, fields: Fields) -> Commands:
        item = self._item(fields)
        integer(0, 0)(fields.get("content_index", 0), "content_index")
        end_ms = _required(fields, "audio_end_ms")
        asked_ms = integer(0, 24 * 3_600_000)(end_ms, "audio_end_ms")
        if item.part is not Part.OUTPUT_AUDIO:
            message = "only audio of the assistant can be truncated"
            raise Refused(message, param="item_id")
        return self._responses.truncate(item, asked_ms)

    def _item(self, fields: Fields) -> Item:
        item_id = _ID(_required(fields, "item_id"), "item_id")
        return self._call.conversation.find(item_id)

    def _response_create(self, fields: Fields) -> Commands:
        given = fields.get("response")
        read: dict[str, Any] = {}
        if given is not None:
            read = checked(mapping(given, "response"), _RESPONSE, "response")
        if self._responses.active is not None:
            message = f"response {self._responses.active.id} is still in progress"
            raise Refused(message, "conversation_already_has_active_response")
        return [
            CreateReply(
                metadata=read.get("metadata", {}),
                instructions=read.get("instructions"),
                event_id=fields.get("event_id"),
            )
        ]

    def _response_cancel(self, fields: Fields) -> Commands:
        active = self._responses.active
        wanted = fields.get("response_id")
        if wanted is not None:
            wanted = _ID(wanted, "response_id")
        if active is None or wanted not in (None, active.id):
            message = "there is no active response to cancel"
            raise Refused(message, "response_cancel_not_active")
        return [CancelReply()]


def _parsed(message: str) -> Fields:
    """The event as an object.

    Raises:
        Refused: If it is no JSON object, or one that cannot be handled.
    """
    try:
        value = json.loads(message, parse_constant=_number, parse_float=_number)
    # RecursionError: nested thousands deep. ValueError: malformed, or a number with
    # thousands of digits.
    except (ValueError, RecursionError):
        raise Refused("the message is not valid JSON", "invalid_json") from None
    if not isinstance(value, dict):
        raise Refused("an event must be a JSON object", "invalid_json")
    return value


def _number(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError("not a finite number")
    return value


def _required(fields: Fields, name: str, above: str = "") -> object:
    value = fields.get(name)
    if value is None:
        param = f"{above}.{name}".lstrip(".")
        message = f"{param} is missing"
        raise Refused(message, "missing_required_parameter", param)
    return value


def _unsupported(message: str, param: str | None = None) -> NoReturn:
    raise Refused(message, "unsupported", param)


def _words(content: object, role: str) -> str:
    """The text of a message's content parts, one line each."""
    if not isinstance(content, list) or not 0 < len(content) <= MAX_PARTS:
        message = f"item.content must be a list of 1 to {MAX_PARTS} parts"
        raise Refused(message, param="item.content")
    wanted = "output_text" if role == "assistant" else "input_text"
    # Other names for the same: "text" was the assistant's before.
    kinds = ("output_text", "text", "input_text")
    allowed = kinds if role == "assistant" else (wanted,)
    lines = []
    for index, value in enumerate(content):
        path = f"item.content[{index}]"
        part = mapping(value, path)
        kind = text()(_required(part, "type", path), f"{path}.type")
        if kind not in allowed:
            message = f"{path}.type must be {wanted} in a message of the {role}"
            _unsupported(message, f"{path}.type")
        lines.append(text()(_required(part, "text", path), f"{path}.text"))
    words = text()("\n".join(lines), "item.content")
    if not words.strip():
        raise Refused("item.content has no text", param="item.content")
    return words


def _is_content(value: object, path: str) -> object:
    return value  # read by the role, in _words


def _only_audio(value: object, path: str) -> None:
    if value != ["audio"]:
        _unsupported(f'{path} must be ["audio"]', path)


def _only_default_conversation(value: object, path: str) -> None:
    if value != "auto":
        _unsupported("responses outside the conversation are not supported yet", path)


def _only_in_session(value: object, path: str) -> None:
    message = f"{path} cannot be set for one response yet; set it in the session"
    _unsupported(message, path)


def _no_tools(value: object, path: str) -> None:
    if value:
        _unsupported("tools are not supported yet", path)


_MESSAGE: dict[str, Check[Any]] = {
    "id": _ID,
    "object": choice("realtime.item"),
    "type": choice("message"),
    "status": choice("completed", "incomplete", "in_progress"),
    "role": choice("user", "assistant", "system"),
    "content": _is_content,
}
_RESPONSE: dict[str, Check[Any]] = {
    "instructions": text(),
    "metadata": metadata,
    "output_modalities": _only_audio,
    "conversation": _only_default_conversation,
    "tools": _no_tools,
    "tool_choice": choice("auto", "none"),
    "input": _only_in_session,
    "audio": _only_in_session,
    "max_output_tokens": _only_in_session,
}
