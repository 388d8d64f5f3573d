"""Takes tokens of a chat's template out of an answer as it comes; pure.

A service that does not know its model's template passes them on as text: a token that
ends the answer, with another turn that the model goes on to invent, or one that begins
it, with the name of who speaks. They adjoin the words or stand on a line; where one is
written about, in quotes or among words, it stays.
"""

from __future__ import annotations

import re

_LONGEST = 48  # characters of a token
_NAMED = (
    "</s>",
    "<s>",
    "<eos>",
    "<bos>",
    "<end_of_turn>",
    "<start_of_turn>",
    "[/INST]",
    "[INST]",
    "<answer>",
    "</answer>",
    "<final_answer>",
    "</final_answer>",
)
_TOKEN = re.compile(
    "|".join(
        (
            r"<\|[\w/.-]{1,40}\|>",
            r"<\uff5c[^<>\uff5c\n]{1,40}\uff5c>",
            *map(re.escape, _NAMED),
        )
    )
)
_BEGUN = re.compile(r"<[|\uff5c][^<>\n]{0,44}\Z")
# Behind which nothing of this answer comes.
_ENDS = frozenset(
    (
        *("</s>", "<eos>", "<end_of_turn>", "[/inst]", "[inst]"),
        *("<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|end|>", "<|return|>"),
        *("<|endoftext|>", "<|end_of_text|>", "<|eot|>", "<|end_of_turn|>"),
        "<\uff5cend\u2581of\u2581sentence\uff5c>",
    )
)
# Before which the answer of this turn is over, once it has begun.
_BEGINS = frozenset(
    (
        *("<|im_start|>", "<|start_header_id|>", "<start_of_turn>", "<|start|>"),
        *("<|user|>", "<|assistant|>", "<|system|>"),
        *("<\uff5cUser\uff5c>", "<\uff5cAssistant\uff5c>"),
    )
)
_ROLE = re.compile(r"[ \t]*(?:assistant|model)\b[ \t]*\n?", re.IGNORECASE)
_CHANNEL = re.compile(r"[ \t]*(?:final|commentary|analysis)\b[ \t]*", re.IGNORECASE)
_NAMES = {"<|channel|>": _CHANNEL} | dict.fromkeys(_BEGINS, _ROLE)
_QUOTES = "`'\"\u201c\u2018"


class TemplateTokens:
    """Gives what is no token of a template; one object per answer."""

    def __init__(self) -> None:
        self._text = ""  # not given yet
        self._given = ""  # the last character that was given
        self._name: re.Pattern[str] | None = None  # of who speaks, which comes next
        self._begun = False  # words were given
        self._passed = False  # a token was left out
        self._struck = False  # ``<s>`` was given: its other end is no token
        self._ended = False

    def push(self, text: str) -> str:
        """Add text; return what is known to be the answer."""
        self._text += text
        return self._read(whole=False)

    def flush(self) -> str:
        """The answer has ended; return the rest."""
        return self._read(whole=True)

    def _read(self, whole: bool) -> str:
        given = ""
        while self._text and not self._ended:
            if self._name is not None and not self._pass_name(whole):
                break
            token = _TOKEN.search(self._text)
            if token is None:
                keep = 0 if whole else _may_begin(self._text)
                given += self._give(len(self._text) - keep)
                break
            given += self._give(token.start())
            length = token.end() - token.start()
            after = self._text[length:].lstrip(" \t")
            if not whole and _may_begin(after) == len(after):
                break  # what follows tells what it is
            if self._written_about(token.group(), after):
                given += self._give(length)
            else:
                self._pass(token.group())
        if self._ended:
            self._text = ""
        return given

    def _pass(self, token: str) -> None:
        """Leave out a token that the text begins with."""
        self._text = self._text[len(token) :]
        over = token.lower() in _ENDS or token in _BEGINS
        self._ended = self._begun and over
        self._name = _NAMES.get(token)
        self._passed = True

    def _pass_name(self, whole: bool) -> bool:
        """Leave out who speaks; returns whether it is known yet."""
        assert self._name is not None
        if len(self._text) < len("commentary\n") and not whole:
            return False
        if name := self._name.match(self._text):
            self._text = self._text[name.end() :]
        self._name = None
        return True

    def _written_about(self, token: str, after: str) -> bool:
        """Whether a token that the text begins with is one of its words."""
        last = self._given
        if last and last in _QUOTES:
            return True
        if token == "<s>" and self._begun:
            self._struck = True
        if self._struck and token in ("<s>", "</s>"):
            return True
        among = last == " " and after[:1] not in ("", "\n") and not _TOKEN.match(after)
        return among and token not in _BEGINS

    def _give(self, n: int) -> str:
        text, self._text = self._text[:n], self._text[n:]
        if self._passed and not self._begun:
            text = text.lstrip()
        self._begun = self._begun or bool(text.strip())
        self._given = text[-1:] or self._given
        return text


def _may_begin(text: str) -> int:
    """How many characters at the end may be the beginning of a token."""
    if begun := _BEGUN.search(text[-_LONGEST:]):
        return len(begun.group())
    longest = max(map(len, _NAMED))
    for n in range(min(longest, len(text)), 0, -1):
        if any(name.startswith(text[-n:]) for name in (*_NAMED, "<|", "<\uff5c")):
            return n
    return 0
