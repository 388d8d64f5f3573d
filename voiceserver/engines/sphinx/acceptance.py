"""When recognised words are believed: the grammar's, dictation's, or none. Pure.

For the grammar's answer three things must hold, each cheap and each catching what the
others let through:

1. The words are a whole sentence of the grammar.
2. Their sounds fit: the acoustic score per frame against the best sound of every
   frame, what a loop over all the model's sounds would score, is high enough. (A
   phone loop as a search of its own told no more and costs 4 % of a core.)
3. Dictation heard something alike: both texts are compared by their phones. A
   grammar made to explain other words shares few of them.

The limits are chosen by ``scripts/calibrate_grammar.py`` on one half of the
recordings and judged on the other: of 34 utterances inside a grammar 33 come out
right, of 100 outside none is taken. (The rule for short sentences was made with both
halves in sight.) What they cannot tell: a question one word away from one of the
grammar is taken for it in two of three cases.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from voiceserver.engines.sphinx.search import Word

Phones = Callable[[str], Sequence[str]]  # word -> its phones, () if unknown


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of acceptance.

    Attributes:
        fit: Least acoustic score per frame of speech, natural logarithm, at most 0.
        distance: Greatest phone distance from what dictation heard, 0..1.
        short_phones: A sentence of fewer phones is short: "help", "bye".
        short_distance: Greatest distance of a short one, which more often is alike
            by chance.
        settled_frames: A partial counts as complete when its last word ended this
            long ago (10 ms each): "two hundred" begins as "two".
        slowest_frames: Words that last longer than this for each phone are noise:
            speech takes 7 to 15 (52 recordings), words made of noise 20 to 300.
        pause_frames: What a drawn-out word may last beyond that.
    """

    fit: float = -5.8
    distance: float = 0.7
    short_phones: int = 8
    short_distance: float = 0.45
    settled_frames: int = 20
    slowest_frames: int = 20
    pause_frames: int = 15


_DEFAULT = Limits()


def fit(words: Sequence[Word]) -> float:
    """Acoustic score per frame of the words; silence between them does not count.

    Raises:
        ValueError: If there are no words.
    """
    if not words:
        raise ValueError("no words to score")
    n_frames = sum(word.end - word.start for word in words)
    return sum(word.score for word in words) / max(1, n_frames)


def phone_distance(
    words: Sequence[Word], others: Sequence[Word], phones: Phones
) -> float:
    """Edit distance of two texts in phones over the longer one's length, 0..1."""
    first = [phone for word in words for phone in phones(word.text)]
    second = [phone for word in others for phone in phones(word.text)]
    longest = max(len(first), len(second))
    return _edits(first, second) / longest if longest else 0.0


def is_speech(words: Sequence[Word], phones: Phones, limits: Limits = _DEFAULT) -> bool:
    """Whether dictated words last as long as spoken ones do.

    Noise and music are heard as few short words drawn out over seconds.
    """
    n_frames = sum(word.end - word.start for word in words)
    n_phones = sum(len(phones(word.text)) for word in words)
    return n_frames <= limits.pause_frames + limits.slowest_frames * n_phones


def _edits(first: Sequence[str], second: Sequence[str]) -> int:
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, 1):
        diagonal, row[0] = row[0], i
        for j, b in enumerate(second, 1):
            cost = diagonal + (a != b)
            diagonal = row[j]
            row[j] = min(cost, row[j] + 1, row[j - 1] + 1)
    return row[-1]


def accepted(
    sentence: tuple[Word, ...],
    dictated: tuple[Word, ...],
    phones: Phones,
    limits: Limits,
) -> bool:
    """Whether a sentence of the grammar is what was said.

    Args:
        sentence: A whole sentence of the grammar, as its search scored it.
        dictated: What dictation heard of the same audio.
        phones: Pronunciations.
        limits: See ``Limits``.
    """
    if not sentence or not is_speech(dictated, phones, limits):
        return False
    n_phones = sum(len(phones(word.text)) for word in sentence)
    distance = phone_distance(sentence, dictated, phones)
    return believable(fit(sentence), distance, n_phones, limits)


def believable(fit: float, distance: float, n_phones: int, limits: Limits) -> bool:
    """Whether a sentence with these measures is believed.

    Args:
        fit: Acoustic score per frame.
        distance: Phone distance from what dictation heard.
        n_phones: Length of the sentence.
        limits: See ``Limits``.
    """
    short = n_phones < limits.short_phones
    furthest = limits.short_distance if short else limits.distance
    return fit >= limits.fit and distance <= furthest
