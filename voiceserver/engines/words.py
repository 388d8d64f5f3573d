"""What a recogniser writes, as the words that were said; and what is said its own way.

For whoever compares words: turn-taking and guesses of what will be said. Figures are
written out as they are likely to have been said; nothing depends on how. ``SaidAs`` is
the other way: written words that an author has said otherwise. Pure.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen "
    "fourteen fifteen sixteen seventeen eighteen nineteen"
).split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()

_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_LONGEST = 9  # digits of a number with a name of its own

# Most of any text, and all of the embedded recogniser's: nothing to be done.
_PLAIN = re.compile(r"[a-z'-]+(?: [a-z'-]+)*")
_TOKEN = re.compile(
    r"(?P<time>(?<![\w.,:])(?:1[0-2]|[1-9])[:.]?(?:[0-5][0-9])?"
    r"(?: ?[ap]\.m\.?|[ap]m\b| pm\b))"
    r"|(?P<ordinal>[0-9]{1,9}(?:st|nd|rd|th))\b"
    r"|(?P<figure>[0-9]+(?:[.,][0-9]+)*)(?![^\W_])"
    r"|(?P<initials>(?:[^\W\d_]\.){2,})"
    r"|(?P<word>[^\W_]+(?:['-][^\W_]+)*)"
    r"|(?P<symbol>[%&+=])"
)
_SYMBOLS = {"%": "percent", "&": "and", "+": "plus", "=": "equals"}


def spoken(n: int) -> list[str]:
    """Words of a whole number from 0 to 999,999,999, e.g. 105: one hundred five."""
    for name, scale in (("million", 10**6), ("thousand", 10**3)):
        if n >= scale:
            rest = n % scale
            return [*spoken(n // scale), name, *(spoken(rest) if rest else [])]
    if n >= 100:
        return [UNITS[n // 100], "hundred", *(spoken(n % 100) if n % 100 else [])]
    if n >= 20:
        return [TENS[n // 10 - 2], *(UNITS[n % 10 : n % 10 + 1] if n % 10 else [])]
    return [UNITS[n]]


def words_of(text: str) -> str:
    """Return lower-case words separated by single spaces; ``""`` if there are none.

    Punctuation is left out, but for apostrophes and hyphens within words.
    """
    if _PLAIN.fullmatch(text):
        return text
    plain = unicodedata.normalize("NFKC", text).lower().replace("\u2019", "'")
    words: list[str] = []
    for match in _TOKEN.finditer(plain):
        words += _spoken(match)
    return " ".join(words)


def _spoken(token: re.Match[str]) -> list[str]:
    content = token[token.lastgroup or 0]
    match token.lastgroup:
        case "time":
            return _time(content)
        case "ordinal":
            *head, last = spoken(int(content[:-2]))
            return [*head, _ordinal(last)]
        case "figure":
            whole, _, part = content.replace(",", "").partition(".")
            decimals = ["point", *_digits(part)] if part else []
            return [*_number(whole, "," in content or bool(part)), *decimals]
        case "initials":
            return content.rstrip(".").split(".")
        case "symbol":
            return [_SYMBOLS[content]]
        case _:
            return [content]


def _time(content: str) -> list[str]:
    """Words of a time of day: 2:30 p.m., 230pm, 2.30 pm, 5 p.m."""
    figures = [figure for figure in content if figure.isdigit()]
    n_hour = 1 if len(figures) in (1, 3) else 2
    hour, minutes = "".join(figures[:n_hour]), "".join(figures[n_hour:])
    said = [*spoken(int(hour)), *(_pair(minutes) if minutes.strip("0") else [])]
    return [*said, "a" if "a" in content else "p", "m"]


def _pair(figures: str) -> list[str]:
    """Words of two figures after others: 05 is oh five."""
    oh = ["oh"] if figures[0] == "0" else []
    return [*oh, *spoken(int(figures))]


def _number(figures: str, grouped: bool = False) -> list[str]:
    """Words of a whole number; digit by digit where it is no quantity, as in 007.

    Who says a quantity of five digits gets a comma in it, so without one it is a
    number of something; and 1880 is said in two halves.
    """
    if len(figures) > _LONGEST or (len(figures) > 1 and figures[0] == "0"):
        return _digits(figures)
    if len(figures) == 5 and not grouped and figures[-2:] != "00":
        return _digits(figures)
    if not grouped and len(figures) == 4 and figures[0] == "1" and figures[1] != "0":
        half = "hundred" if figures[2:] == "00" else ""
        return [*spoken(int(figures[:2])), *([half] if half else _pair(figures[2:]))]
    return spoken(int(figures))


def _digits(figures: str) -> list[str]:
    return [UNITS[int(figure)] for figure in figures if figure.isdigit()]


def _ordinal(word: str) -> str:
    """The ordinal of a cardinal's last word: twenty, twentieth."""
    if word.endswith("y"):
        return f"{word[:-1]}ieth"
    return _ORDINALS.get(word, f"{word}th")


@dataclass(frozen=True, slots=True)
class SaidAs:
    """A range of a phrase that is said as its author gave it.

    Attributes:
        start: Its first character.
        end: After the last one.
        phones: CMU's, stress on the vowels, with spaces between: "N W IH1 N".
    """

    start: int
    end: int
    phones: str
