# ruff: noqa: RUF001 (the multiplication sign is meant)
"""What is not a plain word, said in words: money, dates, times, addresses, codes.

An ordered list of patterns; the first that matches at a place and does not decline
speaks. A spoken form is a list of lower-case words; a single letter with a full stop
(``"b."``) is the letter's name, with ``'s`` after it its plural. Works on the folded
text of ``plaintext``. Knows nothing of phones or of where sentences end.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from voiceserver.voice.abbreviations import (
    DOMAINS,
    MAGNITUDES,
    MONEY,
    MONTH_NAMES,
    MONTHS,
    NUMBERED,
    REGNAL,
    UNITS,
)
from voiceserver.voice.numbers import (
    cardinal,
    decimal,
    digits,
    fraction,
    ordinal,
    plural,
    roman,
    whole_number,
    year,
)

Spoken = list[str]
Rule = Callable[[re.Match[str]], Spoken | None]

NUMBER = r"\d{1,3}(?:,\d{3}){1,6}(?:\.\d{1,30})?(?![\d,]\d)|\d{1,200}(?:\.\d{1,30})?"
MONTH = "(?:" + "|".join([*MONTH_NAMES, *MONTHS]) + r")\b\.?"
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
}
VULGAR = {"½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4)}
WEB_SYMBOLS = {
    ".": "dot",
    "-": "dash",
    "_": "underscore",
    "/": "slash",
    "+": "plus",
    "~": "tilde",
    "?": "question mark",
    "=": "equals",
    "&": "and",
    "#": "hash",
    "%": "percent",
    ":": "colon",
    "@": "at",
}
SHORT_DOMAINS = frozenset(("io", "ai", "uk", "us", "tv", "eu", "jp", "ch", "fr", "ca"))


def spell(letters: str) -> Spoken:
    """Letters by name, digits as words."""
    return [
        f"{c}." if c.isalpha() else digits(c)[0] for c in letters.lower() if c.isalnum()
    ]


def code_part(part: str) -> Spoken:
    """A run of letters inside a code or address: a word if it can be said as one."""
    if len(part) == 1 or not re.search(r"[aeiouy]", part.lower()):
        return spell(part)
    if part.isupper() and len(part) <= 3:
        return spell(part)
    return [part.lower()]


def code(text: str) -> Spoken:
    """Letters and digits mixed, e.g. B2B, MP3, COVID19; symbols are passed over."""
    words: Spoken = []
    for part in re.findall(r"[A-Za-z]+|\d+", text):
        if part.isdigit():
            short = len(part) <= 2 and part[0] != "0"
            words += cardinal(int(part)) if short else digits(part)
        else:
            words += code_part(part)
    return words


def _address(text: str) -> Spoken:
    words: Spoken = []
    for part in re.findall(r"[A-Za-z]+|\d+|[^A-Za-z\d]", text):
        if part.isdigit():
            words += cardinal(int(part)) if len(part) <= 2 else digits(part)
        elif part.isalpha():
            low = part.lower()
            words += spell(part) if low in SHORT_DOMAINS else code_part(low)
        elif part in WEB_SYMBOLS:
            words += WEB_SYMBOLS[part].split()
    return words


def _web(m: re.Match[str]) -> Spoken | None:
    text = re.sub(r"^[a-z]{2,6}://", "", m.group(), flags=re.IGNORECASE).rstrip("/")
    if text.lower().startswith("www."):
        return [*spell("www"), "dot", *_address(text[4:])]
    return _address(text)


def _email(m: re.Match[str]) -> Spoken | None:
    return _address(m.group())


def _phone(m: re.Match[str]) -> Spoken | None:
    text = m.group()
    groups = re.findall(r"\d+", text)
    if sum(map(len, groups)) < 7:
        return None
    words: Spoken = ["plus"] if text.startswith("+") else []
    for i, group in enumerate(groups):
        if i:
            words.append(",")
        words += ["eight", "hundred"] if group == "800" else digits(group, "oh")
    return words


def _month(name: str) -> str:
    key = name.lower().rstrip(".")
    return MONTHS.get(key, key)


def _day_year(month: str, day: int, year_text: str | None) -> Spoken | None:
    if not 1 <= day <= 31:
        return None
    words = [month, *ordinal(day)]
    return [*words, ",", *year(int(year_text))] if year_text else words


def _iso_date(m: re.Match[str]) -> Spoken | None:
    month = int(m["month"])
    if not 1 <= month <= 12:
        return None
    return _day_year(MONTH_NAMES[month - 1], int(m["day"]), m["year"])


def _slash_date(m: re.Match[str]) -> Spoken | None:
    month, day, text = int(m["month"]), int(m["day"]), m["year"]
    if month > 12 and day <= 12:
        month, day = day, month
    if not 1 <= month <= 12:
        return None
    if len(text) == 2:
        text = ("20" if int(text) < 50 else "19") + text
    return _day_year(MONTH_NAMES[month - 1], day, text)


def _month_day(m: re.Match[str]) -> Spoken | None:
    return _day_year(_month(m["month"]), int(m["day"]), m["year"])


def _day_month(m: re.Match[str]) -> Spoken | None:
    day = int(m["day"])
    if not 1 <= day <= 31:
        return None
    words = ["the", *ordinal(day), "of", _month(m["month"])]
    return [*words, *year(int(m["year"]))] if m["year"] else words


def _month_year(m: re.Match[str]) -> Spoken | None:
    return [_month(m["month"]), *year(int(m["year"]))]


def _clock(m: re.Match[str]) -> Spoken | None:
    hour, minute = int(m["hour"]), int(m["minute"] or 0)
    half = (m["half"] or "").lower().replace(".", "").replace(" ", "")
    if hour > 24 or minute > 59 or (m["minute"] is None and not half):
        return None
    words = cardinal(hour)
    if minute:
        words += ["oh", *cardinal(minute)] if minute < 10 else cardinal(minute)
    elif not half:
        words += ["hundred"] if hour > 12 else ["o'clock"] if hour else []
        words = words if hour else ["midnight"]
    if m["second"] and int(m["second"]):
        second = int(m["second"])
        words += ["and", *cardinal(second), "second" if second == 1 else "seconds"]
    return words + spell(half)


def _money(m: re.Match[str]) -> Spoken | None:
    one, many, cent, cents = MONEY[m["sign"]]
    amount, magnitude = m["amount"].replace(",", ""), m["magnitude"]
    lead = ["minus"] if m["minus"] else []
    if magnitude:
        return [*lead, *decimal(amount), MAGNITUDES[magnitude], many]
    whole, _, part = amount.partition(".")
    if part and (len(part) != 2 or not cents):
        return [*lead, *decimal(amount), many]
    words: Spoken = []
    if int(whole) or not part or not int(part):
        words = [*whole_number(whole), one if whole == "1" else many]
    if part and int(part):
        joint = ["and"] if words else []
        words += [*joint, *cardinal(int(part)), cent if part == "01" else cents]
    return lead + words


def _measure(m: re.Match[str]) -> Spoken | None:
    one, many = UNITS[m["unit"]]
    number = m["number"]
    words = _signed(m["minus"], number)
    return [*words, *(one if number == "1" else many).split()]


def _signed(minus: str | None, number: str) -> Spoken:
    return ["minus", *decimal(number)] if minus else decimal(number)


def _percent_range(m: re.Match[str]) -> Spoken | None:
    one, many = UNITS[m["unit"]]
    unit = (many if m["second"] != "1" else one).split()
    return [*decimal(m["first"]), "to", *decimal(m["second"]), *unit]


def _ordinal(m: re.Match[str]) -> Spoken | None:
    text = m["number"].replace(",", "")
    return ordinal(int(text)) if len(text) <= 15 else None


def _decade(m: re.Match[str]) -> Spoken | None:
    n = int(m["number"])
    if len(m["number"]) == 2:
        return plural(cardinal(n))
    return plural(year(n)) if n % 100 else [*cardinal(n // 100), "hundreds"]


def _short_year(m: re.Match[str]) -> Spoken | None:
    n = int(m["number"])
    return ["oh", *cardinal(n)] if n < 10 else cardinal(n)


def _quantity_or_year(text: str) -> Spoken:
    if len(text) == 4 and 1100 <= int(text) <= 2099:
        return year(int(text))
    return decimal(text)


def _range(m: re.Match[str]) -> Spoken | None:
    first, second = m["first"], m["second"]
    if len(first) == 4 and len(second) == 2:
        return [*_quantity_or_year(first), "to", *whole_number(second)]
    return [*_quantity_or_year(first), "to", *_quantity_or_year(second)]


def _ratio(m: re.Match[str]) -> Spoken | None:
    return [*whole_number(m["first"]), "to", *whole_number(m["second"])]


def _fraction(m: re.Match[str]) -> Spoken | None:
    top, bottom = int(m["top"]), int(m["bottom"])
    if (top, bottom) in ((24, 7), (9, 11), (7, 11)) and not m["whole"]:
        return [*cardinal(top), *cardinal(bottom)]
    if bottom == 0 or top > 999 or bottom > 9999:
        return None
    whole = [*cardinal(int(m["whole"])), "and"] if m["whole"] else []
    spoken = fraction(top, bottom)
    if whole and spoken[:1] == ["one"]:
        spoken = ["a", *spoken[1:]]
    return whole + spoken


def _vulgar(m: re.Match[str]) -> Spoken | None:
    spoken = fraction(*VULGAR[m["sign"]])
    if not m["whole"]:
        return spoken
    if spoken[0] == "one":
        spoken = ["a", *spoken[1:]]
    return [*cardinal(int(m["whole"])), "and", *spoken]


def _version(m: re.Match[str]) -> Spoken | None:
    parts = m["numbers"].split(".")
    word = "dot" if len(parts) == 4 else "point"
    words: Spoken = ["version"] if m["v"] else []
    for i, part in enumerate(parts):
        words += ([word] if i else []) + whole_number(part)
    return words


def _numbered(m: re.Match[str]) -> Spoken | None:
    return ["number", *whole_number(m["number"].replace(",", ""))]


def _magnitude(m: re.Match[str]) -> Spoken | None:
    if m["magnitude"] in "kK":  # 4K, 10k: thousands are said as the letter
        return [*_signed(m["minus"], m["number"]), "k."]
    return [*_signed(m["minus"], m["number"]), MAGNITUDES[m["magnitude"]]]


def _number(m: re.Match[str]) -> Spoken | None:
    text = m["number"]
    sign = {"-": ["minus"], "+": ["plus"]}.get(m["sign"] or "", [])
    if not sign and "," not in text and "." not in text:
        return _quantity_or_year(text)
    return sign + decimal(text)


def _roman(m: re.Match[str]) -> Spoken | None:
    value, before = roman(m["roman"]), m["before"].lower()
    if not value:
        return None
    lead = code_part(m["before"]) if m["before"].isupper() else [before]
    if before in REGNAL:
        return [*lead, "the", *ordinal(value)]
    if before in NUMBERED or (len(m["roman"]) > 1 and value < 40):
        return [*lead, *cardinal(value)]
    return None


def _code(m: re.Match[str]) -> Spoken | None:
    return code(m.group())


def _ampersand(m: re.Match[str]) -> Spoken | None:
    words: Spoken = []
    for i, part in enumerate(m.group().split("&")):
        words += (["and"] if i else []) + spell(part)
    return words


_UNIT_NAMES = "|".join(
    re.escape(u) for u in sorted(UNITS, key=len, reverse=True) if u != "x"
)
_TLD = "|".join(sorted(DOMAINS, key=len, reverse=True))
_MINUS = r"(?P<minus>(?<![\w.)])-)?"
_N = rf"(?P<number>{NUMBER})"

_PATTERNS: tuple[tuple[str, Rule], ...] = (
    (r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,6}", _email),
    (r"(?i:https?|ftp|wss?)://[^\s<>\"']{1,300}[\w/]", _web),
    (r"www\.[\w-]{1,63}(?:\.[\w-]{1,63}){1,6}(?:/[\w./?=&%#~+-]{0,200}[\w/])?", _web),
    (
        rf"(?:[a-z\d][\w-]{{0,62}}\.){{1,5}}(?:{_TLD})\b(?!\.\w)"
        r"(?:/[\w./?=&%#~+-]{0,200}[\w/]|/)?",
        _web,
    ),
    (r"(?:\+?1[-. ])?\(?\d{3}\)?[-. ]\d{3}[-. ]\d{4}(?!\d)", _phone),
    (r"\+\d{1,3}(?:[-. ]?\(?\d{1,4}\)?){2,6}(?!\d)", _phone),
    (r"(?<![\d-])\d{3}-\d{4}(?![\d-])", _phone),
    (r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)(?!\d)", _iso_date),
    (
        r"(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4}|\d\d)(?![\d/])",
        _slash_date,
    ),
    (
        rf"(?P<month>(?!may )(?i:{MONTH})) (?P<day>\d{{1,2}})"
        r"(?:st|nd|rd|th)?\b(?![:.,]\d)"
        r"(?:,? (?P<year>\d{4})\b)?",
        _month_day,
    ),
    (
        rf"(?:the )?(?P<day>\d{{1,2}})(?:st|nd|rd|th)? (?:of )?"
        rf"(?P<month>(?!may (?!\d))(?i:{MONTH}))(?:,? (?P<year>\d{{4}})\b)?",
        _day_month,
    ),
    (rf"(?P<month>(?i:{MONTH})),? (?P<year>[12]\d{{3}})\b", _month_year),
    (
        r"(?P<hour>\d{1,2})(?::(?P<minute>\d\d)(?::(?P<second>\d\d))?)?"
        r"(?: ?(?P<half>[ap]\.m\.|[AP]\.M\.|[ap]m|[AP]M)(?!\w))?(?![\d:])",
        _clock,
    ),
    (
        rf"(?P<minus>-)?(?P<sign>[$€£¥]) ?(?P<amount>{NUMBER})"
        rf"(?: ?(?P<magnitude>{'|'.join(MAGNITUDES)})\b)?",
        _money,
    ),
    (r"(?P<number>[12]\d\d0|[2-9]0)'?s\b", _decade),
    (r"'(?P<number>[2-9]0)s\b", _decade),
    (
        rf"(?P<first>\d{{1,9}}(?:\.\d{{1,9}})?)-(?P<second>\d{{1,9}}(?:\.\d{{1,9}})?)"
        rf" ?(?P<unit>{_UNIT_NAMES})(?![\w/²³])",
        _percent_range,
    ),
    (rf"{_MINUS}{_N}[ -]?(?P<unit>{_UNIT_NAMES})(?![\w/²³'])", _measure),
    (rf"{_MINUS}{_N}(?P<unit>x)(?!\w)", _measure),
    (r"(?P<number>\d{1,3}(?:,\d{3}){1,4}|\d{1,15})(?:st|nd|rd|th)\b", _ordinal),
    (r"(?<!\w)'(?P<number>\d\d)\b(?!')", _short_year),
    (
        r"(?P<v>[vV])?(?P<numbers>\d{1,9}(?:\.\d{1,9}){2,8})(?![\w.]*\w)",
        _version,
    ),
    (r"(?P<v>[vV])(?P<numbers>\d{1,9}(?:\.\d{1,9})?)(?!\w)", _version),
    (
        r"(?:(?P<whole>\d{1,6}) )?(?P<top>\d{1,3})/(?P<bottom>\d{1,4})(?![\d/])",
        _fraction,
    ),
    (r"(?:(?P<whole>\d{1,6}) ?)?(?P<sign>[½⅓⅔¼¾])", _vulgar),
    (
        r"(?<![\d-])(?P<first>\d{1,9}(?:\.\d{1,9})?)(?: - |-)"
        r"(?P<second>\d{1,9}(?:\.\d{1,9})?)(?![\w-]|\.\d)",
        _range,
    ),
    (r"(?P<first>\d{1,4}):(?P<second>\d{1,4})(?![\d:])", _ratio),
    (r"(?:#|[Nn]os?\. ?(?=\d))(?P<number>\d[\d,]{0,20}\d|\d)(?!\w)", _numbered),
    (rf"{_MINUS}{_N}[ ]?(?P<magnitude>bn|mn|[kKMBT])(?!\w)", _magnitude),
    (rf"(?P<sign>(?<![\w.)])[-+])?{_N}(?![A-Za-z])", _number),
    (
        r"(?P<before>[A-Z][A-Za-z]{1,20}) (?P<roman>[IVXLC]{1,7})(?![\w'.]*\w)",
        _roman,
    ),
    (r"[A-Z]{1,4}(?:&[A-Z]{1,4}){1,3}(?![A-Za-z])", _ampersand),
    (r"[Ww]/o(?!\w)", lambda _: ["without"]),
    (r"[Ww]/(?= ?[A-Za-z])", lambda _: ["with"]),
    (r"'?[Nn]'(?= )", lambda _: ["and"]),
    (r"pp?\. ?(?=\d)", lambda m: ["pages" if m.group()[1] == "p" else "page"]),
    (r"(?=[A-Za-z-]{0,12}\d)[A-Za-z\d]{1,30}(?:-[A-Za-z\d]{1,30}){0,4}", _code),
)
RULES = tuple((re.compile(pattern), rule) for pattern, rule in _PATTERNS)


def verbalise(text: str, at: int) -> tuple[Spoken, int] | None:
    """Speak what begins at a place, if it is not a plain word.

    Args:
        text: Folded text.
        at: Where to look; must not lie inside a word or number.

    Returns:
        The words and where the spoken part ends; None where no rule applies.
    """
    for pattern, rule in RULES:
        m = pattern.match(text, at)
        if m and m.end() > at:
            spoken = rule(m)
            if spoken is not None:
                return spoken, m.end()
    return None
