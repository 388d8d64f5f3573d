"""Numbers whose reading depends on what stands beside them.

Identifiers after a word that names one, strokes, durations, letters behind numbers,
dates in other orders, streets without a stop, formulas. Each rule takes a match and
gives words, or None where the evidence is missing. Knows nothing of the order in which
rules are tried.
"""

from __future__ import annotations

import re

from voiceserver.voice.text.abbreviations import MONTH_NAMES, MONTHS, UNITS
from voiceserver.voice.text.addresses import Rule, Spoken, code, code_part
from voiceserver.voice.text.numbers import (
    cardinal,
    decimal,
    digits,
    fraction,
    ordinal,
    plural,
    year,
)

_MONTH = "(?:" + "|".join([*MONTH_NAMES, *MONTHS]) + r")\b\.?"
_KNOWN_BY_DIGIT = re.compile(
    r"\b(?:code|pin|otp|passcode|password|passport|card|ssn|iban|id|serial|tracking"
    r"|(?:account|card|phone|order|reference|confirmation|tracking|serial) number)"
    r"(?:\s?#|:)?(?: is| was| of| ends in| ending in)?:? $",
    re.IGNORECASE,
)
_DIALLED = re.compile(
    r"\b(?:call|dial|phone|ring|text|tel|telephone|fax|mobile|cell)(?: us| me)?"
    r"(?: at| on| is)?:? $",
    re.IGNORECASE,
)
_PLACE = re.compile(
    r"\b(?:gate|apt|apartment|unit|suite|room|row|seat|exit|flat|section|platform"
    r"|terminal|bus|block)(?: is| number|:)? $",
    re.IGNORECASE,
)
_PART_OF = re.compile(r"\b(?:page|slide|step|part|question|chapter|item|level) $", re.I)
_ON_DATE = re.compile(r"\b(?:on|by|due|until|till|since|dated|before|after) $", re.I)
_COUNTS = re.compile(
    r" (?!(?:at|in|or|and|to|for|from|with|we|you|i|it|is|the)\b)[a-z]"
)
_OF_A_DECADE = re.compile(
    r"(?:\b(?:the|his|her|their|your|my|our|early|mid|late)[ -]|\d0s (?:and|or|to) )$",
    re.IGNORECASE,
)
_COUNTED = re.compile(
    r" (?:(?!(?:is|was|has|as|this|us)\b)(?:[a-z]{2,20} )?[a-z]{2,20}s"
    r"|(?:[a-z]{2,20} )?(?:people|men|women|children)|of)\b"
)
_SEVERAL = re.compile(
    r"\b(?:the|these|those|two|three|four|five|six|ten|many|several|some|of|boeing) $",
    re.IGNORECASE,
)
_AN = re.compile(r"\b(?:an?|every|each|this|that) -?[$\u20ac\u00a3\u00a5]?$", re.I)
_NOUN = re.compile(
    r"[ -](?!(?:of|and|or|in|to|at|for|per|a|an|the|is|was|are|each|more|less|from|on"
    r"|by|with|if|but|as|off)\b)[a-z]{2,}"
)
_ANY_CASE = {
    **{name.lower(): words for name, words in UNITS.items() if name.isalpha()},
    "in": ("inch", "inches"),
    "bpm": ("beat per minute", "beats per minute"),
}
for _name in ("mw", "x", "l", "g", "v", "w", "m", "s", "h"):
    del _ANY_CASE[_name]


def before(m: re.Match[str], n: int = 32) -> str:
    """What stands before a match."""
    return m.string[max(0, m.start() - n) : m.start()]


def describes(m: re.Match[str]) -> bool:
    """Whether an amount stands as an adjective: "a ten foot pole"."""
    return bool(_AN.search(before(m)) and _NOUN.match(m.string, m.end()))


def at_a_place(m: re.Match[str]) -> bool:
    """Whether a number with a letter is the name of a gate, a seat and the like."""
    return bool(_PLACE.search(before(m)))


def is_decade(m: re.Match[str]) -> bool:
    """Whether the twenties are meant and not twenty seconds."""
    return bool(_OF_A_DECADE.search(before(m)))


def _identifier(m: re.Match[str]) -> Spoken | None:
    text, lead = m.group(), before(m, 40)
    n_digits = sum(c.isdecimal() for c in text)
    sure = re.fullmatch(
        r"(?:\d{4} ){3}\d{4}|\d{3}-\d\d-\d{4}|0\d{2,4}(?: \d{2,4})+", text
    )
    if sure or _KNOWN_BY_DIGIT.search(lead):
        return digits(text)
    return digits(text, "oh") if n_digits >= 7 and _DIALLED.search(lead) else None


def _grouped(m: re.Match[str]) -> Spoken | None:
    """Thousands set apart by spaces, as much of the world writes them."""
    groups = m.group().split(" ")
    if len(groups) < 3 and not groups[-1].startswith("0"):
        return None
    return cardinal(int("".join(groups)))


def _glued(m: re.Match[str]) -> Spoken | None:
    """A number and the letters behind it: a unit if it is one, else both."""
    number, tail = m["number"], m["tail"]
    if len(number) > 1 and number[0] == "0" and "." not in number:
        return None
    if tail.lower() in _ANY_CASE and not at_a_place(m):
        one, many = _ANY_CASE[tail.lower()]
        return [
            *decimal(number),
            *(one if number == "1" or describes(m) else many).split(),
        ]
    if tail == "s":
        if not (number.isdecimal() and len(number) > 2 and _SEVERAL.search(before(m))):
            return [*decimal(number), "second" if describes(m) else "seconds"]
        return plural(_model(number))
    return [*_model(number), *(code(tail) if len(tail) > 1 else code_part(tail))]


def _model(number: str) -> Spoken:
    """As products are named: in pairs of digits where there are four."""
    if len(number) == 4 and number.isdecimal() and int(number) % 100 >= 10:
        return year(int(number))
    return decimal(number)


def _letter(m: re.Match[str]) -> Spoken | None:
    """A letter of a seat or a pencil, not a million: nothing is counted."""
    if at_a_place(m) or not _COUNTED.match(m.string, m.end()):
        return [*cardinal(int(m["number"])), f"{m['letter'].lower()}."]
    return None


def _stroke(m: re.Match[str]) -> Spoken | None:
    top, bottom = int(m["top"]), int(m["bottom"])
    lead, after = before(m), m.string[m.end() : m.end() + 12]
    both = [*cardinal(top), *cardinal(bottom)]
    if _PART_OF.search(lead):
        return [*cardinal(top), "of", *cardinal(bottom)]
    if re.match(r" (?:time|beat|meter|rhythm|vision)\b", after):
        return both
    if _ON_DATE.search(lead) and _is_day(top, bottom) and not _COUNTS.match(after):
        return [MONTH_NAMES[top - 1], *ordinal(bottom)]
    if top == bottom == 20 or (top + bottom == 100 and top % 5 == 0):
        return both
    if top > bottom > 4 and (top, bottom) not in ((24, 7), (9, 11)):
        return [*cardinal(top), "over", *cardinal(bottom)]
    return None


def _is_day(month: int, day: int) -> bool:
    return 1 <= month <= 12 and 1 <= day <= 31


def _day_range(m: re.Match[str]) -> Spoken | None:
    a, b, c, d = (int(m[g]) for g in ("m1", "d1", "m2", "d2"))
    if not (_is_day(a, b) and _is_day(c, d)):
        return None
    first = [MONTH_NAMES[a - 1], *ordinal(b)]
    return [*first, "to", MONTH_NAMES[c - 1], *ordinal(d)]


def _name_of(month: str) -> str:
    key = month.lower().rstrip(".")
    return MONTHS.get(key, key)


def _named_days(m: re.Match[str]) -> Spoken | None:
    first, second = int(m["d1"]), int(m["d2"])
    if not (1 <= first <= 31 and 1 <= second <= 31):
        return None
    name = [_name_of(m["m2"])] if m["m2"] else []
    words = [_name_of(m["m1"]), *ordinal(first), "to", *name, *ordinal(second)]
    return [*words, ",", *year(int(m["year"]))] if m["year"] else words


def _date(m: re.Match[str]) -> Spoken | None:
    """Year first, day first with stops, or the day and the month's name."""
    name = m["month"]
    month = int(name) if name.isdecimal() else 0
    if month > 12 or (name.isdecimal() and not month) or not 1 <= int(m["day"]) <= 31:
        return None
    spoken = MONTH_NAMES[month - 1] if month else _name_of(name)
    return [spoken, *ordinal(int(m["day"])), ",", *year(int(m["year"]))]


def _year_month(m: re.Match[str]) -> Spoken | None:
    number, month = int(m["year"]), int(m["month"])
    if not 1 <= month <= 12 or month == number % 100 + 1:  # 2009-10: a range
        return None
    return [MONTH_NAMES[month - 1], *year(number)]


_PERIODS = {"d": "day", "h": "hour", "m": "minute", "s": "second"}


def _duration(m: re.Match[str]) -> Spoken | None:
    words: Spoken = []
    order = ""
    for number, unit in re.findall(r"(\d+) ?([a-z])", m.group()):
        one = _PERIODS[unit]
        words += [*cardinal(int(number)), one if number == "1" else one + "s"]
        order += unit
    return words if re.fullmatch("d?h?m?s?", order) else None


_ROADS = {
    "St": "street", "Ave": "avenue", "Rd": "road", "Ln": "lane", "Dr": "drive",
    "Ct": "court", "Pl": "place", "Blvd": "boulevard", "Pkwy": "parkway",
    "Hwy": "highway",
}  # fmt: skip
_UNITS_OF_A_HOUSE = {
    "Hwy": "highway", "Rte": "route", "Ste": "suite", "Apt": "apartment", "Rm": "room",
    "Bldg": "building", "Fl": "floor",
}  # fmt: skip
_NAMED = {"St": "saint", "Mt": "mount", "Ft": "fort"}


def _road(m: re.Match[str]) -> Spoken | None:
    lead = before(m, 60)
    house = r"\d+[A-Za-z]? (?:[NSEW]\.? )?(?:[A-Z][a-z]+ ){1,3}$|\d(?:st|nd|rd|th) $"
    on_it = r"\b(?:on|off|along|down|up|of) [A-Z][a-z]+ $"
    if m["road"] in ("Ave", "Blvd", "Pkwy", "Hwy"):
        on_it = r"[A-Z][a-z]+ $"
    sure = re.search(house, lead) or re.search(on_it, lead)
    return [_ROADS[m["road"]]] if sure else None


_FORMULA = {
    "leq": "at most", "le": "at most", "geq": "at least", "ge": "at least",
    "neq": "is not", "ne": "is not", "times": "times", "cdot": "times", "div":
    "divided by", "approx": "about", "pm": "plus or minus", "sqrt": "square root of",
    "infty": "infinity", "to": "to", "rightarrow": "to", "sum": "the sum of",
    "int": "the integral of", "text": "", "left": "", "right": "", "mathrm": "",
    "quad": "", "circ": "degrees",
}  # fmt: skip
_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron"
    " pi rho sigma tau upsilon phi chi psi omega"
).split()


def _formula(m: re.Match[str]) -> Spoken | None:
    name = m["name"]
    if name.lower() in _GREEK:
        return [name.lower()]
    return _FORMULA[name].split() if name in _FORMULA else None


def _frac(m: re.Match[str]) -> Spoken | None:
    top, bottom = m["top"], m["bottom"]
    if top.isdecimal() and bottom.isdecimal():
        return fraction(int(top), int(bottom))
    return [*code(top), "over", *code(bottom)]


EVIDENCE_PATTERNS: tuple[tuple[str, Rule], ...] = (
    (r"\d{2,19}(?:[ -]\d{2,6}){0,5}(?![\w-]|[.,:/]\d| ?%)", _identifier),
    (r"[1-9]\d{0,2}(?: \d{3}){1,5}(?![\w,-]|\.\d| \d)", _grouped),
    (
        r"(?P<m1>\d{1,2})/(?P<d1>\d{1,2}) ?- ?(?P<m2>\d{1,2})/(?P<d2>\d{1,2})(?![\d/])",
        _day_range,
    ),
    (
        rf"(?P<m1>(?i:{_MONTH})) (?P<d1>\d{{1,2}})(?:st|nd|rd|th)? ?- ?"
        rf"(?:(?P<m2>(?i:{_MONTH})) )?(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?\b(?![:.]\d)"
        r"(?:,? (?P<year>\d{4})\b)?",
        _named_days,
    ),
    (r"(?P<year>[12]\d{3})/(?P<month>\d\d?)/(?P<day>\d\d?)(?![\d/])", _date),
    (r"(?P<day>\d\d?)\.(?P<month>\d\d?)\.(?P<year>[12]\d{3})(?![\w.]\w|\d)", _date),
    (rf"(?P<day>\d\d?)-(?P<month>(?i:{_MONTH}))-(?P<year>[12]\d{{3}})(?!\w)", _date),
    (r"(?P<year>[12]\d{3})-(?P<month>\d\d)-(?P<day>\d\d)T(?=\d\d:)", _date),
    (r"(?P<year>[12]\d{3})-(?P<month>\d\d)(?![\w-]|\.\d)", _year_month),
    (r"\d{1,4} ?[dhms](?: \d{1,3} ?[dhms]){1,3}(?!\w)", _duration),
    (
        r"(?P<top>\d{1,3})/(?P<bottom>\d{1,3})(?![\d/]| ?[=+*\u00d7\u00f7-] ?\d)",
        _stroke,
    ),
    (r"(?P<number>\d{1,4})(?P<letter>[MBT])(?!\w)", _letter),
    (
        r"(?P<number>(?>\d{1,15}(?:\.\d{1,9})?))(?P<tail>s)(?!\w)(?<![02-9]0s)",
        _glued,
    ),
    (rf"(?P<road>{'|'.join(_ROADS)})\b(?!\.|')", _road),
    (
        rf"(?P<unit>{'|'.join(_UNITS_OF_A_HOUSE)})\.? (?=#?\d)",
        lambda m: [_UNITS_OF_A_HOUSE[m["unit"]]],
    ),
    (
        rf"(?P<name>{'|'.join(_NAMED)}) (?=[A-Z][a-z]{{2}})",
        lambda m: [_NAMED[m["name"]]],
    ),
    (r"(?P<zone>GMT|UTC)(?P<sign>[-+])(?=\d)", lambda m: [
        *(f"{c}." for c in m["zone"].lower()), "minus" if m["sign"] == "-" else "plus"
    ]),
    (r"(?P<letter>[A-G])#(?!\w)", lambda m: [f"{m['letter'].lower()}.", "sharp"]),
    (
        r"\\d?frac\{(?P<top>[\w]{1,9})\}\{(?P<bottom>[\w]{1,9})\}",
        _frac,
    ),
    (r"\\(?P<name>[A-Za-z]{2,12})", _formula),
)  # fmt: skip
# After all that is known: what is left is a number and letters.
GLUED_PATTERNS: tuple[tuple[str, Rule], ...] = (
    (r"(?P<number>(?>\d{1,15}))(?P<tail>[A-Za-z]{1,12})(?![\w-])", _glued),
    (r"(?P<number>(?>\d{1,15}\.\d{1,9}))(?P<tail>[A-Za-z]{1,12}\d{0,3})(?!\w)", _glued),
)
