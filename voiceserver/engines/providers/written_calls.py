"""Finds calls of functions that a model writes as text instead of calling; pure.

They are held back and at the end of the answer parsed or refused: never spoken. Text
that only began like one is given at the end. Knows nothing of the stream around it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from voiceserver.engines.providers.calls import new_call_id, read_arguments
from voiceserver.errors import ProviderFailed
from voiceserver.tools import ToolCall

_NAMES = (
    "<tool_call>",
    "<tool_calls>",
    "<toolcall>",
    "<function_call>",
    "<function=",
    "<|tool_call|>",
    "<|tool_call_begin|>",
    "<|tool_calls_section_begin|>",
    "<|python_tag|>",
    "[tool_calls]",
    "[tool_call]",
)
_MARK = re.compile("|".join(map(re.escape, _NAMES)), re.IGNORECASE)
# An object at the beginning of a line, in a fence or in a list perhaps; and what may
# still become one.
_BARE = re.compile(r"(?:\A|\n)[ \t]*((?:```[a-z_]*\s*)?\[?\s*\{)")
_BARE_BEGUN = re.compile(r"(?:\A|\n)([ \t]*(?:`{1,2}|```[a-z_]*\s*)?\[?\s*)\Z")
_XML = re.compile(r"<function=([\w.-]{1,64})>(.*?)(?:</function>|\Z)", re.DOTALL)
_XML_ARGUMENT = re.compile(r"<parameter=([^>\s]+)>\n?(.*?)\n?</parameter>", re.DOTALL)


class WrittenCalls:
    """Gives what is no call; one object per answer.

    Args:
        source: Name of the provider, for error messages.
        offered: Names of the functions that may be called; where there are none, an
            object is an answer like any other.

    Attributes:
        calls: Those that were found, once the answer has ended.
    """

    def __init__(self, source: str, offered: Sequence[str]) -> None:
        self.calls: list[ToolCall] = []
        self._source = source
        self._offered = frozenset(offered)
        self._text = ""
        self._held = False
        self._at_line = True  # what was given ended with a line

    def push(self, text: str) -> str:
        """Add text; return what is no call."""
        self._text += text
        return "" if self._held else self._give(self._place())

    def flush(self) -> str:
        """The answer has ended; return the rest, which may have been no call.

        Raises:
            ProviderFailed: If it is a call that cannot be read or be made.
        """
        text, self._text = self._text, ""
        if not self._held:
            return text
        found = list(_calls_in(text, self._offered))
        for name, arguments in found:
            if name not in self._offered or not arguments:
                raise ProviderFailed(
                    self._source, "wrote a call that cannot be made", "refused"
                )
            self.calls.append(ToolCall(new_call_id(), name, arguments))
        if not found and _MARK.search(text):
            raise ProviderFailed(
                self._source, "wrote a call that cannot be read", "refused"
            )
        return "" if found else text

    def _give(self, n: int) -> str:
        text, self._text = self._text[:n], self._text[n:]
        if text:
            self._at_line = text.endswith("\n")
        return text

    def _place(self) -> int:
        """How much of the text is certainly no call."""
        text, places = self._text, [len(self._text)]
        # Where no line begins here, a character in front keeps one from being found.
        shift = 0 if self._at_line else 1
        line = "." * shift + text
        if mark := _MARK.search(text):
            places.append(mark.start())
        if self._offered and (bare := _BARE.search(line)):
            places.append(bare.start(1) - shift)
        self._held = len(places) > 1
        if self._held:
            return min(places)
        if self._offered and (begun := _BARE_BEGUN.search(line)):
            places.append(max(0, begun.start(1) - shift))
        low = text.lower()
        longest = min(max(map(len, _NAMES)), len(low) + 1)
        places += [
            len(low) - n
            for n in range(1, longest)
            if any(name.startswith(low[-n:]) for name in _NAMES)
        ]
        return min(places)


def _calls_in(text: str, offered: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Give names and arguments; arguments are ``""`` where they cannot be read."""
    for name, body in _XML.findall(text):
        given = {key: _value(raw) for key, raw in _XML_ARGUMENT.findall(body)}
        yield name, json.dumps(given) if given else read_arguments(body)
    if _XML.search(text):
        return
    decoder, at = json.JSONDecoder(), 0
    while (at := text.find("{", at)) >= 0:
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            at += 1
            continue
        fields = value.get("function") if isinstance(value, dict) else None
        fields = fields if isinstance(fields, dict) else value
        name = fields.get("name", fields.get("function"))
        arguments = fields.get("arguments", fields.get("parameters"))
        if isinstance(name, str) and (arguments is not None or name in offered):
            written = arguments if isinstance(arguments, str) else json.dumps(arguments)
            yield name, read_arguments(written)


def _value(raw: str) -> object:
    try:
        value: object = json.loads(raw)
    except (ValueError, RecursionError):
        return raw
    return value
