"""Takes thoughts out of an answer as it comes; pure.

They stand between tags, which may be cut anywhere between chunks. Where the template
of the service opens them only the closing tag is seen, so what comes before it has to
be held back: where the service is known for it, and where the beginning speaks of the
user as of somebody else. Knows nothing of what is between the thoughts.
"""

from __future__ import annotations

import re

_PAIRS = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<thoughts>", "</thoughts>"),
    ("<reasoning>", "</reasoning>"),
    ("<reflection>", "</reflection>"),
    ("<scratchpad>", "</scratchpad>"),
    ("<analysis>", "</analysis>"),
    ("<inner_monologue>", "</inner_monologue>"),
    ("<seed:think>", "</seed:think>"),
    ('<details type="reasoning">', "</details>"),
    ("[think]", "[/think]"),
    ("\u25c1think\u25b7", "\u25c1/think\u25b7"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|channel|>analysis<|message|>", "<|channel|>final<|message|>"),
)
_CLOSES = dict(_PAIRS)
_TAGS = tuple(tag for pair in _PAIRS for tag in pair if tag != "</details>")
# A thought by channels also ends where its message does: a call may follow.
_ENDS = {"<|channel|>final<|message|>": ("<|end|>", "<|channel|>final<|message|>")}
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


def opens_thoughts(model: str) -> bool:
    """Whether a model of that name is known to begin within its thoughts."""
    return bool(_OPENED_BY.search(model))


class Thoughts:
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
                longest = max(map(len, _ENDS.get(self._close, (self._close,))))
                self._text = self._text[-longest:]
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
            ends = _ENDS.get(self._close, (self._close,))
            any_end = "|".join(map(re.escape, ends))
            return re.search(any_end, self._text, re.IGNORECASE)
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
            self.opened, self._expected = not self.thought, False
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
