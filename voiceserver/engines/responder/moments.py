"""Times and dates as they are said. Reads no clock: the moment is passed in."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = (
    "January February March April May June July August September October November "
    "December"
).split()
# Cities asked for most, by their IANA zone.
CITIES = {
    "amsterdam": "Europe/Amsterdam",
    "athens": "Europe/Athens",
    "beijing": "Asia/Shanghai",
    "berlin": "Europe/Berlin",
    "boston": "America/New_York",
    "cairo": "Africa/Cairo",
    "chicago": "America/Chicago",
    "denver": "America/Denver",
    "dublin": "Europe/Dublin",
    "hong kong": "Asia/Hong_Kong",
    "honolulu": "Pacific/Honolulu",
    "houston": "America/Chicago",
    "istanbul": "Europe/Istanbul",
    "lisbon": "Europe/Lisbon",
    "london": "Europe/London",
    "los angeles": "America/Los_Angeles",
    "madrid": "Europe/Madrid",
    "mexico city": "America/Mexico_City",
    "miami": "America/New_York",
    "moscow": "Europe/Moscow",
    "new york": "America/New_York",
    "paris": "Europe/Paris",
    "rome": "Europe/Rome",
    "san francisco": "America/Los_Angeles",
    "seattle": "America/Los_Angeles",
    "seoul": "Asia/Seoul",
    "shanghai": "Asia/Shanghai",
    "singapore": "Asia/Singapore",
    "stockholm": "Europe/Stockholm",
    "sydney": "Australia/Sydney",
    "tokyo": "Asia/Tokyo",
    "toronto": "America/Toronto",
    "vienna": "Europe/Vienna",
    "washington": "America/New_York",
}


_ASKING_TIME = frozenset(
    "what which is it the time current local right now exact tell me please".split()
)
_ASKING_DAY = frozenset(
    "what is was will be it the day date of week tomorrow yesterday s".split()
)


def time_of_day(moment: datetime) -> str:
    """E.g. ``"3:07 PM"``, ``"9 AM"``, ``"noon"``."""
    if moment.minute == 0 and moment.hour % 12 == 0:
        return "noon" if moment.hour else "midnight"
    half = "PM" if moment.hour >= 12 else "AM"
    hour = (moment.hour + 11) % 12 + 1
    return f"{hour}:{moment.minute:02d} {half}" if moment.minute else f"{hour} {half}"


def part_of_day(moment: datetime) -> str:
    """``"morning"``, ``"afternoon"`` or ``"evening"``."""
    if 4 <= moment.hour < 12:
        return "morning"
    return "afternoon" if 12 <= moment.hour < 18 else "evening"


def day(moment: date) -> str:
    """E.g. ``"Monday, November 23rd"``."""
    return f"{DAYS[moment.weekday()]}, {MONTHS[moment.month - 1]} {_nth(moment.day)}"


def full_date(moment: date) -> str:
    """E.g. ``"Monday, November 23rd, 2026"``."""
    return f"{day(moment)}, {moment.year}"


def years_since(start: date, moment: date) -> int:
    """Whole years from one day to another."""
    return (
        moment.year
        - start.year
        - ((moment.month, moment.day) < (start.month, start.day))
    )


def time_in(words: tuple[str, ...], moment: datetime) -> str | None:
    """Answer what time it is in a city; None if the words ask for something else.

    Args:
        words: Of ``words.normal``, e.g. what time is it in new york.
        moment: Now, aware of its zone.
    """
    if "time" not in words or "in" not in words or words[0] in ("set", "remind"):
        return None
    at = len(words) - words[::-1].index("in")
    if not _ASKING_TIME.issuperset(words[: at - 1]):
        return None  # of something there: a match, a train
    city = " ".join(word for word in words[at:] if word not in ("right", "now"))
    if not city or any(c.isdigit() for c in city):
        return None
    zone = CITIES.get(city)
    if zone is None:
        return None
    try:
        there = moment.astimezone(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, OSError):  # a machine without time zones
        return None
    return f"It is {time_of_day(there)} in {city.title()}."


def other_day(words: tuple[str, ...], moment: datetime) -> str | None:
    """Answer which day tomorrow or yesterday is; None if the words do not ask."""
    asked = {"day", "date"} & set(words)
    if not asked or words[0] != "what" or not _ASKING_DAY.issuperset(words):
        return None
    for word, days, verb in (("tomorrow", 1, "is"), ("yesterday", -1, "was")):
        if word in words:
            there = moment.date() + timedelta(days)
            return f"{word.capitalize()} {verb} {full_date(there)}."
    return None


def _nth(n: int) -> str:
    if n in (11, 12, 13):
        return f"{n}th"
    return f"{n}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th') }"
