"""Finds calls of functions that a model writes as text instead of calling; pure.

They are held back from where they begin, and at the end of the answer parsed or
refused; text that only began like one is given at the end.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Iterator, Sequence

from voiceserver.engines.providers.calls import new_call_id, read_arguments
from voiceserver.errors import ProviderFailed
from voiceserver.tools import ToolCall

_CALLS = (
    "<tool_call>",
    "<tool_calls>",
    "<toolcall>",
    "<function_call>",
    "<function=",
    "<|tool_call|>",
    "<|tool_call_begin|>",
    "<|tool_calls_section_begin|>",
    "<|python_tag|>",
    "<|channel|>commentary to=functions.",
    "<|start|>assistant to=functions.",
    "<\uff5ctool\u2581calls\u2581begin\uff5c>",
    "<\uff5ctool\u2581call\u2581begin\uff5c>",
    "<minimax:tool_call>",
    "<function_calls>",
    "<invoke name=",
    "[tool_calls]",
    "[tool_call]",
    "functools[",
)
_CALL = re.compile("|".join(map(re.escape, _CALLS)), re.IGNORECASE)
# An object at the beginning of a line, in a fence or in a list perhaps; and what may
# still become one.
_BARE = re.compile(r"(?:\A|\n)[ \t]*((?:```[a-z_]*\s*)?\[?\s*\{)")
_LAST_LINE = re.compile(
    r"(?:\A|\n)[ \t]*((?:```[a-z_]*\s*\n[ \t]*)?([^\s`][^\n]{0,70}))\Z"
)
_BARE_BEGUN = re.compile(r"(?:\A|\n)([ \t]*(?:`{1,2}|```[a-z_]*\s*)?\[?\s*)\Z")
# Tags, template tokens and fences between a name and its arguments.
_BETWEEN = r"(?>\s+|:\d+|<[^<>\n]{1,60}>|\[[A-Z_]{1,20}\]|```[a-z]*|json)*+"
_BEFORE = ("", "[", "print(")
_MOST_PYTHON = 2048  # characters of calls that are written as Python
_INVOKED = re.compile(
    r"<invoke name=\"?([\w.-]{1,64})\"?>(.*?)(?:</invoke>|\Z)", re.DOTALL
)
_INVOKED_ARGUMENT = re.compile(
    r"<parameter name=\"?([^>\s\"]+)\"?>\n?(.*?)\n?</parameter>", re.DOTALL
)
_KEYED = re.compile(
    r"<tool_call>\s*([\w.-]{1,64})\s*(?=<arg_key>)(.*?)(?:</tool_call>|\Z)", re.DOTALL
)
_KEYED_ARGUMENT = re.compile(
    r"<arg_key>\s*(.*?)\s*</arg_key>\s*<arg_value>\n?(.*?)\n?</arg_value>", re.DOTALL
)
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
        names = "|".join(map(re.escape, sorted(offered, key=len, reverse=True)))
        # As Python, at the beginning of a line and in no other code: by its name, so
        # that no prose is held back.
        self._python = re.compile(
            rf"(?:\A|\n)((?:```[a-z_]*\s*)?\[?(?:print\()?(?:{names})\()"
        )
        self._openings = [f"{pre}{name}(" for name in offered for pre in _BEFORE]
        self._text = ""
        self._held = False
        self._at_line = True  # what was given ended with a line
        self._code = False  # what was given has a fence that is open
        self._ticks = ""  # of a fence, perhaps, at the end of what was given

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
        if not found and _CALL.search(text):
            raise ProviderFailed(
                self._source, "wrote a call that cannot be read", "refused"
            )
        return "" if found else text

    def _give(self, n: int) -> str:
        text, self._text = self._text[:n], self._text[n:]
        if text:
            self._at_line = text.endswith("\n")
            fences = (self._ticks + text).count("```")
            self._code ^= fences % 2 == 1
            self._ticks = "`" * ((len(text) - len(text.rstrip("`"))) % 3)
        return text

    def _place(self) -> int:
        """How much of the text is certainly no call."""
        text, places = self._text, [len(self._text)]
        # Where no line begins here, a character in front keeps one from being found.
        shift = 0 if self._at_line else 1
        line = "." * shift + text
        if mark := _CALL.search(text):
            places.append(mark.start())
        if self._offered:
            python = None if self._in_code(text) else self._python.search(line)
            found = (_BARE.search(line), python)
            places += [bare.start(1) - shift for bare in found if bare]
        self._held = len(places) > 1
        if self._held:
            return min(places)
        if self._offered and (begun := self._may_begin(line)):
            places.append(max(0, begun.start(1) - shift))
        low = text.lower()
        longest = min(max(map(len, _CALLS)), len(low) + 1)
        places += [
            len(low) - n
            for n in range(1, longest)
            if any(name.startswith(low[-n:]) for name in _CALLS)
        ]
        return min(places)

    def _in_code(self, text: str) -> bool:
        """Whether a call by name in the text would stand among other code."""
        call = self._python.search(text)
        fences = text[: call.start(1)].count("```") if call else 0
        return self._code ^ (fences % 2 == 1)

    def _may_begin(self, line: str) -> re.Match[str] | None:
        """What at the end of the text may still become an object, or Python."""
        last = _LAST_LINE.search(line)
        if last and any(each.startswith(last.group(2)) for each in self._openings):
            return last
        return _BARE_BEGUN.search(line)


def _calls_in(text: str, offered: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Give names and arguments; arguments are ``""`` where they cannot be read."""
    tagged = [*_tagged(text)] or [*_behind_names(text, offered)]
    tagged = tagged or [*_in_python(text, offered)]
    if tagged:
        yield from tagged
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


def _tagged(text: str) -> Iterator[tuple[str, str]]:
    """Give the calls whose names and arguments stand in tags."""
    for call, argument in (
        (_XML, _XML_ARGUMENT),
        (_INVOKED, _INVOKED_ARGUMENT),
        (_KEYED, _KEYED_ARGUMENT),
    ):
        for name, body in call.findall(text):
            given = {key: _value(raw) for key, raw in argument.findall(body)}
            yield name, json.dumps(given) if given else read_arguments(body)


def _behind_names(text: str, offered: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Give the calls whose names stand before their arguments, an object."""
    if not offered:
        return
    names = "|".join(map(re.escape, sorted(offered, key=len, reverse=True)))
    named = re.compile(rf"(?<![\w\"'])(?:functions\.)?({names}){_BETWEEN}(?=\{{)")
    for call in named.finditer(text):
        try:
            value, _ = json.JSONDecoder().raw_decode(text, call.end())
        except (ValueError, RecursionError):
            yield call.group(1), ""
        else:
            yield call.group(1), json.dumps(value)


def _in_python(text: str, offered: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Give the calls that are written as Python, and nothing beside them."""
    lines = [line for line in text.splitlines() if not line.startswith("```")]
    source = re.sub(r"<[|\uff5c][^<>\n]{1,40}[|\uff5c]>", "", "\n".join(lines)).strip()
    if not offered or len(source) > _MOST_PYTHON:
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they quote what the model wrote
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    calls = [*_alone(tree, offered)]
    if None not in calls:
        yield from ((name, _keywords(call)) for name, call in filter(None, calls))


def _alone(
    tree: ast.Module, offered: frozenset[str]
) -> Iterator[tuple[str, ast.Call] | None]:
    """Give the calls of functions that may be called; None for anything else."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        match waiting.pop(0):
            case ast.Expr(value=value):
                waiting.insert(0, value)
            case ast.List(elts=values):
                waiting[:0] = values
            case ast.Call(func=ast.Name(id="print"), args=[value], keywords=[]):
                waiting.insert(0, value)
            case ast.Call(func=ast.Name(id=name)) as call if name in offered:
                yield name, call
            case _:
                yield None


def _keywords(call: ast.Call) -> str:
    """Arguments by name as JSON; ``""`` where they are no plain values."""
    try:
        given = {
            str(each.arg): ast.literal_eval(each.value)
            for each in call.keywords
            if each.arg is not None
        }
        named = not call.args and len(given) == len(call.keywords)
        return json.dumps(given, allow_nan=False) if named else ""
    except (ValueError, TypeError, RecursionError):
        return ""


def _value(raw: str) -> object:
    try:
        value: object = json.loads(raw)
    except (ValueError, RecursionError):
        return raw
    return value
