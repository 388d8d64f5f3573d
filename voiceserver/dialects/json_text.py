"""JSON as clients send it: what cannot be handled later is refused here, at once.

Python's own reading takes numbers that are not finite, which cannot be sent back, and
is quadratic in the digits of one. How long it takes depends on how many values there
are, so those of an event, which is read beside calls, are counted first. Knows nothing
of what a text means.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from voiceserver.errors import BadRequest

MAX_NUMBERS = 2_048  # in one text; no session has as many, and they cost most
MAX_DIGITS = 1_000  # of a number
MAX_TEXT = 1_048_576  # characters beside the audio; 3 ms to count and as much to read
MAX_VALUES = 16_384  # in one event; 4 ms to read
_AUDIO = '"audio"'


def read(text: str | bytes | bytearray, what: str) -> object:
    """Read a text.

    Args:
        text: Bytes are UTF-8.
        what: Subject of a refusal.

    Raises:
        BadRequest: If it is not JSON (``invalid_json``), or has too many numbers
            (``event_too_large``).
    """
    numbers = _Numbers(what)
    try:
        return json.loads(
            text,
            parse_constant=numbers.real,
            parse_float=numbers.real,
            parse_int=numbers.whole,
        )
    # RecursionError: nested thousands deep. ValueError: malformed, not UTF-8, or a
    # number that is none.
    except (ValueError, RecursionError):
        raise BadRequest(f"{what} is not valid JSON", "invalid_json") from None


def read_event(message: str) -> Mapping[str, Any]:
    """Read an event, at a cost that is known beforehand.

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


class _Numbers:
    """Reads the numbers of one text, as far as there are not too many."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._left = MAX_NUMBERS

    def real(self, digits: str) -> float:
        value = float(self._counted(digits))
        if not math.isfinite(value):
            raise ValueError("not a finite number")
        return value

    def whole(self, digits: str) -> int:
        return int(self._counted(digits))

    def _counted(self, digits: str) -> str:
        self._left -= 1
        if self._left < 0:
            message = f"{self._what} has at most {MAX_NUMBERS} numbers"
            raise BadRequest(message, "event_too_large")
        if len(digits) > MAX_DIGITS:
            raise ValueError("too many digits")
        return digits
