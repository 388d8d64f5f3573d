"""The phone alphabet: the 39 phones of CMU's dictionary, stress on the vowels, marks.

A pronunciation is a tuple of symbols such as ``("HH", "AH0", "L", "OW1")``. Symbols
and their order are part of the weights' format: append, never reorder.
"""

from __future__ import annotations

VOWELS = tuple("AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW".split())
CONSONANTS = tuple("B CH D DH F G HH JH K L M N NG P R S SH T TH V W Y Z ZH".split())
STRESSES = ("0", "1", "2")  # none, primary, secondary
MARKS = tuple(",.?!;:-")
PAUSE = "_"  # silence; at both ends of a clause and wherever speech pauses

SYMBOLS = (
    PAUSE,
    *MARKS,
    *CONSONANTS,
    *(vowel + stress for vowel in VOWELS for stress in STRESSES),
)
INDEX = {symbol: i for i, symbol in enumerate(SYMBOLS)}

_VOWELS = frozenset(VOWELS)
VOICED_CONSONANTS = frozenset("B D DH G JH L M N NG R V W Y Z ZH".split())
SIBILANTS = frozenset("S Z SH ZH CH JH".split())

LETTERS = {
    "a": "EY1",
    "b": "B IY1",
    "c": "S IY1",
    "d": "D IY1",
    "e": "IY1",
    "f": "EH1 F",
    "g": "JH IY1",
    "h": "EY1 CH",
    "i": "AY1",
    "j": "JH EY1",
    "k": "K EY1",
    "l": "EH1 L",
    "m": "EH1 M",
    "n": "EH1 N",
    "o": "OW1",
    "p": "P IY1",
    "q": "K Y UW1",
    "r": "AA1 R",
    "s": "EH1 S",
    "t": "T IY1",
    "u": "Y UW1",
    "v": "V IY1",
    "w": "D AH1 B AH0 L Y UW0",
    "x": "EH1 K S",
    "y": "W AY1",
    "z": "Z IY1",
}

Pronunciation = tuple[str, ...]


def bare(symbol: str) -> str:
    """A phone without its stress."""
    return symbol.rstrip("012")


def is_vowel(symbol: str) -> bool:
    """Whether a phone, with or without stress, is a vowel."""
    return symbol.rstrip("012") in _VOWELS


def letter_name(letter: str) -> Pronunciation:
    """How the name of a letter ``a`` to ``z`` is said."""
    return tuple(LETTERS[letter].split())


def with_s(stem: Pronunciation) -> Pronunciation:
    """Append the ending of plurals, possessives and third persons."""
    last = bare(stem[-1])
    if last in SIBILANTS:
        return (*stem, "IH0", "Z")
    voiced = last in VOICED_CONSONANTS or is_vowel(last)
    return (*stem, "Z" if voiced else "S")


def with_ed(stem: Pronunciation) -> Pronunciation:
    """Append the ending of the regular past."""
    last = bare(stem[-1])
    if last in ("T", "D"):
        return (*stem, "IH0", "D")
    voiced = last in VOICED_CONSONANTS or is_vowel(last)
    return (*stem, "D" if voiced else "T")
