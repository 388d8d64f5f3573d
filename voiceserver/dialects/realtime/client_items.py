"""Items that a client adds, to the conversation or to one response: read, checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from voiceserver.dialects.fields import (
    ID,
    Check,
    checked,
    choice,
    mapping,
    required,
    text,
)
from voiceserver.dialects.realtime.items import Item, Part
from voiceserver.errors import BadRequest

MAX_PARTS = 32  # content parts of one message
Fields = Mapping[str, Any]


def unsupported(message: str, param: str | None = None) -> NoReturn:
    """Refuse what the protocol has and this server has not."""
    raise BadRequest(message, "unsupported", param)


def read_item(value: object, path: str, new_id: Callable[[], str]) -> Item:
    """Read an item.

    Args:
        value: As the client sent it.
        path: For refusals.
        new_id: Gives an id to an item that has none.

    Raises:
        BadRequest: If it cannot be used.
    """
    fields = mapping(value, path)
    kind = text()(required(fields, "type", path), f"{path}.type")
    match kind:
        case "message":
            item = _message(fields, path)
        case "function_call":
            read = checked(fields, _CALL, path)
            item = Item("", "assistant", Part.FUNCTION_CALL, read.get("arguments", ""))
            item.name = str(required(read, "name", path))
            item.call_id = read.get("call_id", "")
        case "function_call_output":
            read = checked(fields, _OUTPUT, path)
            output = str(required(read, "output", path))
            item = Item("", "tool", Part.FUNCTION_CALL_OUTPUT, output)
            item.call_id = str(required(read, "call_id", path))
        case _:
            message = (
                "only items of type message, function_call and function_call_output "
                "are supported"
            )
            unsupported(message, f"{path}.type")
    given = fields.get("id")
    item.id = new_id() if given is None else ID(given, f"{path}.id")
    item.key = f"c{item.id}"
    if item.part is Part.FUNCTION_CALL and not item.call_id:
        item.call_id = f"call_{item.id}"
    return item


def _message(fields: Fields, path: str) -> Item:
    read = checked(fields, _MESSAGE, path)
    role = read.get("role", "user")
    words, spoken = _words(required(fields, "content", path), role, f"{path}.content")
    if role == "assistant":
        part = Part.OUTPUT_AUDIO if spoken else Part.OUTPUT_TEXT
    else:
        part = Part.INPUT_AUDIO if spoken else Part.INPUT_TEXT
    return Item("", role, part, words)


# Content types by role, those with a transcript last. "text" was the assistant's
# before.
_KINDS = {
    "assistant": ("output_text", "text", "input_text", "output_audio", "audio"),
    "user": ("input_text", "input_audio"),
    "system": ("input_text",),
}


def _words(content: object, role: str, path: str) -> tuple[str, bool]:
    """The words of a message's parts, one line each, and whether they were spoken."""
    least = 0 if role == "assistant" else 1  # nobody heard a word of it
    if not isinstance(content, list) or not least <= len(content) <= MAX_PARTS:
        message = f"{path} must be a list of 1 to {MAX_PARTS} parts"
        raise BadRequest(message, param=path)
    lines, spoken = [], False
    for index, value in enumerate(content):
        where = f"{path}[{index}]"
        part = mapping(value, where)
        kind = text()(required(part, "type", where), f"{where}.type")
        if kind not in _KINDS[role]:
            known = " or ".join(_KINDS[role])
            message = f"{where}.type must be {known} in a message of the {role}"
            unsupported(message, f"{where}.type")
        if kind.endswith("audio"):
            spoken = True
            transcript = part.get("transcript")
            if "transcript" in part and transcript is None and not part.get("audio"):
                transcript = ""  # as we tell of what had no words, or has none yet
            if transcript is None:
                message = (
                    f"{where} needs a transcript: audio of a message is not "
                    "recognised; send it with input_audio_buffer.append"
                )
                unsupported(message, f"{where}.transcript")
            lines.append(text()(transcript, f"{where}.transcript"))
        else:
            lines.append(text()(required(part, "text", where), f"{where}.text"))
    words = text()("\n".join(lines), path)
    if not (words.strip() or spoken or role == "assistant"):
        raise BadRequest(f"{path} has no text", param=path)
    return words, spoken


def _is_content(value: object, path: str) -> object:
    return value  # read by the role, in _words


_COMMON: dict[str, Check[Any]] = {
    "id": ID,
    "object": choice("realtime.item"),
    "type": text(64),
    "status": choice("completed", "incomplete", "in_progress"),
}
_MESSAGE: dict[str, Check[Any]] = {
    **_COMMON,
    "role": choice(*_KINDS),
    "content": _is_content,
}
_CALL: dict[str, Check[Any]] = {
    **_COMMON,
    "call_id": ID,
    "name": text(64),
    "arguments": text(),
}
_OUTPUT: dict[str, Check[Any]] = {**_COMMON, "call_id": ID, "output": text()}
