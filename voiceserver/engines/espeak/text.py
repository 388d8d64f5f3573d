"""Text for a plain voice: what is not to be read aloud is blanked.

Every character keeps its place, so that a position in the cleaned text is one in the
source. Pure.
"""

from __future__ import annotations

import re
import unicodedata

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


def plain(text: str) -> str:
    """Blank out markup, emoji and control characters; the length stays the same."""
    return "".join(map(_spoken, _MARKUP.sub(_blank, text)))


def _blank(found: re.Match[str]) -> str:
    return " " * len(found[0])


def _spoken(character: str) -> str:
    if character.isascii():
        return character if character.isprintable() else " "
    if character in _KEPT_SYMBOLS:
        return character
    silent = unicodedata.category(character) in _SILENT
    return " " if silent or ord(character) in _VARIATION else character
