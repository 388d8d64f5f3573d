"""What SSML's say-as asks for, in words: it outranks any guess of what a text is.

Each reading takes the text of the element and its ``format`` and gives words that no
voice can read otherwise, or the text itself where it is not what it is said to be.
Pure; knows nothing of XML or voices.

Sources: W3C Note "SSML 1.0 say-as attribute values", 2005, for the kinds and formats
of dates, times, telephones, characters, cardinals and ordinals.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from voiceserver.voice.text.abbreviations import MONTH_NAMES, MONTHS
from voiceserver.voice.text.addresses import WEB_SYMBOLS, by_hundreds, spell
from voiceserver.voice.text.normalise import MARKS, normalise
from voiceserver.voice.text.notations import ROADS
from voiceserver.voice.text.numbers import (
    cardinal,
    decimal,
    digits,
    fraction,
    is_day,
    ordinal,
    roman,
    with_article,
    year,
)
from voiceserver.voice.text.units import ANY_CASE, UNITS

Reading = Callable[[str, str], str]

_ENDINGS = {"1": "st", "2": "nd", "3": "rd"}
_LONGEST = 200  # characters; what is longer is prose, and is read as it is
_VULGAR = {"½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4"}


def characters(text: str, _format: str = "") -> str:
    """One character after the other: letters and digits by name, signs as in the"
    " web."""
    words: list[str] = []
    for char in text:
        if char.isspace():
            continue
        if char.isalnum():
            words.append(char.upper())
        else:
            words.append(WEB_SYMBOLS.get(char, char))
    return " ".join(words)


def each_digit(text: str, _format: str = "") -> str:
    """Digit by digit; letters among them by name."""
    return " ".join(c.upper() for c in text if c.isalnum())


def as_cardinal(text: str, format_: str = "") -> str:
    """A quantity, however much it looks like a year or a code."""
    if format_ in ("ordinal", "telephone", "digits", "fraction"):
        return READINGS[format_](text, "")
    plain = text.strip().replace(",", "").replace(" ", "")
    if found := re.fullmatch(r"([-+\u2212]?)(\d{1,60})(?:\.(\d{1,30}))?", plain):
        sign = {"": [], "+": ["plus"]}.get(found[1], ["minus"])
        words = cardinal(int(found[2])) if len(found[2]) < 19 else digits(found[2])
        part = ["point", *digits(found[3])] if found[3] else []
        return " ".join([*sign, *words, *part])
    value = roman(text.strip().upper())
    return " ".join(cardinal(value)) if value else text


def as_ordinal(text: str, _format: str = "") -> str:
    """A place in an order; the ending may be there already."""
    plain = text.strip().replace(",", "")
    if found := re.fullmatch(r"(\d{1,15})(?:st|nd|rd|th)?\.?", plain, re.IGNORECASE):
        number = found[1]
        teen = number[-2:-1] == "1"
        return number + ("th" if teen else _ENDINGS.get(number[-1], "th"))
    value = roman(plain.upper())
    return " ".join(ordinal(value)) if value else text


def as_telephone(text: str, _format: str = "") -> str:
    """Groups of digits with pauses between them; letters as a word."""
    head, _, extension = re.sub(
        r"\s*(?:extension|ext\.?|x|#)\s*(?=\d{1,6}\s*$)", "|", text, flags=re.IGNORECASE
    ).partition("|")
    groups = re.findall(r"\d+|[A-Za-z]{2,}|[A-Za-z]", head)
    if len(groups) == 1 and groups[0].isdecimal():
        groups = _grouped(groups[0])
    said = [" ".join(digits(g, "oh")) if g.isdecimal() else g.lower() for g in groups]
    if not said:
        return text
    plus = "plus " if head.strip().startswith("+") else ""
    tail = f", extension {' '.join(digits(extension, 'oh'))}" if extension else ""
    return plus + ", ".join(said) + tail


def _grouped(number: str) -> list[str]:
    """A telephone number without separators, cut as North America cuts it."""
    sizes = {7: (3, 4), 10: (3, 3, 4), 11: (1, 3, 3, 4)}.get(len(number))
    if sizes is None:
        return [number[i : i + 3] for i in range(0, len(number), 3)]
    ends = [sum(sizes[: i + 1]) for i in range(len(sizes))]
    return [number[end - size : end] for end, size in zip(ends, sizes, strict=True)]


_ORDERS = frozenset("mdy dmy ymd ydm md dm ym my y m d".split())


def as_date(text: str, format_: str = "") -> str:
    """A date, its parts in the order that the format says."""
    order = re.sub(r"(.)\1+", r"\1", re.sub("[^dmy]", "", format_.lower()))
    parts = re.findall(r"\d+|[A-Za-z]+", text.strip())
    if order not in _ORDERS:
        order = _order_of(parts)
    if len(parts) == 1 and len(order) > 1:
        parts = _cut(parts[0], order)
    if len(parts) != len(order) or not order:
        return text
    value = dict(zip(order, parts, strict=True))
    month = _month(value["m"]) if "m" in value else ""
    day = re.sub(r"\D", "", value.get("d", ""))
    if month is None or ("d" in value and not (day and is_day(1, int(day)))):
        return text
    if "y" in value and not value["y"].isdecimal():
        return text
    words = [month] if month else []
    words += ordinal(int(day)) if day else []
    said = " ".join(words)
    if "y" not in value:
        return said
    return (said + (", " if day else " ") if said else "") + " ".join(
        year(_full_year(value["y"]))
    )


def _order_of(parts: list[str]) -> str:
    if not parts:
        return ""
    if len(parts[0]) >= 4 and parts[0].isdecimal():
        return "ymd"[: max(len(parts), 3 if len(parts[0]) == 8 else 1)]
    if len(parts) == 3 and parts[1].isalpha():
        return "dmy"
    return {3: "mdy", 2: "md", 1: "d"}.get(len(parts), "")


def _cut(number: str, order: str) -> list[str]:
    """The parts of a date that is written without separators."""
    long_year = len(number) == 2 * len(order) + ("y" in order) * 2
    sizes = [4 if part == "y" and long_year else 2 for part in order]
    if sum(sizes) != len(number):
        return [number]
    ends = [sum(sizes[: i + 1]) for i in range(len(sizes))]
    return [number[end - size : end] for end, size in zip(ends, sizes, strict=True)]


def _month(text: str) -> str | None:
    if text.isdecimal():
        return MONTH_NAMES[int(text) - 1] if 1 <= int(text) <= 12 else None
    low = text.lower()
    return low if low in MONTH_NAMES else MONTHS.get(low)


def _full_year(text: str) -> int:
    return int(text) + ((2000 if int(text) < 50 else 1900) if len(text) == 2 else 0)


_CLOCK = re.compile(
    r"(\d{1,2})(?:[:.h]?([0-5]\d))?(?:[:.]([0-5]\d))?\s*([ap])?\.?(?:m\.?)?",
    re.IGNORECASE,
)
_LASTS = re.compile(
    r"(?:(\d{1,3})[h:])?(\d{1,3})(?:'|m|:)\s*(?:(\d{1,2})(?:\"|''|s)?)?"
)


def as_time(text: str, format_: str = "") -> str:
    """A time of day in hours and minutes, or with a format of ``ms`` how long it"
    " takes."""
    plain = text.strip().replace("\u2032", "'").replace("\u2033", '"')
    lasting = "'" in plain or format_.lower() in ("duration", "ms", "ms12")
    if lasting and (found := _LASTS.fullmatch(plain)):
        return " ".join(_lasting(*(int(g) if g else 0 for g in found.groups())))
    found = _CLOCK.fullmatch(plain)
    if found is None or int(found[1]) > 24 or (":" in plain and not format_):
        return text  # the normaliser knows it by its form
    hour, minute, second, half = found.groups()
    if format_.lower() == "hms24" and half is None:
        words = cardinal(int(hour))
    else:
        words = cardinal(int(hour)) if int(hour) or half is None else ["twelve"]
    if int(minute or 0):
        words += ["oh"] if minute[0] == "0" else []
        words += cardinal(int(minute))
    elif not half:
        words += (
            ["hundred"] if int(hour) > 12 or format_.lower() == "hms24" else ["o'clock"]
        )
    if second and int(second):
        words += ["and", *cardinal(int(second)), "second" + "s" * (int(second) != 1)]
    return " ".join([*words, *([half.upper(), "M"] if half else [])])


def _lasting(hours: int, minutes: int, seconds: int) -> list[str]:
    words: list[str] = []
    for number, name in ((hours, "hour"), (minutes, "minute"), (seconds, "second")):
        if number:
            words += [*cardinal(number), name + "s" * (number != 1)]
    return words or ["zero", "seconds"]


def as_fraction(text: str, _format: str = "") -> str:
    """A fraction, with a whole number before it or not: 2 3/8, 1+1/2, ½."""
    plain = "".join(f" {_VULGAR[c]}" if c in _VULGAR else c for c in text).strip()
    found = re.fullmatch(
        r"(?:(\d{1,9})[ +-]+)?(\d{1,9})\s*[/\u2044]\s*(\d{1,9})", plain
    )
    if found is None or int(found[3]) == 0:
        return text
    words = fraction(int(found[2]), int(found[3]))
    if not found[1]:
        return " ".join(words)
    return " ".join([*cardinal(int(found[1])), "and", *with_article(words)])


# Symbols that alone are too ambiguous for a guess.
_MEANT = {
    "A": ("amp", "amps"), "N": ("newton", "newtons"), "J": ("joule", "joules"),
    "F": ("degree fahrenheit", "degrees fahrenheit"), "K": ("kelvin", "kelvins"),
    "C": ("degree celsius", "degrees celsius"), "B": ("byte", "bytes"),
    "b": ("bit", "bits"), "t": ("ton", "tons"), "d": ("day", "days"),
    "'": ("foot", "feet"), '"': ("inch", "inches"), "in": ("inch", "inches"),
    "pt": ("pint", "pints"), "c": ("cup", "cups"), "M": ("molar", "molar"),
}  # fmt: skip


def as_unit(text: str, _format: str = "") -> str:
    """A number and the symbol of its unit."""
    found = re.fullmatch(r"([-\u2212]?)([\d.,]{1,30})[ -]?(\D{1,12})", text.strip())
    if found is None or not re.fullmatch(r"\d[\d,]*(?:\.\d+)?|\.\d+", found[2]):
        return text
    unit = found[3].strip().rstrip(".")
    names = _MEANT.get(unit) or UNITS.get(unit) or ANY_CASE.get(unit.lower())
    if names is None:
        return text
    minus = ["minus"] if found[1] else []
    return " ".join([*minus, *decimal(found[2]), names[found[2] != "1"]])


def as_address(text: str, _format: str = "") -> str:
    """A postal address: its numbers as names, its abbreviations in full."""
    roads = {name.lower(): words for name, words in ROADS.items()}
    said: list[str] = []
    tokens = text.split()
    for i, token in enumerate(tokens):
        bare, mark = token.rstrip(".,;"), "," if token[-1] in ",;" else ""
        after = tokens[i + 1] if i + 1 < len(tokens) else ""
        first = i == 0 or tokens[i - 1][-1] in ",0123456789"
        first = first or said[-1] in _SIDES.values()
        numeric = bare.isascii() and bare.isdecimal()
        if bare.lower() in roads and not (first and after[:1].isupper()):
            said.append(roads[bare.lower()] + mark)
        elif bare in _SIDES:
            said.append(_SIDES[bare] + mark)
        elif numeric and len(bare) in (3, 4, 5):
            said.append(" ".join(_house(bare)) + mark)
        else:
            said.append(token)
    return " ".join(said)


_SIDES = {"N": "north", "S": "south", "E": "east", "W": "west", "NW": "northwest",
          "NE": "northeast", "SW": "southwest", "SE": "southeast"}  # fmt: skip


def _house(number: str) -> list[str]:
    """A house or a post code, as addresses are told."""
    if len(number) == 5 or number[0] == "0":
        return digits(number, "oh")
    if len(number) == 3:
        return by_hundreds(int(number))
    return year(int(number))


def as_currency(text: str, format_: str = "") -> str:
    """An amount of money; the format may be the code of its currency."""
    plain = text.strip()
    if re.fullmatch(r"[\d.,]+", plain) and re.fullmatch("[A-Z]{3}", format_):
        plain = f"{format_} {plain}"
    return _words(re.sub(r"^([A-Z]{3})(?=\d)", r"\1 ", plain))


def _words(text: str) -> str:
    """What the normaliser makes of a text that stands by itself."""
    tokens = normalise(text).tokens
    return (
        " ".join(
            t.text
            if t.text in MARKS or not t.spelled
            else t.text[0].upper() + t.text[1:]
            for t in tokens
            if not t.is_mark or t.text in ",;:"
        )
        or text
    )


def as_acronym(text: str, _format: str = "") -> str:
    """Letters by name; what is lower case too."""
    return " ".join(word[0].upper() for word in spell(text)) if text.isalpha() else text


READINGS: dict[str, Reading] = {
    "characters": characters,
    "spell-out": characters,
    "verbatim": characters,
    "digits": each_digit,
    "ordinal": as_ordinal,
    "cardinal": as_cardinal,
    "number": as_cardinal,
    "fraction": as_fraction,
    "unit": as_unit,
    "date": as_date,
    "time": as_time,
    "telephone": as_telephone,
    "currency": as_currency,
    "address": as_address,
    "acronym": as_acronym,
}


def say_as(kind: str, format_: str, text: str) -> str:
    """Words of a text that is said to be of a kind.

    Args:
        kind: A key of ``READINGS``.
        format_: Such as ``dmy``; empty where none is given.
        text: What the element holds; longer texts than 200 characters stay as they are.
    """
    if len(text) > _LONGEST or not text.strip():
        return text
    return READINGS[kind](text, format_)
