# ruff: noqa: RUF001 (the multiplication sign is meant)
"""What is not a plain word, said in words: money, units, numbers, Roman numerals.

Holds the ordered list of all patterns, those of ``dates`` and ``addresses`` included:
the first that matches at a place and does not decline speaks. A spoken form is a list
of lower-case words; a single letter with a full stop (``"b."``) is the letter's name,
with ``'s`` after it its plural. Works on the folded text of ``plaintext``. Knows
nothing of phones or of where sentences end.
"""

from __future__ import annotations

import logging
import re

from voiceserver.voice.text.abbreviations import MAGNITUDES
from voiceserver.voice.text.addresses import (
    ADDRESS_PATTERNS,
    CODE_PATTERNS,
    Rule,
    Spoken,
    code,
)
from voiceserver.voice.text.currencies import MONEY_PATTERNS
from voiceserver.voice.text.dates import DATE_PATTERNS, DAY_PATTERNS
from voiceserver.voice.text.evidence import before, describes
from voiceserver.voice.text.glued import (
    GLUED_PATTERNS,
    IDENTIFIER_PATTERNS,
    STROKE_PATTERNS,
)
from voiceserver.voice.text.measures import MEASURE_PATTERNS
from voiceserver.voice.text.notations import NOTATION_PATTERNS, ROMAN_PATTERNS
from voiceserver.voice.text.numbers import (
    NUMBER,
    cardinal,
    decimal,
    digits,
    fraction,
    ordinal,
    plural,
    whole_number,
    with_article,
    year,
)
from voiceserver.voice.text.sums import SUM_PATTERNS
from voiceserver.voice.text.units import PER

_log = logging.getLogger(__name__)

SYMBOL_WORDS = {
    "&": "and",
    "%": "percent",
    "+": "plus",
    "=": "equals",
    "@": "at",
    "×": "times",
    "÷": "divided by",
    "±": "plus or minus",
    "§": "section",
    "¶": "paragraph",
    "⌘": "command",
    "⌥": "option",
    "⇧": "shift",
    "⌃": "control",
    "°": "degrees",
    "≈": "about",
    "≤": "at most",
    "≥": "at least",
    "≠": "is not",
    "½": "one half",
    "⅓": "one third",
    "⅔": "two thirds",
    "¼": "one quarter",
    "¾": "three quarters",
    "²": "squared",
    "³": "cubed",
    "µ": "micro",
    "$": "dollars",
    "€": "euros",
    "£": "pounds",
    "¥": "yen",
    "#": "hash",
    "√": "square root of",
    "∛": "cube root of",
    "∞": "infinity",
    "∈": "in",
    "∑": "sum of",
    "∫": "integral of",
    "∂": "partial",
    "♭": "flat",
    "♯": "sharp",
    "¢": "cents",
    "‰": "per mille",
    "₹": "rupees",
    "₩": "won",
    "₿": "bitcoin",
    "Ω": "ohms",
    "₺": "lira",
    "₽": "rubles",
    "₪": "shekels",
    "₫": "dong",
    "₱": "pesos",
    "₦": "naira",
    "₴": "hryvnias",
    "฿": "baht",
    "₵": "cedis",
    "₸": "tenge",
    "₡": "colones",
    "★": "star",
    "∩": "intersection",
    "∪": "union",
    "∅": "empty set",
    "⊂": "subset of",
    "⊆": "subset of",
    "∉": "not in",
    "∀": "for all",
    "∃": "there exists",
    "¬": "not",
    "∧": "and",
    "∨": "or",
    "∝": "is proportional to",
    "≡": "is equivalent to",
    "∴": "therefore",
    "∠": "angle",
    "⊥": "perpendicular to",
    "∥": "parallel to",
    "∇": "nabla",
    "∏": "product of",
    "↑": "up",
    "↓": "down",
}


def _ordinal(m: re.Match[str]) -> Spoken | None:
    text = m["number"].replace(",", "")
    if len(text) > 15:
        return None
    return plural(ordinal(int(text))) if m["many"] else ordinal(int(text))


def _quantity_or_year(text: str) -> Spoken:
    if len(text) == 4 and text.isdecimal() and 1100 <= int(text) <= 2099:
        return year(int(text))
    return decimal(text)


def _range(m: re.Match[str]) -> Spoken | None:
    first, second = m["first"], m["second"]
    if len(first) == 4 and len(second) == 2:
        spoken = (
            ["oh", *cardinal(int(second))]
            if second[0] == "0"
            else cardinal(int(second))
        )
        if second == "00" and first.endswith("99"):
            spoken = year(int(first) + 1)
        return [*_quantity_or_year(first), "to", *spoken]
    return [*_quantity_or_year(first), "to", *_quantity_or_year(second)]


def _size(m: re.Match[str]) -> Spoken | None:
    """Width by height, e.g. 4x6; 1920x1080 in pairs of digits, as pixels are."""
    words: Spoken = []
    for part in m.group().replace(" ", "").split("x"):
        n = int(part)
        in_pairs = len(part) == 4 and n % 100 >= 10
        words += ["by"] if words else []
        words += year(n) if in_pairs else whole_number(part)
    return words


def _ratio(m: re.Match[str]) -> Spoken | None:
    return [*whole_number(m["first"]), "to", *whole_number(m["second"])]


_COUNTED = re.compile(r"\d ?(?:[A-Za-z]{1,12}|[°µ]\w{0,3}|[€£¥₹$¢])?$")


def _per(m: re.Match[str]) -> Spoken | None:
    """The stroke of a rate; None where no number comes before it."""
    counted = _COUNTED.search(before(m))
    return ["per", PER[m["unit"]]] if counted else None


def _score(m: re.Match[str]) -> Spoken | None:
    return [*decimal(m["top"]), "out", "of", *cardinal(int(m["bottom"]))]


def _fraction(m: re.Match[str]) -> Spoken | None:
    top, bottom = int(m["top"]), int(m["bottom"])
    if (top, bottom) == (50, 50):
        return ["fifty", "fifty"]
    if (top, bottom) in ((24, 7), (9, 11), (7, 11)) and not m["whole"]:
        return [*cardinal(top), *cardinal(bottom)]
    if bottom == 0 or top > 999 or bottom > 9999:
        return None
    whole = [*cardinal(int(m["whole"])), "and"] if m["whole"] else []
    spoken = fraction(top, bottom)
    if whole:
        spoken = with_article(spoken)
    if spoken[-1] == "quarters" and describes(m):
        spoken[-1] = "quarter"
    return whole + spoken


def _version(m: re.Match[str]) -> Spoken | None:
    parts = m["numbers"].split(".")
    word = "dot" if len(parts) == 4 and not m["tail"] else "point"
    words: Spoken = ["version"] if m["v"] else []
    for i, part in enumerate(parts):
        words += ([word] if i else []) + whole_number(part)
    if m["tail"]:
        words += ["point", "x."] if m["tail"] in (".x", ".X") else code(m["tail"])
    return words


def _emergency(m: re.Match[str]) -> Spoken | None:
    """A short number that is dialled, digit by digit."""
    before = m.string[max(0, m.start() - 12) : m.start()].lower()
    dialled = re.search(r"\b(?:call|calling|dial|text|phone|ring|or|an?) $", before)
    return digits(m["number"]) if dialled else None


def _zip(m: re.Match[str]) -> Spoken | None:
    """A postal code after a comma and the letters of a state."""
    if not re.search(r", [A-Z]{2} $", m.string[max(0, m.start() - 5) : m.start()]):
        return None
    return digits(m.group(), "oh")


def _numbered(m: re.Match[str]) -> Spoken | None:
    return ["number", *whole_number(m["number"].replace(",", ""))]


def _magnitude(m: re.Match[str]) -> Spoken | None:
    words = [*(["minus"] if m["minus"] else []), *decimal(m["number"])]
    if m["magnitude"] in "kK":  # 4K, 10k: thousands are said as the letter
        return [*words, "k."]
    return [*words, MAGNITUDES[m["magnitude"]]]


def _number(m: re.Match[str]) -> Spoken | None:
    text = m["number"]
    sign = {"-": ["minus"], "+": ["plus"]}.get(m["sign"] or "", [])
    if not sign and "," not in text and "." not in text:
        return _quantity_or_year(text)
    return sign + decimal(text)


_TAIL = (
    r"\.[xX]|[-.]?(?:rc|alpha|beta|dev|post|pre|preview|canary|nightly|snapshot|[ab])"
    r"[.-]?\d{0,6}|[a-z]"
)
_PER = "|".join(sorted(PER, key=len, reverse=True))
_MINUS = r"(?P<minus>(?<![\w.)])-)?"
# Atomic: a number is taken whole or not at all.
_N = rf"(?P<number>(?>{NUMBER}))"

_PATTERNS: tuple[tuple[str, Rule], ...] = (
    *IDENTIFIER_PATTERNS,
    *DAY_PATTERNS,
    *STROKE_PATTERNS,
    *NOTATION_PATTERNS,
    *ADDRESS_PATTERNS,
    *SUM_PATTERNS,
    *DATE_PATTERNS,
    *MONEY_PATTERNS,
    *MEASURE_PATTERNS,
    (r"\d{1,5}(?: ?x ?\d{1,5}){1,2}(?![\w.]{0,40}\w)", _size),
    (
        r"(?P<number>\d{1,3}(?:,\d{3}){1,4}|\d{1,15})(?:st|nd|rd|th)(?P<many>s?)\b",
        _ordinal,
    ),
    (
        rf"(?P<v>[vV])?(?P<numbers>\d{{1,9}}(?:\.\d{{1,9}}){{2,8}})(?P<tail>{_TAIL})?"
        r"(?![\w.]{0,40}\w)",
        _version,
    ),
    (
        rf"(?P<v>[vV])(?P<numbers>\d{{1,9}}(?:\.\d{{1,9}})?)(?P<tail>{_TAIL})?(?!\w)",
        _version,
    ),
    (r"(?P<v>(?!))?(?P<numbers>\d{1,4}(?:\.\d{1,4})?)(?P<tail>\.[xX])(?!\w)", _version),
    (
        r"- ?(?=\d{1,4}(?:st|nd|rd|th)\b)",
        lambda m: ["to"] if re.search(r"\d(?:st|nd|rd|th) ?$", before(m, 6)) else None,
    ),
    (rf"/(?P<unit>{_PER})(?![\w/])", _per),
    (
        r"min\. ?(?=\d)",
        lambda m: None if _COUNTED.search(before(m, 3)) else ["minimum"],
    ),
    (r"(?:ca|c)\. ?(?=1\d{3}\b)", lambda _: ["circa"]),
    (r"(?P<number>911|999|112|988|311|411|211)(?![\w/.-]\w|\w)", _emergency),
    (r"\d{5}(?:-\d{4})?(?![\w-])", _zip),
    (r"(?P<top>\d{1,2}\.\d{1,2})/(?P<bottom>5|10|100)(?![\d/])", _score),
    (r"(?P<top>[2-9]|10)/(?P<bottom>10)(?![\d/]| of\b| [a-z]*inch)", _score),
    (r"(?P<top>\d{2,3})/(?P<bottom>100)(?![\d/]| of\b)", _score),
    (
        r"(?:(?P<whole>\d{1,6}) )?(?P<top>\d{1,3})/(?P<bottom>\d{1,4})(?![\d/])",
        _fraction,
    ),
    (
        r"(?<![\d-])(?P<first>\d{1,3}(?:,\d{3}){1,4}|\d{1,9}(?:\.\d{1,9})?)(?: - |-)"
        r"(?P<second>\d{1,3}(?:,\d{3}){1,4}|\d{1,9}(?:\.\d{1,9})?)(?![\w-]|[.,]\d)",
        _range,
    ),
    (r"(?P<first>\d{1,4}):(?P<second>\d{1,4})(?![\d:])", _ratio),
    (r"#(?=[A-Z]{1,5}-\d|\d{1,4}[A-Z]\b)", lambda _: ["number"]),
    (r"(?:#|[Nn]os?\. ?(?=\d))(?P<number>\d[\d,]{0,20}\d|\d)(?!\w)", _numbered),
    (rf"{_MINUS}{_N}[ ]?(?P<magnitude>bn|mn|[kKMBT])(?!\w|'s\b)", _magnitude),
    (rf"(?P<sign>(?<![\w.)])[-+])?{_N}(?![A-Za-z])", _number),
    *ROMAN_PATTERNS,
    *GLUED_PATTERNS,
    *CODE_PATTERNS,
)
RULES = tuple((re.compile(pattern), rule) for pattern, rule in _PATTERNS)


def verbalise(text: str, at: int) -> tuple[Spoken, int] | None:
    """Speak what begins at a place, if it is not a plain word.

    A rule that fails is passed over: another one, or the plain word, is read.

    Args:
        text: Folded text.
        at: Where to look; must not lie inside a word or number.

    Returns:
        The words and where the spoken part ends; None where no rule applies.
    """
    for pattern, rule in RULES:
        m = pattern.match(text, at)
        if m and m.end() > at:
            try:
                spoken = rule(m)
            except Exception as error:  # noqa: BLE001 - it never costs the reply its voice
                # Its kind alone: what it says may hold the text; that is never logged.
                kind = type(error).__name__
                _log.error("a rule of the front end failed: %s (%s)", rule, kind)
                continue
            if spoken is not None:
                return spoken, m.end()
    return None
