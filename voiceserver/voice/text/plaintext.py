# ruff: noqa: RUF001 (look-alikes are what is folded)
"""From what people and models write to plain characters, each with its origin.

Drops markdown and emoji, folds typographic and accented characters to ASCII, and
counts letters of scripts that the voice cannot read. Length may change; every
character keeps the index it had in the source. Knows nothing of numbers or words.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

# Characters that verbalisation reads itself, so they survive folding.
KEPT = frozenset("€£¥°×÷±§½⅓⅔¼¾²³µ≈≤≥≠")
FOLDED = {
    **dict.fromkeys("‘’ʼ′`´", "'"),
    **dict.fromkeys("“”„«»″", '"'),
    **dict.fromkeys("–‒‑‐−", "-"),
    **dict.fromkeys("—―", " - "),
    **dict.fromkeys("…", "..."),
    **dict.fromkeys("•◦▪‣·", ","),
    **dict.fromkeys("→⇒", " to "),
    **dict.fromkeys("⁄∕", "/"),
    **dict.fromkeys("μ", "µ"),
    "ß": "ss",
    "æ": "ae",
    "Æ": "Ae",
    "œ": "oe",
    "Œ": "Oe",
    "ø": "o",
    "Ø": "O",
    "ł": "l",
    "Ł": "L",
    "đ": "d",
    "ð": "th",
    "þ": "th",
    "ı": "i",
    "№": "No. ",
    "©": " ",
    "®": " ",
    "™": " ",
}

_FENCE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_LINK = re.compile(r"!?\[([^\[\]\n]{0,300})\]\([^()\n]{0,500}\)")
_HEADING = re.compile(r"^[ \t]{0,3}(#{1,6})[ \t]+", re.MULTILINE)
_QUOTE = re.compile(r"^[ \t]*>[ \t]?", re.MULTILINE)
_RULE = re.compile(r"^[ \t]*([-*_])(?:[ \t]*\1){2,}[ \t]*$", re.MULTILINE)
_BULLET = re.compile(r"^[ \t]*([-*+])[ \t]+", re.MULTILINE)
_TABLE = re.compile(r"^[ \t]*\|?[ \t]*:?-{3,}[-| :\t]*$", re.MULTILINE)
_EMPHASIS = re.compile(
    r"(?<!\w)(\*{1,3}|_{1,3}|~~)(?=\S)|(?<=\S)(\*{1,3}|_{1,3}|~~)(?!\w)"
)
_INNER_STARS = re.compile(r"\*\*")
_TAG = re.compile(r"</?[a-zA-Z][^<>\n]{0,200}>")
# An exponent, not the mark of a footnote: it stands at a number or at one letter.
_EXPONENT = re.compile(r"(?:(?<=[\d)])|(?<=\b[A-Za-z]))[⁰¹²³⁴⁵⁶⁷⁸⁹⁻ⁿ]+")
_TICKS = re.compile(r"`+")


@dataclass(frozen=True, slots=True)
class Plain:
    """Folded text.

    Attributes:
        text: ASCII and the characters of ``KEPT``.
        origin: Source index of each character of ``text``.
        skipped: Letters and digits of unreadable scripts that were left out.
    """

    text: str
    origin: tuple[int, ...]
    skipped: int


def _blank(text: str, start: int, end: int, by: str = " ") -> str:
    return text[:start] + by * (end - start) + text[end:]


def without_markdown(text: str) -> str:
    """Blank out markdown and HTML tags; the length stays the same.

    Line breaks inside what is blanked stay; code blocks become spaces, inline code
    and link texts stay readable.
    """
    for m in reversed(list(_FENCE.finditer(text))):
        kept = "".join("\n" if c == "\n" else " " for c in m.group())
        text = text[: m.start()] + kept + text[m.end() :]
    for m in reversed(list(_LINK.finditer(text))):
        text = _blank(text, m.end(1), m.end())
        text = _blank(text, m.start(), m.start(1))
    for pattern in (_RULE, _TABLE, _HEADING, _BULLET):
        # A full stop: what comes before is a sentence of its own, marked or not.
        text = pattern.sub(lambda m: "." + " " * (len(m.group()) - 1), text)
    for pattern in (_QUOTE, _TAG, _EMPHASIS):
        text = pattern.sub(lambda m: " " * len(m.group()), text)
    for pattern in (_INNER_STARS, _TICKS):
        text = pattern.sub(lambda m: " " * len(m.group()), text)
    return text


def _fold(char: str) -> str | None:
    """ASCII for one character; empty to drop it, None for a foreign letter."""
    if char in "\n\t" or " " <= char <= "~" or char in KEPT:
        return char
    if char in FOLDED:
        return FOLDED[char]
    plain = "".join(
        FOLDED.get(c, c)
        for c in unicodedata.normalize("NFKD", char)
        if not unicodedata.combining(c)
    )
    if plain and all(" " <= c <= "~" for c in plain):
        return plain
    kind = unicodedata.category(char)
    if kind[0] in "LN":
        return None
    return "" if kind in ("Mn", "Cf", "Cc", "Me") else " "


def _exponents(text: str) -> dict[int, str]:
    """Raised digits by their index, the first of each exponent with a caret."""
    out: dict[int, str] = {}
    for m in _EXPONENT.finditer(text):
        if m.group() in KEPT:  # squared and cubed are read as they are
            continue
        for index in range(m.start(), m.end()):
            digit = unicodedata.normalize("NFKD", text[index]).replace("−", "-")
            out[index] = digit if index > m.start() else f"^{digit}"
    return out


def to_plain(text: str) -> Plain:
    """Fold a text; see the module's description."""
    out: list[str] = []
    origin: list[int] = []
    skipped = 0
    bare = without_markdown(text)
    exponents = _exponents(bare)
    for index, char in enumerate(bare):
        folded = exponents[index] if index in exponents else _fold(char)
        if folded is None:
            skipped += 1
            folded = " "
        out.append(folded)
        origin += [index] * len(folded)
    return Plain("".join(out), tuple(origin), skipped)
