"""Times and dates as they are said."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from voiceserver.engines.responder import moments
from voiceserver.engines.responder.words import normal

NOW = datetime(2026, 11, 23, 15, 7, tzinfo=ZoneInfo("Europe/Paris"))


@pytest.mark.parametrize(
    ("hour", "minute", "said"),
    [
        (15, 7, "3:07 PM"),
        (0, 30, "12:30 AM"),
        (12, 30, "12:30 PM"),
        (9, 0, "9 AM"),
        (12, 0, "noon"),
        (0, 0, "midnight"),
    ],
)
def test_times_are_said_by_the_twelve_hour_clock(
    hour: int, minute: int, said: str
) -> None:
    """Noon and midnight by name: 12 AM is understood by few."""
    assert moments.time_of_day(datetime(2026, 1, 1, hour, minute)) == said


@pytest.mark.parametrize(
    ("day", "said"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (13, "13th")],
)
def test_days_of_the_month_are_ordinals(day: int, said: str) -> None:
    """As they are spoken."""
    assert moments.day(date(2026, 11, day)).endswith(f"November {said}")


def test_a_date_has_weekday_and_year() -> None:
    """The whole of it."""
    assert moments.full_date(NOW) == "Monday, November 23rd, 2026"


@pytest.mark.parametrize(
    ("hour", "said"),
    [(5, "morning"), (12, "afternoon"), (18, "evening"), (2, "evening")],
)
def test_parts_of_the_day_fit_a_greeting(hour: int, said: str) -> None:
    """Nobody says good night to begin."""
    assert moments.part_of_day(NOW.replace(hour=hour)) == said


@pytest.mark.parametrize(
    ("on", "years"), [(date(2026, 5, 23), 142), (date(2026, 5, 24), 143)]
)
def test_an_age_grows_on_its_birthday(on: date, years: int) -> None:
    """Not before."""
    assert moments.years_since(date(1883, 5, 24), on) == years


def test_the_time_elsewhere_is_told() -> None:
    """Tokyo is eight hours ahead of Paris in winter."""
    words = normal("what time is it in Tokyo right now")
    assert moments.time_in(words, NOW) == "It is 11:07 PM in Tokyo."


@pytest.mark.parametrize(
    "text",
    [
        "what time is it",
        "what time is it in narnia",
        "in time",
        "time in 5",
        "what time does the match begin in london",
    ],
)
def test_other_times_are_left_alone(text: str) -> None:
    """An unknown place has no known time."""
    assert moments.time_in(normal(text), NOW) is None


@pytest.mark.parametrize("zone", sorted(set(moments.CITIES.values())))
def test_every_city_has_a_zone(zone: str) -> None:
    """The names are IANA's."""
    assert ZoneInfo(zone).key == zone


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("what day is tomorrow", "Tomorrow is Tuesday, November 24th, 2026."),
        ("what's tomorrow's date", "Tomorrow is Tuesday, November 24th, 2026."),
        ("what day was yesterday", "Yesterday was Sunday, November 22nd, 2026."),
        ("what a day", None),
        ("what day did we meet before yesterday", None),
        ("what is the plan for the day tomorrow", None),
        ("see you tomorrow", None),
    ],
)
def test_tomorrow_and_yesterday_are_told(text: str, said: str | None) -> None:
    """Only when asked for."""
    assert moments.other_day(normal(text), NOW) == said
