"""The JSON that clients send: its text read within bounds, its single fields checked.

Python's own reading takes numbers that are not finite, which cannot be sent back, and
is quadratic in the digits of one. How long it takes depends on how many values there
are, so those of an event, which is read beside calls, are counted first.

A check takes a value and its dotted path, which the refusal names, and returns the
value in our type. Strings may hold lone surrogates, nesting may be deep; nothing that
passes here does harm when it is sent back or spoken.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from voiceserver.errors import BadRequest

T = TypeVar("T")
Check = Callable[[object, str], T]

MAX_TEXT = 32_768  # characters; escaped it stays below a data channel's 256 KiB
MAX_METADATA = 16  # pairs; OpenAI's limit, as are the next two
MAX_METADATA_KEY = 64
MAX_METADATA_VALUE = 512
MAX_OPAQUE = 4096  # values inside a field that is only echoed
MAX_OPAQUE_DEPTH = 16
MAX_NUMBERS = 2_048  # in one text; no session has as many, and they cost most
MAX_DIGITS = 1_000  # of a number
MAX_EVENT = 1_048_576  # characters beside the audio; 3 ms to count, as much to read
MAX_VALUES = 16_384  # in one event; 4 ms to read
_AUDIO = '"audio"'


def read_value(text: str | bytes | bytearray, what: str) -> object:
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
    counted = _beside_audio(message)
    if len(counted) > MAX_EVENT:
        what = f"an event has at most {MAX_EVENT} characters beside its audio"
        raise BadRequest(what, "event_too_large")
    # Each value but the first follows one of these.
    if sum(map(counted.count, ",[{")) > MAX_VALUES:
        what = f"an event has at most {MAX_VALUES} values"
        raise BadRequest(what, "event_too_large")
    value = read_value(message, "the message")
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


def text(limit: int = MAX_TEXT) -> Check[str]:
    """A string of at most ``limit`` characters of valid Unicode."""

    def check(value: object, path: str) -> str:
        if not isinstance(value, str):
            raise BadRequest(f"{path} must be a string", "invalid_type", path)
        if len(value) > limit:
            message = f"{path} must have at most {limit} characters"
            raise BadRequest(message, "string_above_max_length", path)
        try:
            value.encode()
        except UnicodeEncodeError:
            raise BadRequest(f"{path} is not valid Unicode", param=path) from None
        return value

    return check


ID = text(128)  # OpenAI allows 32


def number(low: float, high: float) -> Check[float]:
    """A number from ``low`` to ``high``."""

    def check(value: object, path: str) -> float:
        # bool is an int in Python, and is no number in JSON.
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise BadRequest(f"{path} must be a number", "invalid_type", path)
        if not low <= value <= high:
            raise BadRequest(f"{path} must be from {low} to {high}", param=path)
        return float(value)

    return check


def integer(low: int, high: int) -> Check[int]:
    """A whole number from ``low`` to ``high``."""

    def check(value: object, path: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise BadRequest(f"{path} must be a whole number", "invalid_type", path)
        if not low <= value <= high or value != int(value):
            message = f"{path} must be a whole number from {low} to {high}"
            raise BadRequest(message, param=path)
        return int(value)

    return check


def boolean(value: object, path: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise BadRequest(f"{path} must be true or false", "invalid_type", path)
    return value


def choice(*allowed: str) -> Check[str]:
    """One of the strings given."""

    def check(value: object, path: str) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise BadRequest(f"{path} must be one of: {', '.join(allowed)}", param=path)
        return value

    return check


@dataclass(frozen=True, slots=True)
class Nullable(Generic[T]):
    """Null, or what ``inner`` allows; elsewhere null means: leave it as it is."""

    inner: Check[T]

    def __call__(self, value: object, path: str) -> T | None:
        """Check a value."""
        return None if value is None else self.inner(value, path)


def mapping(value: object, path: str) -> Mapping[str, Any]:
    """A JSON object."""
    if not isinstance(value, dict):
        raise BadRequest(f"{path} must be an object", "invalid_type", path)
    return value


def required(fields: Mapping[str, Any], name: str, above: str = "") -> object:
    """A member that must be there.

    Raises:
        BadRequest: If it is missing or null.
    """
    value = fields.get(name)
    if value is None:
        param = f"{above}.{name}".lstrip(".")
        message = f"{param} is missing"
        raise BadRequest(message, "missing_required_parameter", param)
    return value


def opaque(value: object, path: str) -> object:
    """Any JSON value within reason; it is echoed and has no effect."""
    budget = [MAX_OPAQUE]
    _weigh(value, MAX_OPAQUE_DEPTH, budget)
    if budget[0] < 0:
        raise BadRequest(f"{path} is too large or too deeply nested", param=path)
    return value


def _weigh(value: object, depth: int, budget: list[int]) -> None:
    """Subtract the size of ``value``; far below zero once it is too deep."""
    if depth == 0 or budget[0] < 0:
        budget[0] = -1
    elif isinstance(value, dict):
        for key, member in value.items():
            budget[0] -= len(key)
            _weigh(member, depth - 1, budget)
    elif isinstance(value, list):
        for member in value:
            _weigh(member, depth - 1, budget)
    else:
        # An integer weighs its digits: it can be thousands of them long.
        budget[0] -= len(value) if isinstance(value, str) else len(repr(value))


def metadata(value: object, path: str) -> dict[str, str]:
    """Up to 16 pairs of strings, echoed with a response; null is no pair."""
    pairs = mapping(value, path)
    if len(pairs) > MAX_METADATA:
        raise BadRequest(f"{path} must have at most {MAX_METADATA} pairs", param=path)
    key, member = text(MAX_METADATA_KEY), text(MAX_METADATA_VALUE)
    return {
        key(name, f"{path} key"): member(pair, f"{path}.{name[:MAX_METADATA_KEY]}")
        for name, pair in pairs.items()
        if pair is not None
    }


def checked(
    patch: Mapping[str, Any], table: Mapping[str, Check[Any]], path: str
) -> dict[str, Any]:
    """Check the members of an object by a table of name to check.

    Members that are null are left out, except where their check is ``Nullable``.

    Raises:
        BadRequest: If a member is unknown or wrong.
    """
    values = {}
    for name, value in patch.items():
        check = table.get(name)
        if check is None:
            raise unknown(path, name, table)
        if value is not None or isinstance(check, Nullable):
            values[name] = check(value, f"{path}.{name}")
    return values


def unknown(path: str, name: str, known: Mapping[str, object]) -> BadRequest:
    """The refusal of a member that does not exist."""
    param = f"{path}.{name[:64]}"
    message = f"unknown parameter {param}; known here: {', '.join(sorted(known))}"
    return BadRequest(message, "unknown_parameter", param)
