"""Long text cut into pieces where it hurts least, for a voice that speaks any length.

Every character keeps its place, so that a position in a piece is one in the text. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

LONGEST_PIECE = 300  # characters: some 20 s of speech

_SENTENCE_END = re.compile(r"[.!?\u2026][\"'\u2019\u201d)]*\s")
_CLAUSE_END = re.compile(r"[,;:\u2014\u2013]\s")
_SPACE = re.compile(r"\s")


def speakable(text: str) -> bool:
    """Whether there is a letter or a digit in a text."""
    return any(map(str.isalnum, text))


def pieces(text: str) -> Iterator[tuple[int, str]]:
    """Cut a text where it hurts least, into ``(start, piece)``.

    A piece has at most ``LONGEST_PIECE`` characters; those without a word are left
    out.
    """
    at = 0
    while at < len(text):
        end = at + _cut(text[at : at + LONGEST_PIECE + 1])
        piece = text[at:end]
        if speakable(piece):
            yield at, piece
        at = end


def _cut(text: str) -> int:
    """Length of the first piece of ``text``, which has one character too many."""
    if len(text) <= LONGEST_PIECE:
        return len(text)
    for border in (_SENTENCE_END, _CLAUSE_END, _SPACE):
        ends = [found.end() for found in border.finditer(text, LONGEST_PIECE // 4)]
        if ends and ends[-1] <= LONGEST_PIECE:
            return ends[-1]
        if len(ends) > 1:
            return ends[-2]
    return LONGEST_PIECE
