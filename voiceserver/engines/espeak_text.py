"""Text for a plain voice: what is not to be read aloud is blanked, long text is cut.

Every character keeps its place, so that a position in the cleaned text is one in the
source. Pure.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

LONGEST_PIECE = 300  # characters: some 20 s of speech, 60 ms of work

_KEPT_SYMBOLS = frozenset("\u00b0\u00a9\u00ae\u2122")  # degree, (c), (r), trade mark
# Control, format, surrogate, private, unassigned; symbols and modifiers (emoji).
_SILENT = frozenset(["Cc", "Cf", "Cs", "Co", "Cn", "So", "Sk"])
_VARIATION = range(0xFE00, 0xFE10)  # variation selectors, which follow emoji

_MARKUP = re.compile(
    r"</?[A-Za-z][^<>]{0,300}>|<!--[^<>]{0,300}-->"  # tags
    r"|\]\([^()\s]{1,500}\)|!?\[(?=[^\[\]]{1,300}\]\()"  # [text](address)
    r"|(?m:^\s{0,3}#{1,6}\s)|(?m:^\s*[-*+]\s)"  # headings, bullets
    r"|(?<!\w)[*_~`]+(?=\w)|(?<=[\w.,!?;:)])[*_~`]+(?!\w)"  # emphasis, code
    r"|\|"  # tables
)
_SENTENCE_END = re.compile(r"[.!?\u2026][\"'\u2019\u201d)]*\s")
_CLAUSE_END = re.compile(r"[,;:\u2014\u2013]\s")
_SPACE = re.compile(r"\s")


def plain(text: str) -> str:
    """Blank out markup, emoji and control characters; the length stays the same."""
    return "".join(map(_spoken, _MARKUP.sub(_blank, text)))


def speakable(text: str) -> bool:
    """Whether there is a letter or a digit in cleaned text."""
    return any(map(str.isalnum, text))


def pieces(text: str) -> Iterator[tuple[int, str]]:
    """Cut cleaned text where it hurts least, into ``(start, piece)``.

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


def _blank(found: re.Match[str]) -> str:
    return " " * len(found[0])


def _spoken(character: str) -> str:
    if character.isascii():
        return character if character.isprintable() else " "
    if character in _KEPT_SYMBOLS:
        return character
    silent = unicodedata.category(character) in _SILENT
    return " " if silent or ord(character) in _VARIATION else character


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
