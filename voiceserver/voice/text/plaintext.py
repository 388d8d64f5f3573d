# ruff: noqa: RUF001 (look-alikes are what is folded)
"""From what people and models write to plain characters, each with its origin.

Drops markdown and emoji, folds typographic and accented characters to ASCII, and
counts letters of scripts that the voice cannot read. Length may change; every
character keeps the index it had in the source. Knows nothing of numbers or words.
"""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import dataclass

from voiceserver.markup import Markup
from voiceserver.voice.text.formulas import replacements
from voiceserver.voice.text.separators import american

# Characters that verbalisation reads itself, so they survive folding.
KEPT = frozenset(
    "€£¥₹₩₿₺₽₪₫₱₦₴฿₵₸₡¢°×÷±§½⅓⅔¼¾²³µ≈≤≥≠√∛∞∈∑∫∂♭♯‰Ω★☆∩∪∅⊂⊆∉∀∃¬∧∨∝≡∴∠⊥∥∇∏↑↓¶⌘⌥⇧⌃"
)
FOLDED = {
    **dict.fromkeys("‘’ʼ′`´", "'"),
    **dict.fromkeys("“”„«»″", '"'),
    **dict.fromkeys("–‒‑‐−", "-"),
    **dict.fromkeys("—―", " - "),
    **dict.fromkeys("…", "..."),
    **dict.fromkeys("•◦▪‣·", ","),
    **dict.fromkeys("→⇒↔⟶➜", " to "),
    "⭐": "★",
    "⋅": "*",
    "−": "-",
    **dict.fromkeys("⁄∕", "/"),
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
    "№": "No.",
    "㎡": "m²",
    "㎥": "m³",
    "\u2126": "Ω",
    "©": " ",
    "®": " ",
    "™": " ",
}

# An exponent, not the mark of a footnote: it stands at a number or at one letter.
_EXPONENT = re.compile(r"(?:(?<=[\d)])|(?<=\b[A-Za-z]))[⁰¹²³⁴⁵⁶⁷⁸⁹⁻ⁿ]+")
# The charge of an ion, raised behind letters or lowered digits.
_CHARGE = re.compile(
    r"(?<=[A-Za-z₀-₉\])])(?P<number>[¹²³⁴-⁹]?)(?P<sign>[⁺⁻])(?![⁰-⁹¹²³])"
)
_SPACED_MINUS = re.compile("(?<=[0-9)] )\u2212(?= [0-9(])")
_NAME_BEFORE = re.compile(r"[A-Z][a-z]+ $")  # a king's, a chapter's: read as letters
_ROMAN_SIGN = re.compile("[\u2160-\u217b](?![\u2160-\u217f])(?<![\u2160-\u217f].)")
_DOT = re.compile(r"(?<=[A-Za-z\d])·(?=[A-Za-z\d])")

# A Greek letter alone is a sign; a word of them cannot be read.
_GREEK = re.compile(r"(?<![\u0370-\u03ff])[Α-ΨΩα-ω](?![\u0370-\u03ff])")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[\da-fA-F]{1,6}|[A-Za-z]{2,8}\d{0,2});")


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


def without_markdown(text: str) -> str:
    """Blank out markdown and HTML tags; the length stays the same.

    Line breaks inside what is blanked stay; code blocks become spaces, inline code
    and link texts stay readable. A heading or a bullet becomes a full stop: what comes
    before it is a sentence of its own, marked or not.
    """
    markup = Markup(stop=".")
    return markup.push(text) + markup.flush()


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
    if plain and all(" " <= c <= "~" or c in KEPT for c in plain):
        return plain
    kind = unicodedata.category(char)
    if kind[0] in "LN":
        return None
    return "" if kind in ("Mn", "Cf", "Cc", "Me") else " "


def _letter_names(text: str) -> dict[int, str]:
    """Names of single Greek letters by their index; micro and ohm are units."""
    out: dict[int, str] = {}
    for m in _GREEK.finditer(text):
        char = m.group()
        of_unit = re.search(r"\d ?k?$", text[max(0, m.start() - 4) : m.start()])
        if of_unit and char in "μΩ":
            out[m.start()] = "µ" if char == "μ" else char
        else:
            out[m.start()] = f" {unicodedata.name(char).split()[-1].lower()} "
    return out


def _entities(text: str) -> dict[int, str]:
    """Characters of web text by the index of their ampersand; the rest is nothing."""
    out: dict[int, str] = {}
    for m in _ENTITY.finditer(text):
        char = html.unescape(m.group())
        if len(char) == 1:
            out.update(dict.fromkeys(range(m.start(), m.end()), ""))
            out[m.start()] = _fold(char) or " "
    return out


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


def _charges(text: str) -> dict[int, str]:
    """Charges of ions, which are no exponents: two plus, minus."""
    out: dict[int, str] = {}
    for m in _CHARGE.finditer(text):
        number = unicodedata.normalize("NFKD", m["number"])
        sign = "plus" if m["sign"] == "⁺" else "minus"
        out[m.start()] = f" {number} {sign} "
        out.update(dict.fromkeys(range(m.start() + 1, m.end()), ""))
    return out


def _dots(text: str) -> dict[int, str]:
    """A raised dot between letters or numbers multiplies: N·m, 3·4."""
    return {m.start(): "*" for m in _DOT.finditer(text)}


def _minuses(text: str) -> dict[int, str]:
    """The minus sign between two operands is no hyphen: they are no range."""
    return {m.start(): "minus" for m in _SPACED_MINUS.finditer(text)}


def _numerals(text: str) -> dict[int, str]:
    """Characters that are Roman numbers by definition, as numbers."""
    return {
        m.start(): f"{unicodedata.numeric(m.group()):.0f}"
        for m in _ROMAN_SIGN.finditer(text)
        if not _NAME_BEFORE.search(text[max(0, m.start() - 16) : m.start()])
    }


def to_plain(text: str) -> Plain:
    """Fold a text; see the module's description."""
    out: list[str] = []
    origin: list[int] = []
    skipped = 0
    bare = without_markdown(text)
    instead = {
        **_letter_names(bare),
        **_exponents(bare),
        **_charges(bare),
        **_dots(bare),
        **_minuses(bare),
        **_numerals(bare),
        **_entities(bare),
        **replacements(bare),
    }
    for index, char in enumerate(bare):
        folded = instead[index] if index in instead else _fold(char)
        if folded is None:
            skipped += 1
            folded = " "
        out.append(folded)
        origin += [index] * len(folded)
    return Plain(american("".join(out)), tuple(origin), skipped)
