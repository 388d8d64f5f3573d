"""Checks of single JSON fields: each returns the value in our type or refuses it.

A check takes the value and its dotted path, which the refusal names. Values come from
``json.loads``: numbers may be huge, strings may hold lone surrogates, nesting may be
deep; nothing that passes here does harm when it is sent back or spoken.
"""

from __future__ import annotations

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
