"""JSON as clients send it: what cannot be handled later is refused here, at once.

Python's own reading takes numbers that are not finite, which cannot be sent back, and
is quadratic in the digits of one. Knows nothing of what a text means.
"""

from __future__ import annotations

import json
import math

from voiceserver.errors import BadRequest

MAX_NUMBERS = 2_048  # in one text; no session has as many, and they cost most
MAX_DIGITS = 1_000  # of a number


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
