"""Blanks out markdown in a stream of text, in place, as early as it can be told.

Code blocks, links, tags, headings, bullets, rules and emphasis become spaces, so that
every word keeps its index. What a character means may depend on those that are not
here yet: then it is held back, as briefly as possible. The whole text in one piece is
only the simplest stream, so that both are read alike. Pure; knows nothing of voices.
"""

from __future__ import annotations

import re

_LONGEST_INLINE = 300  # characters of code between ``` within a line

# What a line may begin with, as long as it is not yet decided.
_UNDECIDED = re.compile(r"[ \t]{0,40}[-*_+#>|:=` \t~]{0,200}\Z")
_INDENT = re.compile(r"[ \t]+")
_TILDES = re.compile(r"~{3,}")
_TICKS = re.compile(r"`+")
# Possessive: a long rule must not be tried from each of its places.
_WHOLE_LINES = tuple(
    re.compile(pattern, re.MULTILINE)
    for pattern in (
        r"([-*_])(?:[ \t]*\1){2,}+[ \t]*$",
        r"\|?[ \t]*:?-{3,}+[-| :\t]*+$",
        r"={3,}+[ \t]*$",
    )
)
_HEADING = re.compile(r"#{1,6}[ \t]+")
# A quotation; not what is greater than a number, nor an arrow.
_QUOTE = re.compile(r">(?![=\d]|[-+$\u20ac\u00a3.]\d)[ \t]?")
_BULLET = re.compile(r"[-*+][ \t]+")
_LINK = re.compile(r"!?\[([^\[\]\n]{0,300})\]\([^()\n]{0,500}\)")
_LINK_BEGUN = re.compile(r"!?\[[^\[\]\n]{0,300}(?:\Z|\](?:\Z|\([^()\n]{0,500}\Z))|!\Z")
_NAMES = (
    "a abbr address article aside audio b big blockquote body br button caption center"
    " cite code col dd del details dfn div dl dt em emphasis figcaption figure font"
    " footer"
    " form h1 h2 h3 h4 h5 h6 head header hr html i iframe img input ins kbd label li"
    " link"
    " main mark math meta nav ol option p picture pre prosody q s samp say-as script"
    " section select small source span speak strong style sub summary sup svg table"
    " tbody"
    " td textarea tfoot th thead title tr tt u ul var video voice break phoneme"
)
_NAME = "(?:" + "|".join(sorted(_NAMES.split(), key=len, reverse=True)) + ")"
# A tag has a name of HTML, or closes, or holds an attribute with its value: "a <b and
# c> d" and "<your name>" do not.
_TAG = re.compile(
    rf"<(?i:{_NAME})(?:\s+[\w:-]+\s*=\s*(?:\"[^\"\n]*\"|'[^'\n]*'|[^\s<>\"'=]+)"
    r"|\s+(?:open|checked|disabled|hidden|controls|loop|muted|autoplay|async|defer)\b)*"
    r"\s*/?>|</[a-zA-Z][\w:.-]{0,40}\s*>|<!--[^\n]{0,300}?-->"
    r"|<[a-zA-Z][\w:.-]{0,40}(?:\s+[\w:-]+=(?:\"[^\"\n]{0,200}\"|'[^'\n]{0,200}'))+\s*/?>"
)
_LONGEST_TAG = 300
_TAG_BEGUN = re.compile(
    r"</?(?:[a-zA-Z][\w:.-]{0,40}(?:\s+(?:[\w:-]+(?:\s*=\s*(?:\"[^\"\n]*\"?|'[^'\n]*'?"
    r"|[^\s<>\"'=]*))?)?)*\s*/?)?\Z|<!(?:-(?:-[^\n]{0,300})?)?\Z"
)
_FOOTNOTE = re.compile(r"\[\^[\w-]{1,20}\]:?")
_EMPHASIS = re.compile(r"\*+|_+|~+")
_IN_LINK = re.compile(r"\*+|`+|~~|(?<!\w)_+|_+(?!\w)")
_CLOSING = {sign: re.compile(rf"[ \t>]*{sign}*") for sign in "`~"}
_INLINE = re.compile(rf"[^\n]{{0,{_LONGEST_INLINE}}}")
_LANGUAGE = re.compile(r"[ \t]*[\w+#.-]*[ \t]*")
# Runs of letters and the like are passed on without a second look.
_PLAIN = re.compile(r"[^\n`\[!<*_~#]+")
_HASHES = re.compile(r"#{1,6}[ \t]*")
_VISIBLE = re.compile(r"[^\n]")

_Step = tuple[int, str] | None  # where it ends, what is shown; None: wait for more


def _blank(text: str) -> str:
    return _VISIBLE.sub(" ", text)


class Markup:
    """One text, given in pieces of any size.

    Args:
        stop: Put at the place of a heading's, bullet's or rule's sign: a full stop ends
            the sentence before it, a space leaves that to the line break.

    Attributes:
        left_out: Characters of code blocks so far, white space not counted.
    """

    def __init__(self, stop: str = " ") -> None:
        self.left_out = 0
        self._stop = stop
        self._text = ""  # not yet given
        self._before = "\n"  # the character before it
        self._line_start = True
        self._heading = False
        self._fence = ""  # what opened the code block that the text is in

    def push(self, text: str) -> str:
        """Add text; return what is decided, as long as its source."""
        self._text += text
        return self._run(last=False)

    def flush(self) -> str:
        """The text is over: return what was held back."""
        return self._run(last=True)

    def _run(self, last: bool) -> str:
        out: list[str] = []
        at = 0
        while at < len(self._text):
            step = self._step(at, last)
            if step is None:
                break
            end, shown = step
            if end > at:
                self._before = self._text[end - 1]
                self._line_start = self._line_start or self._before == "\n"
            at = end
            out.append(shown)
        self._text = self._text[at:]
        return "".join(out)

    def _step(self, at: int, last: bool) -> _Step:
        if self._fence:
            return self._code(at, last)
        if self._line_start:
            return self._head_of_line(at, last)
        if m := _PLAIN.match(self._text, at):
            return m.end(), m.group()
        return self._sign(at, last)

    def _head_of_line(self, at: int, last: bool) -> _Step:
        text = self._text
        if not last and _UNDECIDED.match(text, at):
            return None
        if m := _INDENT.match(text, at) or _QUOTE.match(text, at):
            return m.end(), _blank(m.group())
        if text[at] == "`":
            return self._ticks(at, last)
        if m := _TILDES.match(text, at):
            return self._open(m)
        for pattern in _WHOLE_LINES:
            if m := pattern.match(text, at):
                self._line_start = False
                return m.end(), self._stopped(m.group())
        if m := _BULLET.match(text, at):
            return m.end(), self._stopped(m.group())  # a fence may come behind it
        self._line_start = False
        self._heading = False
        if m := _HEADING.match(text, at):
            self._heading = True
            return m.end(), self._stopped(m.group())
        return at, ""

    def _stopped(self, sign: str) -> str:
        return self._stop + " " * (len(sign) - 1)

    def _sign(self, at: int, last: bool) -> _Step:
        text = self._text
        if text[at] == "`":
            return self._ticks(at, last)
        if m := _EMPHASIS.match(text, at):
            return self._emphasis(m, last)
        if text[at] == "#":
            return self._hashes(at, last)
        if m := _FOOTNOTE.match(text, at):
            self._leave_out(m.group(), "[]^:")
            return m.end(), _blank(m.group())
        if m := _LINK.match(text, at):
            lead = m.start(1) - at
            words = _IN_LINK.sub(lambda n: " " * len(n.group()), m[1])
            return m.end(), " " * lead + words + " " * (m.end() - m.end(1))
        if m := _TAG.match(text, at):
            return m.end(), " " * len(m.group())
        if not last and (_LINK_BEGUN.match(text, at) or _TAG_BEGUN.match(text, at)):
            return None
        return at + 1, text[at]

    def _hashes(self, at: int, last: bool) -> _Step:
        """Signs that close a heading; elsewhere they are text."""
        m = _HASHES.match(self._text, at)
        if m is None or not self._heading:
            return at + 1, "#"
        if m.end() == len(self._text) and not last:
            return None
        closes = self._before.isspace() and self._text[m.end() : m.end() + 1] in (
            "",
            "\n",
        )
        return m.end(), _blank(m.group()) if closes else m.group()

    def _emphasis(self, m: re.Match[str], last: bool) -> _Step:
        """Stars and the like at a word's edge; elsewhere they mean something else."""
        sign, after = m.group(), self._text[m.end() : m.end() + 1]
        if not after and not last:
            return None
        if len(sign) > 3 or sign == "~" or (sign == "*" and after.isdigit()):
            return m.end(), sign  # "*67" is dialled, "5 *3" a product
        opens = not _is_word(self._before) and bool(after) and not after.isspace()
        closes = not self._before.isspace() and not _is_word(after)
        if opens or closes or sign == "**":
            return m.end(), " " * len(sign)
        return m.end(), sign

    def _ticks(self, at: int, last: bool) -> _Step:
        """Code: a word or two, which are read, or more of it, which is not."""
        text = self._text
        m = _TICKS.match(text, at)
        if m is None or (m.end() == len(text) and not last):
            return None
        blank = " " * len(m.group())
        if len(blank) < 3:
            self._line_start = False
            return m.end(), blank
        line = _INLINE.match(text, m.end())
        end = line.end() if line else m.end()
        if (close := text.find(m.group(), m.end(), end)) >= 0:
            after = _TICKS.match(text, close)
            close = after.end() if after else close
            if close == len(text) and not last:
                return None
            self._line_start = False
            self._leave_out(text[m.end() : close])
            return close, " " * (close - at)
        if end == len(text) and not last and end - at < _LONGEST_INLINE:
            return None
        if self._line_start or _LANGUAGE.fullmatch(text, m.end(), end):
            return self._open(m)
        return m.end(), blank  # ticks that nothing closes: only a sign

    def _open(self, m: re.Match[str]) -> _Step:
        self._fence = m.group()
        self._line_start = False
        return m.end(), " " * len(m.group())

    def _code(self, at: int, last: bool) -> _Step:
        text, sign = self._text, self._fence
        if self._line_start:
            m = _CLOSING[sign[0]].match(text, at)
            end = m.end() if m else at
            if end == len(text) and not last:
                return None
            run = text[at:end].strip(" \t>")
            if len(run) >= len(sign) and not text[end : end + 1].strip():
                self._fence = ""
                self._line_start = False
                return end, _blank(text[at:end])
        self._line_start = False
        end = text.find("\n", at) + 1 or len(text)
        self._leave_out(text[at:end])
        return end, _blank(text[at:end])

    def _leave_out(self, code: str, signs: str = "`") -> None:
        self.left_out += sum(not c.isspace() and c not in signs for c in code)


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"
