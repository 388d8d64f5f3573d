"""The text of a client's event to its fields, at a cost that is known beforehand.

How long JSON takes to read depends on how many values it has, so those are counted
first. Knows the shape of an event, and nothing of what it asks for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from voiceserver.dialects.json_text import read
from voiceserver.errors import BadRequest

Fields = Mapping[str, Any]

MAX_TEXT = 1_048_576  # characters beside the audio; 3 ms to count and as much to read
MAX_VALUES = 16_384  # in one event; 4 ms to read
_AUDIO = '"audio"'


def parsed(message: str) -> Fields:
    """The event as an object.

    Raises:
        BadRequest: If it is no JSON object, or one that cannot be handled.
    """
    text = _beside_audio(message)
    if len(text) > MAX_TEXT:
        what = f"an event has at most {MAX_TEXT} characters beside its audio"
        raise BadRequest(what, "event_too_large")
    # Each value but the first follows one of these.
    if sum(map(text.count, ",[{")) > MAX_VALUES:
        what = f"an event has at most {MAX_VALUES} values"
        raise BadRequest(what, "event_too_large")
    value = read(message, "the message")
    if not isinstance(value, dict):
        raise BadRequest("an event must be a JSON object", "invalid_json")
    return value


def _beside_audio(message: str) -> str:
    """A message without the letters of its first long string that is called audio.

    What is left out has no quotation mark and follows one that begins a string, or
    the message is no JSON up to there: it is one value, however long.
    """
    name = message.find(_AUDIO)
    if name < 0:
        return message
    colon = message.find(":", name + len(_AUDIO))
    begin = message.find('"', colon) + 1
    end = message.find('"', begin)
    between = message[name + len(_AUDIO) : begin] if colon >= 0 and begin else ""
    if end < 0 or "".join(between.split()) != ':"':
        return message
    return message[:begin] + message[end:]
