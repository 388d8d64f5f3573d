# ruff: noqa: RUF001 (the multiplication sign is meant)
"""Quantities in words: numbers and fractions with units, lengths in feet and inches.

A unit may stand over others (mg/dL), and what it measures may make an adjective of it
("a ten foot pole"). Each rule takes a match of its pattern and gives words, or None.
Knows nothing of the order in which rules are tried.
"""

from __future__ import annotations

import re

from voiceserver.voice.text.addresses import Rule, Spoken, code_part
from voiceserver.voice.text.evidence import at_a_place, before, describes
from voiceserver.voice.text.numbers import (
    NUMBER,
    cardinal,
    decimal,
    fraction,
    whole_number,
    with_article,
)
from voiceserver.voice.text.units import ANY_CASE, BELOW, SAFE, UNITS

VULGAR = {"½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4)}


def _names(unit: str) -> tuple[str, str]:
    return UNITS[unit] if unit in UNITS else ANY_CASE[unit.lower()]


def _unit(m: re.Match[str], single: bool) -> Spoken:
    """Words of the unit of a match, and of those below its stroke."""
    one, many = _names(m["unit"])
    words = (one if single else many).split()
    for below in filter(None, (m["per"] or "").split("/")):
        words += ["per", *BELOW[below].split()]
    return words


def _is_adjective(m: re.Match[str]) -> bool:
    """An article before and a noun behind, or a hyphen between number and unit."""
    if m["unit"] in "°%":
        return False
    return describes(m) or (m["gap"] == "-" and not m["per"])


# A number behind that has no unit of its own: a code (10W-40), and no range.
_GRADED = re.compile(rf"-\d{{1,4}}(?!\d| ?(?:{'|'.join(map(re.escape, UNITS))})\b)")


def _measure(m: re.Match[str]) -> Spoken | None:
    number, unit = m["number"], m["unit"]
    glued = unit.isalpha() and m.group() == number + unit
    if glued and (
        at_a_place(m) or (len(unit) == 1 and _GRADED.match(m.string, m.end()))
    ):
        return [*decimal(number), *code_part(unit)]
    words = ["minus", *decimal(number)] if m["minus"] else decimal(number)
    return [*words, *_unit(m, number == "1" or _is_adjective(m))]


def _measured_range(m: re.Match[str]) -> Spoken | None:
    words = [*decimal(m["first"]), "to", *decimal(m["second"])]
    return [*words, *_unit(m, m["second"] == "1" or _is_adjective(m))]


def _mixed(whole: str | None, top: int, bottom: int) -> Spoken:
    """A whole number and a fraction, e.g. two and a half."""
    spoken = fraction(top, bottom)
    if not whole or not int(whole):
        return spoken
    return [*cardinal(int(whole)), "and", *with_article(spoken)]


def _parts(m: re.Match[str]) -> tuple[int, int] | None:
    if m["sign"]:
        return VULGAR[m["sign"]]
    top, bottom = int(m["top"]), int(m["bottom"])
    return (top, bottom) if 0 < top < bottom else None


def _of_a_fraction(m: re.Match[str]) -> Spoken | None:
    parts = _parts(m)
    if parts is None:
        return None
    words = _mixed(m["whole"], *parts)
    adjective = _is_adjective(m)
    if adjective and words[-1] == "quarters":
        words[-1] = "quarter"
    return [*words, *_unit(m, adjective or not m["whole"])]


def _mixed_number(m: re.Match[str]) -> Spoken | None:
    """1-1/2: a hyphen joins a whole number and its fraction."""
    parts = _parts(m)
    if parts is None or parts[1] not in (2, 3, 4, 5, 8, 16):
        return None
    return _mixed(m["whole"], *parts)


def _fraction_range(m: re.Match[str]) -> Spoken | None:
    """1/2-3/4 where both are fractions as kitchens and workshops use them."""
    ends = [(int(m[f"top{i}"]), int(m[f"bottom{i}"])) for i in "12"]
    if any(
        not 0 < top < bottom or bottom not in (2, 3, 4, 8, 16) for top, bottom in ends
    ):
        return None
    return [*fraction(*ends[0]), "to", *fraction(*ends[1])]


def _vulgar(m: re.Match[str]) -> Spoken | None:
    return _mixed(m["whole"], *VULGAR[m["sign"]])


def _opened(m: re.Match[str], quote: str) -> bool:
    """Whether a quotation is open, so that the sign closes it and is no measure."""
    line = m.string[m.string.rfind("\n", 0, m.start()) + 1 : m.start()][-400:]
    opens = len(re.findall(rf"(?<![\w{quote}]){quote}(?=[\w$])", line))
    closes = len(re.findall(rf"(?<=[A-Za-z.,!?]){quote}(?!\w)", line))
    return opens > closes


def _feet_inches(m: re.Match[str]) -> Spoken | None:
    if int(m["inches"].partition(".")[0]) > 11:
        return None
    feet, inches = m["feet"], m["inches"]
    adjective = describes(m)
    words = [*cardinal(int(feet)), "foot" if feet == "1" or adjective else "feet"]
    if adjective:
        return [*words, *decimal(inches)]
    return [*words, *decimal(inches), "inch" if inches == "1" else "inches"]


def _marked(m: re.Match[str]) -> Spoken | None:
    """8' and 65": feet and inches, where the sign closes no quotation."""
    sign, number = m["sign"], m["number"]
    if _opened(m, sign) or (sign == "'" and number[:1] == "0"):
        return None
    one, many = ("foot", "feet") if sign == "'" else ("inch", "inches")
    words = whole_number(number) if number.isdecimal() else decimal(number)
    single = number == "1" or describes(m) or _NOUN_BEHIND.match(m.string, m.end())
    return [*words, one if single else many]


def _marked_fraction(m: re.Match[str]) -> Spoken | None:
    """1 1/4": fractions of an inch or a foot."""
    parts = _parts(m)
    if parts is None or _opened(m, m["mark"]):
        return None
    one, many = ("foot", "feet") if m["mark"] == "'" else ("inch", "inches")
    words = _mixed(m["whole"], *parts)
    adjective = describes(m) or _NOUN_BEHIND.match(m.string, m.end()) is not None
    if adjective and words[-1] == "quarters":
        words[-1] = "quarter"
    return [*words, one if adjective or not m["whole"] else many]


_NOUN_BEHIND = re.compile(
    r" (?!(?:by|x|from|to|of|in|on|and|or|at|for|with|long|tall|wide|high|deep|thick"
    r"|away|apart|above|below|off|but|than|per|was|are|has)\b)[a-z]{3,}"
)
_OF_A_SIDE = re.compile(
    rf"\d ?(?:[\"'°]|{'|'.join(map(re.escape, UNITS))}|inches|feet|meters) $"
)


def _by(m: re.Match[str]) -> Spoken | None:
    """The sign between sides that have units: 8' x 10'."""
    return ["by"] if _OF_A_SIDE.search(before(m)) else None


_PRESSURE = re.compile(r"\d{2,3}/\d{2,3} ?$")  # 120/80
_POWER_BEFORE = re.compile(r"\^\{?-?\d{1,3}\}? ?$")


def _of_a_power(m: re.Match[str]) -> Spoken | None:
    """A unit after an exponent of science: ten to the eighth meters per second."""
    of_blood = m["unit"] in ("mmHg", "mm Hg") and _PRESSURE.search(before(m, 8))
    power = of_blood or _POWER_BEFORE.search(before(m, 8))
    return _unit(m, single=False) if power else None


_ELECTRIC = re.compile(r"(?:[kmu\u00b5]?[VAW\u03a9]|[kMG]?Hz|VAC|VDC) ?$")
_MEASURED = re.compile(rf"\d ?(?:{'|'.join(map(re.escape, UNITS))}) ?$")


def _per_amount(m: re.Match[str]) -> Spoken | None:
    """The stroke between two amounts with units: 250 mg/5 mL; not 220V/50Hz."""
    measured = _MEASURED.search(before(m, 12))
    if measured and _ELECTRIC.search(measured.group()):
        return []
    return ["per"] if measured else None


def _to_amount(m: re.Match[str]) -> Spoken | None:
    """The hyphen between two amounts with units: 5 km - 10 km."""
    return ["to"] if _MEASURED.search(before(m, 12)) else None


def _inches(m: re.Match[str]) -> Spoken | None:
    """ "in" is a unit after feet, before a direction, or where a stop shortens it."""
    spoken = decimal(m["number"])
    return [*spoken, "inch" if m["number"] == "1" or describes(m) else "inches"]


def _longest(names: list[str]) -> str:
    return "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))


_EXACT = _longest([name for name in UNITS if name != "x"])
_LOOSE = _longest([n for n in ANY_CASE if n != "in" and (len(n) > 2 or n in SAFE)])
_UNIT = (
    rf"(?P<unit>(?:{_EXACT})(?![\w²³'])|(?i:{_LOOSE})(?![\w²³']))"
    rf"(?P<per>(?:/(?:{_longest(list(BELOW))})(?!\w))*)(?!/[A-Za-z])(?:\.(?= [a-z]))?"
)
_X = r"(?P<unit>x)(?P<per>(?!))?(?!\w|[ ]?[-+=^²³<>≤≥≈≠\\]|/\d)"
_MINUS = r"(?P<minus>(?<![\w.)])-)?"
_N = rf"(?P<number>(?>{NUMBER}))"
_ENDS = (
    r"(?P<first>\d{1,9}(?:\.\d{1,9})?) ?(?:°[CF]?|%)? ?- ?"
    r"(?P<second>\d{1,9}(?:\.\d{1,9})?)"
)
_FRACTION = r"(?P<top>\d{1,2})/(?P<bottom>\d{1,4})(?!\d)|(?P<sign>[½⅓⅔¼¾])"
_WHOLE = r"(?:(?P<whole>\d{1,4})(?: |-| ?(?=[½⅓⅔¼¾])))?"

MEASURE_PATTERNS: tuple[tuple[str, Rule], ...] = (
    (
        r"(?P<top1>\d{1,2})/(?P<bottom1>\d{1,2}) ?- ?(?P<top2>\d{1,2})/"
        r"(?P<bottom2>\d{1,2})(?![\d/])",
        _fraction_range,
    ),
    (rf"{_ENDS}(?P<gap>[ -]?){_UNIT}", _measured_range),
    (rf"{_ENDS}(?P<gap>){_X}", _measured_range),
    (rf"{_WHOLE}(?:{_FRACTION})(?P<gap>[ -]?){_UNIT}", _of_a_fraction),
    (rf"{_WHOLE}(?:{_FRACTION})(?P<mark>[\"'])(?![\w'\"])", _marked_fraction),
    (r"(?P<whole>\d{1,3})-(?:" + _FRACTION + r")(?![\d/-])", _mixed_number),
    (
        r"(?P<feet>\d{1,3})' ?(?P<inches>\d{1,2}(?:\.\d)?)(?:\"|''|(?!\w|\.\d))",
        _feet_inches,
    ),
    (
        rf"{_N} ?in(?:\.(?=,? [a-z]|[);])|(?= (?:long|wide|tall|deep|high|thick"
        rf"|across|x|in"
        r" (?:length|width|height|diameter))\b)|(?<=ft \d in)|(?<=ft \d\d in)"
        r"|(?<=ft\. \d in)|(?<=ft\. \d\d in))",
        _inches,
    ),
    (rf"{_N}(?P<sign>[\"'])(?![\w'\"])", _marked),
    (rf"{_MINUS}{_N}(?P<gap>[ -]?){_UNIT}", _measure),
    (rf"{_MINUS}{_N}(?P<gap>){_X}", _measure),
    (rf"/ ?(?=\d{{1,6}}(?:\.\d{{1,6}})? ?{_UNIT})", _per_amount),
    (rf"- ?(?=\d{{1,6}}(?:\.\d{{1,6}})? ?{_UNIT})", _to_amount),
    (_UNIT, _of_a_power),
    (r"[x×] ?(?=\d)", _by),
    (r"(?:(?P<whole>\d{1,6}) ?)?(?P<sign>[½⅓⅔¼¾])", _vulgar),
)
