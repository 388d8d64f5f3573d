"""Dates, times of day, years and decades in words.

Each rule takes a match of its pattern and gives words, or None where the text cannot be
a date or time after all. Knows nothing of the order in which rules are tried.
"""

from __future__ import annotations

import re

from voiceserver.voice.abbreviations import MONTH_NAMES, MONTHS
from voiceserver.voice.addresses import Rule, Spoken, spell
from voiceserver.voice.numbers import cardinal, ordinal, plural, year

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


def _decade(m: re.Match[str]) -> Spoken | None:
    n = int(m["number"])
    if len(m["number"]) == 2:
        return plural(cardinal(n))
    return plural(year(n)) if n % 100 else [*cardinal(n // 100), "hundreds"]


def _short_year(m: re.Match[str]) -> Spoken | None:
    n = int(m["number"])
    return ["oh", *cardinal(n)] if n < 10 else cardinal(n)


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
        r"(?P<hour>\d{1,2})(?::(?P<minute>\d\d)(?::(?P<second>\d\d))?)?"
        r"(?: ?(?P<half>[ap]\.m\.|[AP]\.M\.|[ap]m|[AP]M)(?!\w))?(?![\d:])",
        _clock,
    ),
    (r"(?P<number>[12]\d\d0|[2-9]0)'?s\b", _decade),
    (r"'(?P<number>[2-9]0)s\b", _decade),
    (r"(?<!\w)'(?P<number>\d\d)\b(?!')", _short_year),
)
