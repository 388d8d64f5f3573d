"""Spelling, counting and repeating after the user, all bounded.

Each function answers words of ``words.normal`` or gives None for what it is not
asked to do.
"""

from __future__ import annotations

from voiceserver.engines.responder.numbers import read
from voiceserver.engines.responder.words import read_back

MAX_COUNT = 50  # numbers said in one answer
MAX_COUNTED = 10_000  # larger ones take seconds each
MAX_SPELLED = 40  # letters
MAX_REPEATED = 60  # words
WHICH_WORD = "Which word shall I spell?"
REPEAT_WHAT = "What shall I repeat?"

_SPELL = (
    "how do you spell",
    "how do i spell",
    "how would you spell",
    "how to spell",
    "spell",
    "spelling of",
)
_REPEAT = ("repeat after me", "repeat the words", "repeat", "say")
_WORD_MARKERS = frozenset("the word name words out".split())


def _after(words: tuple[str, ...], openings: tuple[str, ...]) -> tuple[str, ...] | None:
    for opening in openings:
        start = tuple(opening.split())
        if words[: len(start)] == start:
            return words[len(start) :]
    return None


def spelling(words: tuple[str, ...], follows_up: bool = False) -> str | None:
    """Spell a word or two, letter by letter.

    Args:
        words: The request.
        follows_up: Whether ``WHICH_WORD`` was asked just before.
    """
    rest = _after(words, _SPELL)
    if rest is None and words[:2] == ("how", "is") and words[-1:] == ("spelled",):
        rest = words[2:-1]
    if rest is None:
        if not follows_up:
            return None
        rest = words
    while rest and rest[0] in _WORD_MARKERS and len(rest) > 1:
        rest = rest[1:]
    if not rest or rest == ("the", "word"):
        return WHICH_WORD
    letters = [c for c in "".join(rest) if c.isalnum()]
    if len(letters) > MAX_SPELLED:
        return "That is too long for me to spell. One word at a time, please."
    return f"{' '.join(rest).capitalize()}: {', '.join(c.upper() for c in letters)}."


def counting(words: tuple[str, ...]) -> str | None:
    """Count up or down."""
    if words[:1] != ("count",):
        return None
    down = bool({"down", "backwards", "backward"} & set(words))
    ends = _numbers(words)
    if not ends and len(words) > 2:
        return None
    first, last = (10, 1) if down else (1, 10)
    if len(ends) >= 2:
        first, last = ends[0], ends[1]
    elif ends:
        first, last = (ends[0], 1 if ends[0] else 0) if down else (1, ends[0])
    if down != (last < first) and first != last:
        first, last = (last, first) if down else (first, last)
    if abs(last - first) >= MAX_COUNT:
        return f"That would take too long. I count {MAX_COUNT} numbers at a time."
    if max(first, last) > MAX_COUNTED:
        return "That would take too long. I count up to ten thousand."
    step = -1 if last < first else 1
    return ", ".join(str(n) for n in range(first, last + step, step)) + "."


def _numbers(words: tuple[str, ...]) -> list[int]:
    numbers, at = [], 1
    while at < len(words):
        # "count two ten" is "count to ten" misheard.
        found = None
        misheard = words[at] in ("two", "too") and read(words, at + 1) is not None
        if not misheard:
            found = read(words, at)
        if found is None:
            at += 1
        else:
            numbers.append(int(found[0]))
            at = found[1]
    return numbers


def repeating(words: tuple[str, ...], follows_up: bool = False) -> str | None:
    """Say the user's own words.

    Args:
        words: The request.
        follows_up: Whether ``REPEAT_WHAT`` was asked just before.
    """
    rest = _after(words, _REPEAT)
    if rest is None:
        if not follows_up:
            return None
        rest = words
    if not rest:
        return REPEAT_WHAT
    text, _ = read_back(rest, MAX_REPEATED)
    if not text:
        return "That is too long for me to repeat."
    return f"{text[0].upper()}{text[1:]}."
