"""Verbal cues of turn-taking: what the words so far say about whose turn it is.

Works on a recogniser's output: lower case, no punctuation. What shows that somebody
listens, or wants quiet, is known in several languages; the rest is English. Pure; the
word lists are judgement, to be measured and refined on recordings of conversations.
"""

from __future__ import annotations

import itertools
from enum import Enum

from voiceserver.turns.closing import READ, asks, closes
from voiceserver.turns.signals import LISTENS, MARKS, QUIET


class Completeness(Enum):
    """How finished an utterance looks."""

    COMPLETE = "complete"
    UNCLEAR = "unclear"
    INCOMPLETE = "incomplete"


# A turn that ends in one of these goes on, but for what ``closing`` knows.
_DANGLING = frozenset(
    "a an the my your his her its our their this these those and or but because so "
    "if when while that which who whose than as of to in on at by for from with into "
    "about between um uh er erm like is are was were am be been will would can could "
    "should shall may might must do does did have has had not very really more what's "
    "it's i'm i'd i'll you're we're let's there's times plus minus divided equals "
    "point percent's".split()
)
_ENDINGS = frozenset(
    "please thanks thank-you goodbye bye today tomorrow now yes no ok okay".split()
)
_DIGITS = frozenset("oh zero one two three four five six seven eight nine".split())
_DICTATED = 3  # digits in a row, after which more may come
_SHORTEST = 3  # words of a question that is whole


def grade(
    text: str, known_complete: bool = False, language: str = "en"
) -> Completeness:
    """Judge how finished an utterance looks.

    Args:
        text: The words so far.
        known_complete: The recogniser knows them to be a whole request.
        language: Of the words, BCP 47; ``""`` is English. Of another they do not tell:
            "was" asks in German.
    """
    if known_complete:
        return Completeness.COMPLETE
    words = text.split()
    if not words or _key(language) != "en":
        return Completeness.UNCLEAR
    end = " ".join(words[-READ:])
    if words[-1] in _DANGLING and not closes(end):
        return Completeness.INCOMPLETE
    if len(words) >= _DICTATED and _DIGITS.issuperset(words[-_DICTATED:]):
        return Completeness.INCOMPLETE
    if words[-1] in _ENDINGS or (len(words) >= _SHORTEST and asks(end)):
        return Completeness.COMPLETE
    return Completeness.UNCLEAR


def is_backchannel(text: str, language: str = "en") -> bool:
    """Whether all words only show that one listens; true for no words at all.

    Args:
        text: Words, or what a recogniser wrote.
        language: Of them, BCP 47. One that is not known has sounds only ("mm"), and
            ``""`` is English.
    """
    known = LISTENS[_key(language)]
    return all(word in known for word in _plain(text))


def asks_to_stop(text: str, language: str = "en") -> bool:
    """Whether the words ask the speaker to stop; arguments as ``is_backchannel``."""
    words = _plain(text)
    pairs = (f"{one}-{two}" for one, two in itertools.pairwise(words))
    return not QUIET[_key(language)].isdisjoint([*words, *pairs])


def _plain(text: str) -> list[str]:
    words = (word.strip(MARKS) for word in text.lower().split())
    return [word for word in words if word]


def _key(language: str) -> str:
    key = (language or "en").replace("_", "-").split("-")[0].lower()
    return key if key in LISTENS else ""
