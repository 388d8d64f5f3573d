"""Finds the question that was meant, though a word or two was misheard.

The measure is the share of words two texts have in common (Dice's coefficient on
weighted words): words that carry the meaning count four times the small ones, and a
word one letter off counts most of its weight. Two texts that ask differently ("when",
"where"; "how old", "how long") never match. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from voiceserver.engines.responder.questions import Question
from voiceserver.engines.responder.words import normal

# Below this share two texts are unrelated: three words of meaning, one of them
# different, give 0.73; a small word lost or added gives 0.9 and more.
THRESHOLD = 0.75
SMALL_WEIGHT = 0.25
CLOSE = 0.8  # what a word one letter off counts
SHORTEST_CLOSE = 4  # letters; shorter words are too alike

_SMALL = frozenset(
    "a an the this that these those is are was were be been am do does did have has "
    "had can could will would shall should may might must i you he she it we they me "
    "my your his her our their its him them us of to in on at by for from with about "
    "and or but so if as than there here what who where when why how which not please "
    "just very really some any let right now then well okay oh hey like also too "
    "tell know want say again much many".split()
)
_ASKING = frozenset("who where when why how what which".split())
_DEGREES = frozenset(
    "old long tall high far much many big deep wide often fast heavy large small soon "
    "late early hot cold expensive".split()
)


@dataclass(frozen=True, slots=True)
class _Wording:
    words: tuple[str, ...]
    bag: frozenset[str]
    weight: float
    asking: frozenset[str]
    degree: str
    question: int


class QuestionIndex:
    """Looks up a thousand questions in well under a millisecond.

    Args:
        questions: Earlier ones win where two match equally well.
    """

    def __init__(self, questions: Sequence[Question]) -> None:
        self._questions = tuple(questions)
        self._wordings = [
            _wording(normal(ask), index)
            for index, question in enumerate(self._questions)
            for ask in question.ask
        ]
        self._exact: dict[tuple[str, ...], int] = {}
        self._by_word: dict[str, list[int]] = defaultdict(list)
        self._close: dict[str, set[str]] = defaultdict(set)
        self._no_content: list[int] = []
        for number, wording in enumerate(self._wordings):
            self._exact.setdefault(wording.words, wording.question)
            content = wording.bag - _SMALL
            for word in content:
                self._by_word[word].append(number)
            if not content:
                self._no_content.append(number)
        for word in self._by_word:
            for key in _shortened(word):
                self._close[key].add(word)

    def exact(self, *forms: tuple[str, ...]) -> Question | None:
        """Return the question that is, word for word, a form of what was heard."""
        for form in forms:
            number = self._exact.get(form)
            if number is not None:
                return self._questions[number]
        return None

    def closest(
        self, *forms: tuple[str, ...], threshold: float = THRESHOLD
    ) -> Question | None:
        """Return the question nearest to any form of what was heard, if near enough."""
        best, share = -1, 0.0
        for form in dict.fromkeys(forms):
            number, reached = self._best(form)
            if reached > share:
                best, share = number, reached
        if share < threshold:
            return None
        return self._questions[self._wordings[best].question]

    def _best(self, words: tuple[str, ...]) -> tuple[int, float]:
        heard = _wording(words, -1)
        close = {word: self._neighbours(word) for word in heard.bag - _SMALL}
        best, share = -1, 0.0
        for number in self._candidates(close):
            wording = self._wordings[number]
            if not _asks_alike(heard, wording):
                continue
            # A single word has no other to vouch for it: it must be the same.
            near = close if len(wording.bag) > 1 else {}
            common = _common(heard.bag, wording.bag, near)
            reached = 2 * common / (heard.weight + wording.weight)
            if reached > share or (reached == share and number < best):
                best, share = number, reached
        return best, share

    def _neighbours(self, word: str) -> set[str]:
        """Words of the questions that are the same but for one letter."""
        found = set()
        for key in _shortened(word):
            found |= self._close.get(key, set())
        return found - {word}

    def _candidates(self, close: dict[str, set[str]]) -> Iterable[int]:
        found = set(self._no_content)
        for word, neighbours in close.items():
            for known in (word, *neighbours):
                found.update(self._by_word.get(known, ()))
        return found


def _wording(words: tuple[str, ...], question: int) -> _Wording:
    bag = frozenset(_singular(word) for word in words)
    degree = next((b for a, b in pairwise(words) if a == "how"), "")
    return _Wording(
        words,
        bag,
        sum(_weight(word) for word in bag),
        bag & _ASKING,
        degree if degree in _DEGREES else "",
        question,
    )


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word[-1] == "s" != word[-2] else word


def _weight(word: str) -> float:
    return SMALL_WEIGHT if word in _SMALL else 1.0


def _asks_alike(a: _Wording, b: _Wording) -> bool:
    if a.asking and b.asking and not a.asking & b.asking:
        return False
    return not (a.degree and b.degree) or a.degree == b.degree


def _common(
    heard: frozenset[str], asked: frozenset[str], close: dict[str, set[str]]
) -> float:
    same = heard & asked
    total = sum(_weight(word) for word in same)
    left = asked - same
    for word in heard - same:
        near = left & close.get(word, set())
        if near:
            left = left - {min(near)}
            total += CLOSE
    return total


def _shortened(word: str) -> Iterator[str]:
    """The word, and the word with each letter left out in turn.

    Two words that share one of these differ by at most a letter added, left out,
    replaced or moved to its neighbour's place.
    """
    yield word
    if len(word) >= SHORTEST_CLOSE:
        for index in range(len(word)):
            yield word[:index] + word[index + 1 :]
