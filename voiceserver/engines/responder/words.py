"""Words as a recogniser or a keyboard gives them, made comparable.

Lower case, no punctuation, contractions written out, numerals as words, hesitations
dropped. Knows nothing of what the words ask for. English.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from voiceserver.engines.words import spoken

LETTERS_A_WORD = 8  # of words said back; English has 5 on the average
LETTERS_A_DIGIT = 5  # as it is said
LONGEST = 400  # words looked at; people say some 200 in a minute

_WORD = re.compile(r"\d+(?:[.,]\d+)+|[^\W_]+(?:'[^\W_]+)*")
_HESITATIONS = frozenset("um uh er erm hm hmm ah".split())
_WRITTEN_OUT = {
    "what's": "what is",
    "whats": "what is",
    "who's": "who is",
    "where's": "where is",
    "when's": "when is",
    "how's": "how is",
    "it's": "it is",
    "that's": "that is",
    "there's": "there is",
    "here's": "here is",
    "i'm": "i am",
    "i'd": "i would",
    "i'll": "i will",
    "i've": "i have",
    "you're": "you are",
    "you've": "you have",
    "we're": "we are",
    "they're": "they are",
    "don't": "do not",
    "doesn't": "does not",
    "didn't": "did not",
    "isn't": "is not",
    "can't": "can not",
    "cannot": "can not",
    "won't": "will not",
    "let's": "let us",
}
# Said before a request, and no part of it; longest first.
_OPENINGS = tuple(
    tuple(opening.split())
    for opening in (
        "i would like to know",
        "i would like you to",
        "i want to know",
        "i want you to",
        "i need you to",
        "do you know",
        "can you",
        "could you",
        "would you",
        "will you",
        "tell me",
        "please",
        "hello",
        "hey",
        "hi",
        "okay",
        "ok",
        "so",
        "well",
        "oh",
        "now",
        "and",
        "but",
        "then",
    )
)
_CLOSINGS = tuple(
    tuple(closing.split())
    for closing in ("thank you", "for me", "please", "thanks", "then")
)


def split(text: str) -> list[str]:
    """Split text into lower-case words, apostrophes kept, hesitations dropped."""
    plain = unicodedata.normalize("NFKC", text).lower().replace("\u2019", "'")
    words = (match.group() for match in _WORD.finditer(plain[: 20 * LONGEST]))
    return [word for word in words if word not in _HESITATIONS][:LONGEST]


def read_back(words: Iterable[str], most: int) -> tuple[str, bool]:
    """The first of somebody's words, as far as they are soon said back.

    Args:
        words: All of them.
        most: How many at most; and letters, of so many of a usual length.

    Returns:
        The words, which may be none, and whether those are all.
    """
    some: list[str] = []
    left = most * LETTERS_A_WORD
    for word in words:
        left -= sum(LETTERS_A_DIGIT if c.isdigit() else 1 for c in word)
        if len(some) == most or left < 0:
            return " ".join(some), False
        some.append(word)
    return " ".join(some), True


def normal(text: str) -> tuple[str, ...]:
    """Words of a text in the form in which questions are compared."""
    words: list[str] = []
    for word in split(text):
        if word in _WRITTEN_OUT:
            words += _WRITTEN_OUT[word].split()
        elif word.isascii() and word.isdigit() and len(word) <= 9:
            words += spoken(int(word))
        else:
            words.append(word.removesuffix("'s"))
    return tuple(words)


def bare(words: tuple[str, ...]) -> tuple[str, ...]:
    """Take politeness off both ends, down to the request or one last word."""
    while closing := next((c for c in _CLOSINGS if _ends(words, c)), None):
        words = words[: -len(closing)]
    while opening := next((o for o in _OPENINGS if _begins(words, o)), None):
        words = words[len(opening) :]
    return words


def _begins(words: tuple[str, ...], part: tuple[str, ...]) -> bool:
    return len(words) > len(part) and words[: len(part)] == part


def _ends(words: tuple[str, ...], part: tuple[str, ...]) -> bool:
    return len(words) > len(part) and words[-len(part) :] == part
