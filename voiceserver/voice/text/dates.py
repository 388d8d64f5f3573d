"""Dates, times of day, years and decades in words.

Each rule takes a match of its pattern and gives words, or None where the text cannot be
a date or time after all. Knows nothing of the order in which rules are tried.
"""

from __future__ import annotations

import re

from voiceserver.voice.text.abbreviations import DAYS, MONTH_NAMES, MONTHS
from voiceserver.voice.text.addresses import Rule, Spoken, spell
from voiceserver.voice.text.evidence import before, is_decade, is_on_a_date
from voiceserver.voice.text.numbers import (
    cardinal,
    decimal,
    is_day,
    ordinal,
    plural,
    year,
)

MONTH = "(?:" + "|".join([*MONTH_NAMES, *MONTHS]) + r")\b\.?"


def _month(name: str) -> str:
    key = name.lower().rstrip(".")
    return MONTHS.get(key, key)


def _day_year(month: str, day: int, year_text: str | None) -> Spoken | None:
    if not 1 <= day <= 31:
        return None
    words = [month, *ordinal(day)]
    return [*words, ",", *year(int(year_text))] if year_text else words


def _full_year(text: str) -> int:
    """A year of two digits lies within fifty years of 2000."""
    n = int(text)
    return n if len(text) > 2 else n + (2000 if n < 50 else 1900)


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
    return _day_year(MONTH_NAMES[month - 1], day, str(_full_year(text)))


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


_OF_RATIOS = re.compile(
    r" (?:ratio|dilution|scale|odds|mix|mixture|solution|slope|model|split)\b"
)
_RATIO_BEFORE = re.compile(
    r"\b(?:ratio|odds|scale|diluted?|mixed|proportion)(?: of| is| at)?:? $", re.I
)


def _clock(m: re.Match[str]) -> Spoken | None:
    if (
        m["minute"]
        and not m["half"]
        and (_OF_RATIOS.match(m.string, m.end()) or _RATIO_BEFORE.search(before(m)))
    ):
        return None
    return _time(m, "hour", "minute", "second", "half")


def _clock_range(m: re.Match[str]) -> Spoken | None:
    if not (m["minute"] or m["half"] or m["minute2"] or m["half2"]):
        return None
    spoken = []
    for end in ("", "2"):
        hour, minute, half = f"hour{end}", f"minute{end}", f"half{end}"
        bare = m[minute] is None and m[half] is None and int(m[hour]) <= 24
        time = cardinal(int(m[hour])) if bare else _time(m, hour, minute, None, half)
        if time is None:
            return None
        spoken.append(time)
    return [*spoken[0], "to", *spoken[1]]


def _named_range(m: re.Match[str]) -> Spoken | None:
    """From one day or month to another, written with a hyphen."""
    first, second = m["first"].lower(), m["second"].lower()
    for names in (DAYS, MONTHS):
        full = names.values()
        if all(name in names or name in full for name in (first, second)):
            return [names.get(first, first), "to", names.get(second, second)]
    return None


def _time(
    m: re.Match[str], of_hour: str, of_minute: str, of_second: str | None, of_half: str
) -> Spoken | None:
    hour, minute = int(m[of_hour]), int(m[of_minute] or 0)
    half = (m[of_half] or "").lower().replace(".", "").replace(" ", "")
    if hour > 24 or minute > 59 or (m[of_minute] is None and not half):
        return None
    words = cardinal(hour)
    if minute:
        words += ["oh", *cardinal(minute)] if minute < 10 else cardinal(minute)
    elif not half:
        words += ["hundred"] if hour > 12 else ["o'clock"] if hour else []
        words = words if hour else ["midnight"]
    if of_second and int(m[of_second] or 0):
        second = int(m[of_second])
        words += ["and", *cardinal(second), "second" if second == 1 else "seconds"]
    return words + spell(half)


def _decade(m: re.Match[str]) -> Spoken | None:
    n = int(m["number"])
    if len(m["number"]) == 2:
        if m.group()[-2:] != "'s" and m.group()[0] != "'" and not is_decade(m):
            return [*cardinal(n), "seconds"]
        return plural(cardinal(n))
    if n % 1000 == 0:
        return plural(cardinal(n))
    return plural(year(n)) if n % 100 else [*cardinal(n // 100), "hundreds"]


def _short_year(m: re.Match[str]) -> Spoken | None:
    return _short(int(m["number"]))


def _day_range(m: re.Match[str]) -> Spoken | None:
    a, b, c, d = (int(m[g]) for g in ("m1", "d1", "m2", "d2"))
    if not (is_day(a, b) and is_day(c, d)):
        return None
    kitchen = all(
        top < bottom and bottom in (2, 3, 4, 8) for top, bottom in ((a, b), (c, d))
    )
    if kitchen and not is_on_a_date(m):  # 1/2-3/4 cup
        return None
    first = [MONTH_NAMES[a - 1], *ordinal(b)]
    return [*first, "to", MONTH_NAMES[c - 1], *ordinal(d)]


def _named_days(m: re.Match[str]) -> Spoken | None:
    first, second = int(m["d1"]), int(m["d2"])
    if not (1 <= first <= 31 and 1 <= second <= 31):
        return None
    name = [_month(m["m2"])] if m["m2"] else []
    words = [_month(m["m1"]), *ordinal(first), "to", *name, *ordinal(second)]
    return [*words, ",", *year(int(m["year"]))] if m["year"] else words


def _days_named(m: re.Match[str]) -> Spoken | None:
    """From one day to another with the month behind: 12-15 March."""
    first, second = int(m["d1"]), int(m["d2"])
    if not (1 <= first <= 31 and 1 <= second <= 31):
        return None
    words = [*(["the"] if _bare(m) else []), *ordinal(first)]
    words += ["of", _month(m["m1"])] if m["m1"] else []
    words += ["to", "the", *ordinal(second), "of", _month(m["m2"])]
    return [*words, *year(int(m["year"]))] if m["year"] else words


def _bare(m: re.Match[str]) -> bool:
    """Whether no article stands before a day."""
    return not re.search(r"\b[Tt]he $", before(m))


def _date(m: re.Match[str]) -> Spoken | None:
    """Year first, day first with stops, or the day and the month's name."""
    name = m["month"]
    month = int(name) if name.isdecimal() else 0
    if month > 12 or (name.isdecimal() and not month) or not 1 <= int(m["day"]) <= 31:
        return None
    spoken = MONTH_NAMES[month - 1] if month else _month(name)
    return [spoken, *ordinal(int(m["day"])), ",", *year(_full_year(m["year"]))]


_UNTIL_A_MONTH = re.compile(
    r"\b(?:until|till|since|dated|expires|expiring|exp\.?|valid through|month of|issued"
    r"|released in|as of) $",
    re.IGNORECASE,
)


def _year_month(m: re.Match[str]) -> Spoken | None:
    number, month = int(m["year"]), int(m["month"])
    if not 1 <= month <= 12:
        return None
    following = month == number % 100 + 1  # 2009-10: from one year to the next
    if following and not _UNTIL_A_MONTH.search(before(m)):
        return [*year(number), "to", *_short(month)]
    return [MONTH_NAMES[month - 1], *year(number)]


def _short(n: int) -> Spoken:
    """The last two digits of a year."""
    return ["oh", *cardinal(n)] if n < 10 else cardinal(n)


def _season(m: re.Match[str]) -> Spoken | None:
    """2023/24: a season or a school year runs into the next."""
    if int(m["to"]) != (int(m["from"]) + 1) % 100:
        return None
    return [*year(int(m["from"])), *_short(int(m["to"]))]


_AT_A_TIME = re.compile(r"\b(?:at|by|from|until|till|to|vers) $", re.IGNORECASE)


def _hours(m: re.Match[str]) -> Spoken | None:
    """1h30 is a duration, and a time of day where one is due."""
    hour, minute = int(m["hour"]), int(m["minute"])
    if _AT_A_TIME.search(before(m)) and hour < 24:
        return [*cardinal(hour), *(_short(minute) if minute else ["hundred"])]
    words = [*cardinal(hour), "hour" if hour == 1 else "hours"]
    if minute:
        words += [*cardinal(minute), "minute" if minute == 1 else "minutes"]
    return words


def _day_name(m: re.Match[str]) -> Spoken | None:
    words = [DAYS[m["name"].lower()]]
    return [*words, ","] if m["comma"] else words


def _stopwatch(m: re.Match[str]) -> Spoken | None:
    """Minutes and seconds with parts of one: 3:07.25."""
    second = m["second"]
    words = [*cardinal(int(m["minute"])), *_short(int(second))]
    return [*words, *decimal("." + m["part"])]


_PERIODS = {"d": "day", "h": "hour", "m": "minute", "s": "second"}


def _duration(m: re.Match[str]) -> Spoken | None:
    words: Spoken = []
    order = ""
    for number, unit in re.findall(r"(\d+) ?([a-z])", m.group()):
        one = _PERIODS[unit]
        words += [*cardinal(int(number)), one if number == "1" else one + "s"]
        order += unit
    return words if re.fullmatch("d?h?m?s?", order) else None


_HALF = r"[ap]\.m\.|[AP]\.M\.|[ap]m|[AP]M"

_DAY_NAME = "Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun"
# Days and ranges of them, read before numbers with strokes, points or hyphens are.
DAY_PATTERNS: tuple[tuple[str, Rule], ...] = (
    (
        r"(?P<m1>\d{1,2})/(?P<d1>\d{1,2}) ?- ?(?P<m2>\d{1,2})/(?P<d2>\d{1,2})(?![\d/])",
        _day_range,
    ),
    (
        rf"(?P<m1>(?i:{MONTH})) (?P<d1>\d{{1,2}})(?:st|nd|rd|th)? ?- ?"
        rf"(?:(?P<m2>(?i:{MONTH})) )?(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?\b(?![:.]\d)"
        r"(?:,? (?P<year>\d{4})\b)?",
        _named_days,
    ),
    (
        rf"(?P<d1>\d{{1,2}})(?:st|nd|rd|th)?(?: (?P<m1>(?i:{MONTH})))? ?- ?"
        rf"(?P<d2>\d{{1,2}})(?:st|nd|rd|th)? (?P<m2>(?i:{MONTH}))(?:,?"
        rf" (?P<year>\d{{4}})\b)?",
        _days_named,
    ),
    (r"(?P<year>[12]\d{3})/(?P<month>\d\d?)/(?P<day>\d\d?)(?![\d/])", _date),
    (r"(?P<day>\d\d?)\.(?P<month>\d\d?)\.(?P<year>[12]\d{3})(?![\w.]\w|\d)", _date),
    (
        rf"(?P<day>\d\d?)-(?P<month>(?i:{MONTH}))-(?P<year>[12]\d{{3}}|\d\d)(?!\w)",
        _date,
    ),
    (r"(?P<year>[12]\d{3})-(?P<month>\d\d)-(?P<day>\d\d)T(?=\d\d:)", _date),
    (r"(?P<year>[12]\d{3})-(?P<month>\d\d)(?![\w-]|\.\d)", _year_month),
    (r"(?P<from>[12]\d{3})/(?P<to>\d\d)(?![\d/])", _season),
    (r"\d{1,4} ?[dhms](?: \d{1,3} ?[dhms]){1,3}(?!\w)", _duration),
    (
        rf"- ?(?=(?i:{MONTH}) \d|[12]\d{{3}}-\d\d)",
        lambda m: ["to"] if re.search(r"\d ?$", before(m, 3)) else None,
    ),
    (r"(?P<hour>\d{1,2})h(?P<minute>[0-5]\d)(?!\w)", _hours),
    (
        rf"(?P<name>{_DAY_NAME})\.?(?P<comma>,)? (?=(?i:{MONTH})|\d{{1,2}}(?:st|nd"
        rf"|rd|th)?"
        rf" (?:of )?(?i:{MONTH})|\d{{1,2}}/\d|\d{{1,2}}(?::\d\d)? ?[ap]\.?m"
        rf"|\d{{4}}-\d\d-)",
        _day_name,
    ),
)
DATE_PATTERNS: tuple[tuple[str, Rule], ...] = (
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
        rf"(?P<hour>\d{{1,2}})(?::(?P<minute>\d\d))?(?: ?(?P<half>{_HALF}))? ?- ?"
        rf"(?P<hour2>\d{{1,2}})(?::(?P<minute2>\d\d))?(?: ?(?P<half2>{_HALF})(?!\w))?"
        r"(?![\w:-]|\.\d)",
        _clock_range,
    ),
    (r"(?P<first>[A-Z][a-z]{2,8})\.? ?- ?(?P<second>[A-Z][a-z]{2,8})\b", _named_range),
    (r"(?P<minute>\d{1,2}):(?P<second>[0-5]\d)\.(?P<part>\d{1,3})(?!\d)", _stopwatch),
    (
        r"(?P<hour>\d{1,2})(?::(?P<minute>\d\d)(?::(?P<second>\d\d))?)?"
        r"(?: ?(?P<half>" + _HALF + r")(?!\w))?(?![\d:])",
        _clock,
    ),
    (
        r"(?P<hour>\d{1,2})\.(?P<minute>\d\d)(?P<second>(?!))? ?"
        rf"(?P<half>{_HALF})(?!\w)",
        _clock,
    ),
    # What follows the hyphen is read by its own rule: mid-1980s, pre-1914.
    (
        r"(?i:(?P<part>mid|pre|post|late|early|circa|since))-(?=\d{4}|\d0s\b)",
        lambda m: [m["part"].lower()],
    ),
    (r"(?P<number>[12]\d\d0|[2-9]0)'?s\b", _decade),
    (r"'(?P<number>[2-9]0)s\b", _decade),
    (r"(?<!\w)'(?P<number>\d\d)\b(?!')", _short_year),
)
