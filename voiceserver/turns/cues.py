"""Verbal cues of turn-taking: what the words so far say about whose turn it is.

Works on a recogniser's output: lower case, no punctuation. What shows that somebody
listens, or wants quiet, is known in several languages; the rest is English. Pure; the
word lists are judgement, to be measured and refined on recordings of conversations.
"""

from __future__ import annotations

import itertools
from enum import Enum

from voiceserver.turns.signals import LISTENS, MARKS, QUIET


class Completeness(Enum):
    """How finished an utterance looks."""

    COMPLETE = "complete"
    UNCLEAR = "unclear"
    INCOMPLETE = "incomplete"


# A turn that ends in one of these goes on.
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
_OPENERS = frozenset(
    "what what's who who's where where's when when's why how how's which is are can "
    "could will would do does did tell give show set spell count repeat play stop "
    "turn call open close say explain describe go".split()
)


def grade(text: str, known_complete: bool = False) -> Completeness:
    """Judge how finished an utterance looks.

    Args:
        text: The words so far.
        known_complete: The recogniser knows them to be a whole request.
    """
    words = text.split()
    if known_complete:
        return Completeness.COMPLETE
    if not words:
        return Completeness.UNCLEAR
    if words[-1] in _DANGLING:
        return Completeness.INCOMPLETE
    if words[-1] in _ENDINGS or (words[0] in _OPENERS and len(words) >= 3):
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
