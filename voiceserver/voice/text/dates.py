"""Dates, times of day, years and decades in words.

Each rule takes a match of its pattern and gives words, or None where the text cannot be
a date or time after all. Knows nothing of the order in which rules are tried.
"""

from __future__ import annotations

import re

from voiceserver.voice.text.abbreviations import DAYS, MONTH_NAMES, MONTHS
from voiceserver.voice.text.addresses import Rule, Spoken, spell
from voiceserver.voice.text.evidence import is_decade
from voiceserver.voice.text.numbers import cardinal, ordinal, plural, year

MONTH = "(?:" + "|".join([*MONTH_NAMES, *MONTHS]) + r")\b\.?"


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
    return plural(year(n)) if n % 100 else [*cardinal(n // 100), "hundreds"]


def _short_year(m: re.Match[str]) -> Spoken | None:
    n = int(m["number"])
    return ["oh", *cardinal(n)] if n < 10 else cardinal(n)


_HALF = r"[ap]\.m\.|[AP]\.M\.|[ap]m|[AP]M"

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
