"""How words sound, roughly: so that what was misheard is still found.

A wording's *skeleton* is its consonants in broad classes, spaces gone: "cappuccino"
and "cup of chino" differ by one class. Wordings of the same skeleton, or of one that
is a class away, are found by looking up what is left when one class is taken out, so
that ten thousand wordings cost no more than ten. English. Pure.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher

Wording = tuple[str, ...]

ALIKE = 0.6  # of the letters, in their order
SHORTEST = 3  # classes; shorter skeletons are those of too many words
MISHEARD = 4  # classes of one that a class less may stand for

# Longest first: spellings of one sound.
_CLASSES = (
    ("tch", "C"),
    ("sch", "S"),
    ("ch", "C"),
    ("sh", "S"),
    ("ph", "F"),
    ("th", "T"),
    ("ck", "K"),
    ("gh", ""),
    ("kn", "N"),
    ("wr", "R"),
    ("qu", "K"),
    ("x", "KS"),
    ("b", "P"),
    ("p", "P"),
    ("f", "F"),
    ("v", "F"),
    ("t", "T"),
    ("d", "T"),
    ("j", "C"),
    ("z", "S"),
    ("s", "S"),
    ("k", "K"),
    ("q", "K"),
    ("g", "K"),
    ("l", "L"),
    ("r", "R"),
    ("m", "M"),
    ("n", "N"),
)
_SOUND = re.compile("|".join([r"c(?=[eiy])", "c", *(s for s, _ in _CLASSES)]))
_CLASS_OF = dict(_CLASSES)


def skeleton(words: Iterable[str]) -> str:
    """Return the consonant classes of words, one after the other, doubles once."""
    classes: list[str] = []
    for match in _SOUND.finditer("".join(words)):
        found = match.group()
        if found == "c":
            following = match.string[match.end() : match.end() + 1]
            found = "s" if following and following in "eiy" else "k"
        for each in _CLASS_OF[found]:
            if not classes or classes[-1] != each:
                classes.append(each)
    return "".join(classes)


class SoundIndex:
    """Finds the values whose wordings sound like given words.

    Args:
        wordings: Value by wording.
    """

    def __init__(self, wordings: Mapping[Wording, str]) -> None:
        self._values = dict(wordings)
        self._by_sounds: dict[str, list[Wording]] = defaultdict(list)
        self._by_part: dict[str, set[str]] = defaultdict(set)
        self._by_letter: dict[str, list[Wording]] = defaultdict(list)
        for wording in wordings:
            self._by_letter[wording[0][0]].append(wording)
            sounds = skeleton(wording)
            if len(sounds) < SHORTEST:
                continue
            self._by_sounds[sounds].append(wording)
            for part in _parts(sounds):
                self._by_part[part].add(sounds)

    def like(self, words: Sequence[str]) -> tuple[str, ...]:
        """Return the values that sound like the words, nearest first; often none."""
        sounds = skeleton(words)
        if len(sounds) < SHORTEST:
            return ()
        near = {sounds} if sounds in self._by_sounds else set()
        if not near:
            near = {
                each for part in _parts(sounds) for each in self._by_part.get(part, ())
            }
        return self._alike(words, [w for each in near for w in self._by_sounds[each]])

    def spelled_like(self, words: Sequence[str]) -> tuple[str, ...]:
        """Return the values that are written much like the words; slower, laxer."""
        if len("".join(words)) < SHORTEST:
            return ()
        return self._alike(words, self._by_letter.get(words[0][0], []))

    def _alike(
        self, words: Sequence[str], wordings: Sequence[Wording]
    ) -> tuple[str, ...]:
        letters = SequenceMatcher(None, b="".join(words), autojunk=False)
        scored = []
        for wording in wordings:
            letters.set_seq1("".join(wording))
            if letters.quick_ratio() >= ALIKE and (ratio := letters.ratio()) >= ALIKE:
                scored.append((-ratio, self._values[wording]))
        return tuple(dict.fromkeys(value for _, value in sorted(scored)))


def _parts(sounds: str) -> set[str]:
    """The skeleton, and, of a long one, what is left without each of its classes."""
    if len(sounds) < MISHEARD:
        return {sounds}
    return {sounds, *(sounds[:at] + sounds[at + 1 :] for at in range(len(sounds)))}
