"""Puts calls of functions together from the parts that a service streams; pure.

Services number the parts, or do not, or give all the same number; arguments come as
text in pieces or as an object at once. What cannot be read is refused: a call without
its arguments would do something else than was meant.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import Any

from voiceserver.engines.providers.unspoken.unicode import without_halves
from voiceserver.errors import ProviderFailed
from voiceserver.tools import ToolCall

MAX_CALLS = 32  # of one answer


@dataclass(slots=True)
class _Part:
    """A call as far as it has come."""

    index: int | None
    id: str = ""
    name: str = ""
    arguments: str = ""

    @property
    def whole(self) -> bool:
        return bool(self.arguments.strip()) and read_arguments(self.arguments) != ""


@dataclass(slots=True)
class StreamedCalls:
    """The calls of one answer.

    Attributes:
        source: Name of the provider, for error messages.
    """

    source: str
    _calls: list[_Part] = field(default_factory=list)

    def grow(self, parts: object) -> bool:
        """Take parts of calls; returns whether there were any.

        Raises:
            ProviderFailed: If they cannot be read, or are too many.
        """
        if isinstance(parts, dict):
            parts = [parts]
        if not isinstance(parts, list) or not parts:
            return False
        for part in parts:
            if not isinstance(part, dict):
                raise ProviderFailed(
                    self.source, "called a tool in no known way", "refused"
                )
            self._grow(part)
        return True

    def ended(self) -> list[ToolCall]:
        """Return the calls, in the order in which they began.

        Raises:
            ProviderFailed: If one has no name, or arguments that are no JSON object.
        """
        calls = []
        for part in self._calls:
            if not part.name:
                raise ProviderFailed(
                    self.source, "called a tool without a name", "refused"
                )
            arguments = read_arguments(without_halves(part.arguments))
            if not arguments:
                raise ProviderFailed(
                    self.source, "called a tool with broken JSON", "refused"
                )
            calls.append(ToolCall(part.id or new_call_id(), part.name, arguments))
        return calls

    def _grow(self, part: dict[str, Any]) -> None:
        function = part.get("function")
        fields = function if isinstance(function, dict) else part
        call_id, name = _text(part.get("id")), _text(fields.get("name"))
        arguments = fields.get("arguments")
        call = self._belongs_to(_number(part.get("index")), call_id, name, arguments)
        call.id = call.id or call_id
        call.name = call.name or name
        match arguments:
            case None:
                pass
            case str():
                if call.arguments.strip() == "{}" and arguments[:1] == "{":
                    call.arguments = arguments  # some begin with none
                # Some send all of it once more at the end.
                elif not (call.whole and arguments == call.arguments):
                    call.arguments += arguments
            case dict():
                text = json.dumps(arguments, ensure_ascii=False)
                if call.arguments.strip() not in ("", "{}", text):
                    message = "called a tool with two sets of arguments"
                    raise ProviderFailed(self.source, message, "refused")
                call.arguments = text
            case _:
                raise ProviderFailed(
                    self.source, "called a tool with broken JSON", "refused"
                )

    def _belongs_to(
        self, index: int | None, call_id: str, name: str, arguments: object
    ) -> _Part:
        """Find the call that a part goes on with, or begin one."""
        call: _Part | None = None
        if call_id:
            call = next((c for c in self._calls if c.id == call_id), None)
        if call is None:
            numbered = (c for c in reversed(self._calls) if index in (None, c.index))
            call = next(numbered, None)
            if call is not None and _another(call, call_id, name, arguments):
                call = None
        if call is None:
            if len(self._calls) >= MAX_CALLS:
                raise ProviderFailed(
                    self.source, "called too many tools at once", "refused"
                )
            call = _Part(index)
            self._calls.append(call)
        return call


def _another(call: _Part, call_id: str, name: str, arguments: object) -> bool:
    """Whether a part with the number of ``call``, or with none, begins another."""
    if not name or not call.name:
        return False
    if call_id and call.id and call_id != call.id:
        return True
    # Without ids: a name again, behind arguments that are complete.
    return call.whole and bool(arguments) and (not call_id or not call.id)


def read_arguments(text: str) -> str:
    """Return arguments as the text of a JSON object; ``""`` if they are none.

    No arguments at all are an empty object; an object that was made a text twice is
    unpacked.
    """
    if not text.strip():
        return "{}"
    try:
        value = json.loads(text)
        if isinstance(value, str):
            text, value = value, json.loads(value or "{}")
    except (ValueError, RecursionError):
        return ""
    if value is None:
        return "{}"
    return (text or "{}") if isinstance(value, dict) else ""


def new_call_id() -> str:
    """Return an id for a call that came without: its result is tied to it."""
    return f"call_{uuid.uuid4().hex[:24]}"


def _number(value: object) -> int | None:
    """Read a part's number, if it has one."""
    if isinstance(value, str) and value.isdecimal() and len(value) < 6:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(value: object) -> str:
    return without_halves(value) if isinstance(value, str) else ""
