"""Cuts a stream of text into phrases that can be spoken, as early as sounds natural.

The first phrase may be a short clause, so that speech starts soon; later ones are
longer, because a voice sounds better with more to plan. Nothing is cut inside a
number, an abbreviation, a time or an address. Markup is blanked out before, so that
what spans several phrases is known in each. A text that is whole, and longer than a
voice speaks at once, is cut into pieces. Pure; knows nothing of voices.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from voiceserver.markup import Markup

# Shortest first clause worth starting with: "Well, ..." alone would leave a gap.
FIRST_CLAUSE = 12  # characters
TIGHT_CLAUSE = 4  # the same where time is short: "Yes, ..." is better than silence
NEXT_CLAUSE = 60
# A first clause that has grown for so long, in seconds since it was asked for, is
# spoken as far as it goes: a slow model is about as fast as a voice from there on.
FIRST_CLAUSE_S = 4.0
# A clause is cut at a space beyond this, so that a model that never punctuates is
# heard too: about 12 s of speech.
LONGEST = 180
LONGEST_PIECE = 300  # characters of a whole text: some 20 s of speech

# Possessive: a long run of dots must not be tried from each of its places.
_SENTENCE_END = re.compile(r"[.!?\u2026]++[\"'\u2019\u201d)\]]*(?=\s)|\n+")
# After a number or an hour a dash may be a minus or "to"; what follows is not here yet.
_CLAUSE_END = re.compile(
    r"[,;:\u2014][\"'\u2019\u201d)\]]*(?=\s)"
    r"|(?<![\s\d])\u2013[\"'\u2019\u201d)\]]*(?=\s)"
    r"|(?<!\d)(?<![AaPp][Mm])\s[-\u2013](?=\s)"
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:mr|mrs|ms|dr|prof|st|jr|sr|vs|etc|e\.g|i\.e|approx|no|fig|vol|inc|ltd"
    r"|jan|feb|mar|apr|jun|jul|aug|sep|sept|oct|nov|dec|a\.m|p\.m)|\b[a-z])\.$",
    re.IGNORECASE,
)
_LONGEST_ABBREVIATION = 8  # characters
_SPEAKABLE = re.compile(r"\w")
_WORD_END = re.compile(r"(?<=[^\W\d])\s(?=\S)")
# Text is looked at in pieces of this size, so that the work grows with the text and
# not with its square.
_PIECE = 256
# Ends in a whole text, in the order in which they are sought. All of it is there: what
# would be cut at a wrong one is cut so only where it is too long anyway.
_ENDS_IN_WHOLE = (
    re.compile(r"[.!?\u2026][\"'\u2019\u201d)]*\s"),
    re.compile(r"[,;:\u2014\u2013]\s"),
    re.compile(r"\s"),
)


@dataclass(frozen=True, slots=True)
class Phrase:
    """A piece of text to be spoken at once.

    Attributes:
        text: Without surrounding white space; markup is blanked out, code left out.
        start: Index of its first character in the whole text.
    """

    text: str
    start: int


class PhraseSplitter:
    """Takes text as it is generated and gives phrases; one object per reply.

    Args:
        shortest: Characters of the shortest first clause.
    """

    def __init__(self, shortest: int = FIRST_CLAUSE) -> None:
        self._markup = Markup()
        self._rest = ""
        self._start = 0  # index of _rest in the whole text
        self._first = True
        self._shortest = shortest

    @property
    def left_out(self) -> int:
        """Characters of code so far, which no phrase holds."""
        return self._markup.left_out

    def push(self, text: str, late: bool = False) -> list[Phrase]:
        """Add text; return the phrases it completes.

        Args:
            text: More of it.
            late: The first clause has taken long: it ends with the last whole word.
        """
        phrases = self._split(self._markup.push(text))
        if not (late and self._first):
            return phrases
        ends = [match.start() for match in _WORD_END.finditer(self._rest)]
        return self._take(ends[-1]) if ends and ends[-1] >= self._shortest else []

    def flush(self) -> list[Phrase]:
        """Return what is left."""
        return [*self._split(self._markup.flush()), *self._take(len(self._rest))]

    def _split(self, text: str) -> list[Phrase]:
        phrases = []
        for at in range(0, len(text), _PIECE):
            self._rest += text[at : at + _PIECE]
            while True:
                # What was blanked out must not count as part of a long sentence.
                n_blank = len(self._rest) - len(self._rest.lstrip())
                self._rest = self._rest[n_blank:]
                self._start += n_blank
                cut = self._cut()
                if cut is None:
                    break
                phrases += self._take(cut)
        return phrases

    def _take(self, cut: int) -> list[Phrase]:
        raw, self._rest = self._rest[:cut], self._rest[cut:]
        start = self._start + len(raw) - len(raw.lstrip())
        self._start += cut
        text = raw.strip()
        if not _SPEAKABLE.search(text):
            return []
        self._first = False
        return [Phrase(text, start)]

    def _cut(self) -> int | None:
        for match in _SENTENCE_END.finditer(self._rest):
            head = self._rest[: match.end()]
            if not _SPEAKABLE.search(head):
                continue
            if match.group().startswith(".") and _is_abbreviation(head):
                continue
            return self._clause_before(match.end())
        return self._clause_before(None)

    def _clause_before(self, sentence_end: int | None) -> int | None:
        """Prefer an earlier clause end where the sentence is long, or the first."""
        shortest = self._shortest if self._first else NEXT_CLAUSE
        limit = len(self._rest) if sentence_end is None else sentence_end
        if self._first or limit > LONGEST:
            for match in _CLAUSE_END.finditer(self._rest, 0, limit):
                if match.end() >= shortest:
                    return match.end()
        if sentence_end is not None and sentence_end <= LONGEST:
            return sentence_end
        if limit > LONGEST:
            space = self._rest.rfind(" ", shortest, LONGEST)
            return space if space > 0 else LONGEST
        return None


def _is_abbreviation(head: str) -> bool:
    return bool(_ABBREVIATION.search(head[-_LONGEST_ABBREVIATION:]))


def speakable(text: str) -> bool:
    """Whether there is a letter or a digit in a text."""
    return any(map(str.isalnum, text))


def pieces(text: str) -> Iterator[tuple[int, str]]:
    """Cut a whole text where it hurts least, into ``(start, piece)``.

    A piece has at most ``LONGEST_PIECE`` characters; those without a word are left
    out. Every character keeps its place: a position in a piece is one in the text.
    """
    at = 0
    while at < len(text):
        end = at + _piece_end(text[at : at + LONGEST_PIECE + 1])
        piece = text[at:end]
        if speakable(piece):
            yield at, piece
        at = end


def _piece_end(text: str) -> int:
    """Length of the first piece of ``text``, which has one character too many."""
    if len(text) <= LONGEST_PIECE:
        return len(text)
    for border in _ENDS_IN_WHOLE:
        ends = [found.end() for found in border.finditer(text, LONGEST_PIECE // 4)]
        if ends and ends[-1] <= LONGEST_PIECE:
            return ends[-1]
        if len(ends) > 1:
            return ends[-2]
    return LONGEST_PIECE
