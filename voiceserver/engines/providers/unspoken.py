"""What a text model streams that is not to be spoken, taken out as it comes; pure.

Halves of characters wait for their other half. Thoughts stand between tags, which may
be cut anywhere between chunks. Where the template of the service opens them only the
closing tag is seen, so what comes before it has to be held back: where the service is
known for it, and where the beginning speaks of the user as of somebody else. Calls of
functions that a model writes as text instead of calling are held back, and at the end
of the answer parsed or refused; text that only began like one is given at the end.
Knows nothing of the stream around it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from voiceserver.engines.providers.calls import new_call_id, read_arguments
from voiceserver.engines.providers.unicode import without_halves
from voiceserver.errors import ProviderFailed
from voiceserver.tools import ToolCall

_LEADS = ("\ud800", "\udbff")
_PAIRS = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<thoughts>", "</thoughts>"),
    ("<reasoning>", "</reasoning>"),
    ("<reflection>", "</reflection>"),
    ("[think]", "[/think]"),
    ("\u25c1think\u25b7", "\u25c1/think\u25b7"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|channel|>analysis<|message|>", "<|channel|>final<|message|>"),
)
_CLOSES = dict(_PAIRS)
_TAGS = tuple(tag for pair in _PAIRS for tag in pair)
_TAG = re.compile("|".join(map(re.escape, _TAGS)), re.IGNORECASE)
# Models whose templates open the thoughts themselves.
_OPENED_BY = re.compile(r"(?i)(?<![a-z0-9])(r1|qwq|thinking|think|reason\w*)(?![a-z])")
# So a thought may begin; an answer too, so a little more of it is looked at.
_MUSING = re.compile(
    r"(?i)\s*(?:(?:okay|ok|alright|all right|right|hmm+|so|well|now|first|wait|oh"
    r"|let me|let's|got it)\b|(?:the |this )(?:user|human)\b|user \w+s\b)"
)
_MUSING_WORDS = (
    *"okay ok alright hmm so well now first wait oh user".split(),
    *("all right", "let me", "let's", "got it"),
    *("the user", "this user", "the human", "this human"),
)
_OF_THE_USER = re.compile(r"(?i)\b(?:the|this) (?:user|human)\b|^\s*user (?:is|\w+s)\b")
_MUSING_CHARACTERS = 36
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
    "[tool_calls]",
    "[tool_call]",
)
_CALL = re.compile("|".join(map(re.escape, _CALLS)), re.IGNORECASE)
# An object at the beginning of a line, in a fence or in a list perhaps; and what may
# still become one.
_BARE = re.compile(r"(?:\A|\n)[ \t]*((?:```[a-z_]*\s*)?\[?\s*\{)")
_BARE_BEGUN = re.compile(r"(?:\A|\n)([ \t]*(?:`{1,2}|```[a-z_]*\s*)?\[?\s*)\Z")
_XML = re.compile(r"<function=([\w.-]{1,64})>(.*?)(?:</function>|\Z)", re.DOTALL)
_XML_ARGUMENT = re.compile(r"<parameter=([^>\s]+)>\n?(.*?)\n?</parameter>", re.DOTALL)


def opens_thoughts(model: str) -> bool:
    """Whether a model of that name is known to begin within its thoughts."""
    return bool(_OPENED_BY.search(model))


class Unspoken:
    """Leaves out of one answer what is not to be spoken; one object per answer.

    Args:
        source: Name of the provider, for error messages.
        offered: Names of the functions that may be called; where there are none, an
            object is an answer like any other.
        opened: The answer is expected to begin within a thought.
    """

    def __init__(
        self, source: str, offered: Sequence[str] = (), opened: bool = False
    ) -> None:
        self._halves = _Halves()
        self._thoughts = _Thoughts(opened)
        self._calls = _WrittenCalls(source, offered)

    @property
    def opened(self) -> bool:
        """Whether the answer began within a thought, as far as is known.

        True once a closing tag was seen with none before it, false once the answer
        ended without one.
        """
        return self._thoughts.opened

    @property
    def calls(self) -> Sequence[ToolCall]:
        """Calls that were written, once the answer has ended."""
        return self._calls.calls

    def push(self, text: str) -> str:
        """Add text; return what is known to be spoken."""
        return self._calls.push(self._thoughts.push(self._halves.push(text)))

    def apart(self) -> None:
        """Thoughts come by a way of their own: the text is none."""
        self._thoughts.apart()

    def flush(self, cut: bool = False) -> str:
        """The answer has ended; return the rest.

        Args:
            cut: By its length: a thought that was expected may not have ended.

        Raises:
            ProviderFailed: If it is a call that cannot be read or be made.
        """
        return self._calls.push(self._thoughts.flush(cut)) + self._calls.flush()


class _Halves:
    """Joins halves of characters across chunks; one object per text."""

    def __init__(self) -> None:
        self._lead = ""

    def push(self, text: str) -> str:
        """Add text; return it without halves. One at the end waits for its other."""
        if not text:
            return ""
        text, self._lead = self._lead + text, ""
        if _LEADS[0] <= text[-1] <= _LEADS[1]:
            text, self._lead = text[:-1], text[-1]
        return without_halves(text)


class _Thoughts:
    """Gives what is no thought; one object per answer.

    Args:
        opened: The answer is expected to begin within a thought.

    Attributes:
        opened: Whether it did, as far as is known: true once a closing tag was seen
            with none before it, false once the answer ended without one.
        thought: Whether there was any thought.
    """

    def __init__(self, opened: bool = False) -> None:
        self.opened = opened
        self.thought = False
        self._expected = opened
        self._text = ""  # not given yet; of a doubtful thought all of it
        self._close = ""  # tag that ends the thought
        self._doubtful = ""  # the tag that may have been written about
        self._begun = False  # something was given
        self._given = ""  # the end of what was given

    def push(self, text: str) -> str:
        """Add text; return what is known to be no thought."""
        self._text += text
        given = ""
        while (tag := self._next_tag()) is not None:
            given += self._turn(tag)
        if self._close:
            if not self._doubtful:
                self._text = self._text[-len(self._close) :]
            return given
        if not self._begun and self._may_be_thought():
            return given
        keep = _tail(self._text, _TAGS)
        return given + self._give(len(self._text) - keep)

    def flush(self, cut: bool = False) -> str:
        """The answer has ended; return the rest.

        Args:
            cut: By its length: a thought that was expected may not have ended.
        """
        if self._close and self._doubtful:
            self._text = self._doubtful + self._text
        elif self._close or (self._expected and not self._begun and cut):
            self.thought = True
            return ""
        if self._expected:
            self.opened = False
        return self._give(len(self._text))

    def apart(self) -> None:
        """Thoughts come by a way of their own: the text is none."""
        if not self._begun:
            self._expected = self.opened = False

    def _next_tag(self) -> re.Match[str] | None:
        if self._close:
            return re.search(re.escape(self._close), self._text, re.IGNORECASE)
        tags = _TAG.finditer(self._text)
        return next((tag for tag in tags if not self._quoted(tag)), None)

    def _turn(self, tag: re.Match[str]) -> str:
        """Pass a tag; return the text before it, unless that was a thought."""
        name, given, after = tag.group().lower(), "", self._text[tag.end() :]
        opens = not self._close and name in _CLOSES
        if opens:
            last = (self._given + self._text[: tag.start()]).rstrip()[-1:]
            doubtful = tag.group() if last.isalnum() else ""
            if self._expected:
                self._expected = self.opened = False
            given = self._give(tag.start())
            self._close, self._doubtful = _CLOSES[name], doubtful
        elif self._close:
            self._close = self._doubtful = ""
        elif self._begun:
            given = self._give(tag.start())  # too late for what was given
            self.opened = self.opened or not self.thought
        else:
            self.opened, self._expected = True, False
        self.thought = self.thought or not self._doubtful
        self._text = after
        return given

    def _give(self, n: int) -> str:
        text, self._text = self._text[:n], self._text[n:]
        if not self._begun:
            text = text.lstrip()
        self._begun = self._begun or bool(text)
        self._given = (self._given + text)[-8:]
        return text

    def _quoted(self, tag: re.Match[str]) -> bool:
        """Whether it stands in quotes or in code: it is written about."""
        last = (self._given + self._text[: tag.start()])[-1:]
        return bool(last) and last in "`'\"\u201c\u2018"

    def _may_be_thought(self) -> bool:
        """Whether the beginning is to be held back until more is known."""
        if self._expected or self.thought:
            return self._expected
        text = self._text.lstrip()
        begin = text[:_MUSING_CHARACTERS]
        if _MUSING.match(text):
            if _OF_THE_USER.search(begin):
                return True
            return len(text) < _MUSING_CHARACTERS
        return _begins(text.lower(), _MUSING_WORDS)


def _begins(text: str, whole: tuple[str, ...]) -> bool:
    return bool(text) and any(each.startswith(text) for each in whole)


def _tail(text: str, tags: tuple[str, ...]) -> int:
    """How many characters at the end may be the beginning of a tag."""
    low = text.lower()
    longest = max(map(len, tags)) - 1
    for n in range(min(longest, len(low)), 0, -1):
        if any(tag.startswith(low[-n:]) for tag in tags):
            return n
    return 0


class _WrittenCalls:
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
        if not found and _CALL.search(text):
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
        if mark := _CALL.search(text):
            places.append(mark.start())
        if self._offered and (bare := _BARE.search(line)):
            places.append(bare.start(1) - shift)
        self._held = len(places) > 1
        if self._held:
            return min(places)
        if self._offered and (begun := _BARE_BEGUN.search(line)):
            places.append(max(0, begun.start(1) - shift))
        low = text.lower()
        longest = min(max(map(len, _CALLS)), len(low) + 1)
        places += [
            len(low) - n
            for n in range(1, longest)
            if any(name.startswith(low[-n:]) for name in _CALLS)
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
