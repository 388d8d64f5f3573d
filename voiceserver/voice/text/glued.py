"""Numbers that are names: codes, cards, telephones; numbers with letters behind them.

Each rule takes a match and gives words, or None where the evidence is missing. Knows
nothing of the order in which rules are tried.
"""

from __future__ import annotations

import re

from voiceserver.voice.text.abbreviations import MONTH_NAMES
from voiceserver.voice.text.addresses import Rule, Spoken, code, code_part, spell
from voiceserver.voice.text.evidence import (
    at_a_place,
    before,
    describes,
    is_counted,
    is_dialled,
    is_extension,
    is_known_by_digit,
    is_model,
    is_on_a_date,
    is_part_of,
    is_pressed,
    is_product,
    is_several,
)
from voiceserver.voice.text.numbers import (
    cardinal,
    decimal,
    digits,
    fraction,
    is_day,
    ordinal,
    plural,
    year,
)
from voiceserver.voice.text.units import ANY_CASE

_SURE = re.compile(
    r"(?:\d{4} ){3}\d{4}|\d{3}-\d\d-\d{4}|0\d{2,4}(?: \d{2,4})+"
    r"|\d{1,7}(?:-\d{1,7}){3,6}"
)
_DOMESTIC = re.compile(r"1[ -]\d{3}[ -]\d{3}[ -]\d{4}")
_SHORT_CODE = 5  # digits; what is texted to and no longer is no telephone
_TELEPHONE = 7


def _identifier(m: re.Match[str]) -> Spoken | None:
    text, lead = m.group(), before(m, 40)
    groups = re.findall(r"\d+", text)
    n_digits = sum(map(len, groups))
    if _DOMESTIC.fullmatch(text):
        return None
    if _SURE.fullmatch(text) and (max(map(len, groups)) > 2 or text[0] == "0"):
        return digits(text)
    if is_known_by_digit(lead) and (n_digits > 2 or len(groups) == 1):
        return digits(text)
    if is_extension(lead):
        return digits(text, "oh") if n_digits > 2 else None
    if not is_dialled(lead):
        return None
    if n_digits >= _TELEPHONE:
        return digits(text, "oh")
    is_short_code = len(groups) == 1 and n_digits >= _SHORT_CODE
    return digits(text, "oh") if is_short_code and not is_counted(m) else None


def _key(m: re.Match[str]) -> Spoken | None:
    """A key of a telephone, with the digits behind it."""
    if not is_pressed(before(m)) or (m["key"] == "#" and m["digits"]):
        return None
    return ["star" if m["key"] == "*" else "pound", *digits(m["digits"])]


_PERIODS = {"d": "day", "w": "week", "y": "year"}
_FOR_A_TIME = re.compile(
    r"\b(?:in|for|within|after|every|last|past|next|about|over|under|takes?|took|lasts?"
    r"|wait|ago|of|than|up to|another) $",
    re.IGNORECASE,
)


def _glued(m: re.Match[str]) -> Spoken | None:
    """A number and the letters behind it: a unit if it is one, else both."""
    number, tail = m["number"], m["tail"]
    if len(number) > 1 and number[0] == "0" and "." not in number:
        return None
    if tail.lower() in ANY_CASE and not at_a_place(m):
        return _in_units(m, *ANY_CASE[tail.lower()])
    if tail == "s":
        return _with_s(m, number)
    if tail in _PERIODS and _is_period(m, number, tail):
        one = _PERIODS[tail]
        return _in_units(m, one, one + "s")
    return [*_model(number), *(code(tail) if len(tail) > 1 else code_part(tail))]


def _in_units(m: re.Match[str], one: str, many: str) -> Spoken:
    single = m["number"] == "1" or describes(m)
    return [*decimal(m["number"]), *(one if single else many).split()]


def _is_period(m: re.Match[str], number: str, tail: str) -> bool:
    """Days and weeks, not dimensions and watts."""
    if not number.isdecimal():
        return False
    timed = bool(_FOR_A_TIME.search(before(m)))
    ago = m.string.startswith((" ago", " later", " left"), m.end())
    return timed or ago or (tail == "d" and int(number) > 4 and not at_a_place(m))


_OF_SEVERAL = re.compile(r" (?:are|were|have)\b")


def _round(m: re.Match[str]) -> Spoken | None:
    """100s of people: hundreds, thousands."""
    words = cardinal(int(m["number"]))
    return plural(words[1:] if words[0] == "one" else words)


def _with_s(m: re.Match[str], number: str) -> Spoken | None:
    if is_product(m) and number.isdecimal():
        verb = _OF_SEVERAL.match(m.string, m.end())
        several = bool(is_several(m) or verb) and not before(m).endswith("the ")
        return plural(_model(number)) if several else [*_model(number), "s."]
    if not (number.isdecimal() and len(number) > 2 and is_several(m)):
        return [*decimal(number), "second" if describes(m) else "seconds"]
    return plural(_model(number))


def _model(number: str) -> Spoken:
    """As products are named: in pairs of digits where there are four."""
    if len(number) == 4 and number.isdecimal() and int(number) % 100 >= 10:
        return year(int(number))
    return decimal(number)


def _named(m: re.Match[str]) -> Spoken | None:
    """Four digits after letters in capitals: RTX 3080."""
    if not is_model(m) or is_counted(m) or int(m["number"]) % 100 < 10:
        return None
    return _model(m["number"])


def _between(m: re.Match[str]) -> Spoken | None:
    """Small letters between numbers: 1080p60, 3d6."""
    number, after = m["number"], m["after"]
    if (len(number) > 1 and number[0] == "0") or (after[0] == "0" and len(after) > 1):
        return None
    return [*_model(number), *spell(m["tail"]), *_model(after)]


def _letter(m: re.Match[str]) -> Spoken | None:
    """A letter of a seat or a pencil, not a million: nothing is counted."""
    if at_a_place(m) or not is_counted(m):
        return [*cardinal(int(m["number"])), f"{m['letter'].lower()}."]
    return None


_BEATS = re.compile(r"\b(?:in|play|plays|played|signature|meter)(?: is| of)?:? $", re.I)
_OF_RHYTHM = re.compile(r" (?:time|beat|meter|rhythm|vision|signature|groove)\b")
_ENDS_THERE = re.compile(r"[.,;!?]?(?:\s+[A-Z]|\Z)|[,;]")


def _stroke(m: re.Match[str]) -> Spoken | None:
    top, bottom = int(m["top"]), int(m["bottom"])
    lead, text, end = before(m), m.string, m.end()
    both = [*cardinal(top), *cardinal(bottom)]
    if is_part_of(lead):
        return [*cardinal(top), "of", *cardinal(bottom)]
    if _OF_RHYTHM.match(text, end) or (
        top == bottom == 4 and text[end : end + 2] != " s"
    ):
        return both
    if is_on_a_date(m) and is_day(top, bottom):
        return [MONTH_NAMES[top - 1], *ordinal(bottom)]
    rhythm = _BEATS.search(lead) and bottom in (2, 4, 8, 16) and top > 1
    if rhythm and _ENDS_THERE.match(text, end):
        return both
    if top == bottom == 20 or (top + bottom == 100 and top % 5 == 0):
        return both
    if top == bottom > 1:
        return [*cardinal(top), "out", "of", *cardinal(bottom)]
    if top > bottom > 4 and (top, bottom) not in ((24, 7), (9, 11)):
        return [*cardinal(top), "over", *cardinal(bottom)]
    return None


def _marked_fraction(m: re.Match[str]) -> Spoken | None:
    """1/3rd: the ending is in the words already."""
    top, bottom = int(m["top"]), int(m["bottom"])
    return fraction(top, bottom) if top > 0 and 2 < bottom <= 100 else None


def _pairs(m: re.Match[str]) -> Spoken | None:
    """Hexadecimal groups with colons or hyphens between, sign by sign."""
    text = m.group()
    if not (re.search("[A-Fa-f]", text) and re.search(r"\d", text)):
        return None
    words: Spoken = []
    for i, group in enumerate(re.split("[:-]", text)):
        words += ([","] if i else []) + spell(group)
    return words


def _hexadecimal(m: re.Match[str]) -> Spoken | None:
    return [*spell(m.group()[:2]), *spell(m["digits"])]


IDENTIFIER_PATTERNS: tuple[tuple[str, Rule], ...] = (
    (
        r"(?:[\da-fA-F]{2}[:-]){2,7}[\da-fA-F]{2}(?![\w:-])"
        r"|[\da-fA-F]{8}(?:-[\da-fA-F]{4}){3}-[\da-fA-F]{12}(?!\w)"
        r"|[\da-fA-F]{1,4}(?::{1,2}[\da-fA-F]{1,4}){3,7}(?![\w:])",
        _pairs,
    ),
    (r"0[xX](?P<digits>[\da-fA-F]{2,32})(?!\w)", _hexadecimal),
    (r"\d{1,19}(?:[ -]\d{1,7}){0,6}(?![\w-]|[.,:/]\d| ?%)", _identifier),
    (r"(?P<key>[*#])(?P<digits>\d{0,4})(?![\w*#])", _key),
)
STROKE_PATTERNS: tuple[tuple[str, Rule], ...] = (
    (r"(?P<top>\d{1,2})/(?P<bottom>\d{1,3})(?:rd|th|nd|st)s?(?!\w)", _marked_fraction),
    (
        r"(?P<top>\d{1,3})/(?P<bottom>\d{1,3})(?![\d/]| ?[=+*\u00d7\u00f7-] ?\d)",
        _stroke,
    ),
    (r"(?P<number>10{1,8})'?s(?= of\b)", _round),
    (r"(?P<number>\d{1,4})(?P<letter>[MBT])(?!\w)", _letter),
    (
        r"(?P<number>(?>\d{1,15}(?:\.\d{1,9})?))(?P<tail>s)(?!\w)(?<![02-9]0s)",
        _glued,
    ),
    (r"(?P<number>\d{4})(?![\w,-]|[.:/]\d)", _named),
)
# After all that is known: what is left is a number and letters.
GLUED_PATTERNS: tuple[tuple[str, Rule], ...] = (
    (r"(?P<number>(?>\d{1,15}))(?P<tail>[A-Za-z]{1,12})(?![\w-])", _glued),
    (r"(?P<number>(?>\d{1,15}\.\d{1,9}))(?P<tail>[A-Za-z]{1,12}\d{0,3})(?!\w)", _glued),
    (r"(?P<number>\d{1,4})(?P<tail>[a-z]{1,2})(?P<after>\d{1,3})(?![\w-])", _between),
)
