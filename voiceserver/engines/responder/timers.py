"""Timers and reminders: from a request to when and what to say.

Keeps no timers itself: the session speaks a ``Reminder`` when its time has come, and
forgets it when the call ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from voiceserver.engines.base import Reminder
from voiceserver.engines.responder.numbers import read
from voiceserver.engines.responder.words import read_back

LONGEST_S = 3600  # a call lasts no longer by default
MAX_TASK = 25  # words that a reminder says back
HOW_LONG = "For how long? You can say, for example, five minutes."
CANNOT_CANCEL = "I cannot cancel a timer. It ends by itself, or with this call."

_UNITS = {"second": 1, "minute": 60, "hour": 3600}
_NAMES = frozenset("timer timers alarm remind reminder".split())
_ENDINGS = frozenset("cancel stop delete clear remove off end".split())
_YOURS = {
    "my": "your",
    "me": "you",
    "i": "you",
    "mine": "yours",
    "myself": "yourself",
    "am": "are",
}


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time that was said.

    Attributes:
        seconds: Its length.
        start: Index of its first word.
        end: Index after its last.
    """

    seconds: float
    start: int
    end: int


def find_duration(words: tuple[str, ...]) -> Duration | None:
    """Find the first length of time in the words, e.g. an hour and a half."""
    for start in range(len(words)):
        at, total = start, Decimal(0)
        while (part := _part(words, at)) is not None:
            seconds, after = part
            total, at = total + seconds, after
            if words[at : at + 1] == ("and",) and _part(words, at + 1):
                at += 1
        if at > start:
            return Duration(float(total), start, at)
    return None


def _part(words: tuple[str, ...], at: int) -> tuple[Decimal, int] | None:
    """A number and its unit."""
    if words[at : at + 1] in (("a",), ("an",), ("one",)) and _unit(words, at + 1):
        value, at = Decimal(1), at + 1
    else:
        found = read(words, at)
        if found is None:
            return None
        value, at = found
        # half an hour; a quarter of an hour
        at += words[at : at + 1] == ("of",)
        at += words[at : at + 1] in (("a",), ("an",))
    unit = _unit(words, at)
    if not unit:
        return None
    at += 1
    if words[at : at + 3] == ("and", "a", "half"):
        value, at = value + Decimal("0.5"), at + 3
    return value * unit, at


def _unit(words: tuple[str, ...], at: int) -> int:
    return _UNITS.get(words[at].removesuffix("s"), 0) if at < len(words) else 0


def answer(
    words: tuple[str, ...], follows_up: bool = False
) -> tuple[str, Reminder | None] | None:
    """Answer a request for a timer or a reminder.

    Args:
        words: Of ``words.normal``.
        follows_up: Whether ``HOW_LONG`` was asked just before.

    Returns:
        What to say and the reminder to set, or None if the words ask for no timer.
    """
    named = _NAMES & set(words)
    if not named and not follows_up:
        return None
    duration = find_duration(words)
    if named and _ENDINGS & set(words) and duration is None:
        return CANNOT_CANCEL, None
    if duration is None:
        asks = bool(named) and bool(
            words[0] in ("set", "start", "remind", "make", "create", "put")
            or len(words) <= 3
        )
        return (HOW_LONG, None) if asks else None
    return _set(words, duration)


def offer(words: tuple[str, ...]) -> str | None:
    """Answer a bare length of time, with how to ask for a timer; else None."""
    duration = find_duration(words)
    if duration is None or duration.start or duration.end != len(words):
        return None
    length = say_duration(duration.seconds) or "one minute"
    return f"If you want a timer, say: set a timer for {length}."


def _set(words: tuple[str, ...], duration: Duration) -> tuple[str, Reminder | None]:
    if duration.seconds < 1:
        return "That is no time at all.", None
    if duration.seconds > LONGEST_S:
        return "I can only set timers of up to an hour.", None
    length = say_duration(duration.seconds)
    task = _task(words, duration)
    if task:
        said = f"All right, in {length} I will remind you {task}."
        reminder = f"You asked me to remind you {task}."
    else:
        said = f"Your timer for {length} is set."
        reminder = f"Your timer for {length} is up."
    return said, Reminder(duration.seconds, reminder)


def _task(words: tuple[str, ...], duration: Duration) -> str:
    """What to be reminded of, e.g. to stretch; empty for a plain timer."""
    start = duration.start
    if words[start - 1 : start] in (("in",), ("for",), ("after",)):
        start -= 1
    rest = words[:start] + words[duration.end :]
    if "me" not in rest or "remind" not in rest:
        return ""
    task = rest[rest.index("me") + 1 :]
    if len(task) < 2 or task[0] not in ("to", "about", "that", "of"):
        return ""
    return read_back((_YOURS.get(word, word) for word in task), MAX_TASK)[0]


def say_duration(seconds: float) -> str:
    """E.g. ``"1 minute and 30 seconds"``."""
    left = round(seconds)
    parts = []
    for name, unit in (("hour", 3600), ("minute", 60), ("second", 1)):
        count, left = divmod(left, unit)
        if count:
            parts.append(f"{count} {name}{'' if count == 1 else 's'}")
    return " and ".join(parts)
