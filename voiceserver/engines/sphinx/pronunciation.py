"""Pronunciations of words that a dictionary lacks: compounds, endings, spelling rules.

Phones are the 39 of the CMU dictionary. The rules are coarse on purpose: they serve
names in an operator's questions ("voiceserver", "zyxomma"), where a near miss is
still recognised. Pure; knows no recogniser.
"""

from __future__ import annotations

import re
from collections.abc import Callable

Lookup = Callable[[str], str | None]  # word -> phones separated by spaces

_SPELLABLE = re.compile(r"[a-z]+(?:'[a-z]+)*'?")
_MAX_LETTERS = 32  # longer "words" are noise, and pronounce() is quadratic
_MIN_PART = 3  # letters of each half of a compound

# Letter groups, longest first at each place; the phones they usually stand for.
_GROUPS: dict[str, str] = {
    **{"tion": "SH AH N", "sion": "ZH AH N", "ough": "AO", "augh": "AO"},
    **{"eigh": "EY", "igh": "AY", "tch": "CH", "sch": "SH", "ture": "CH ER"},
    **{"ch": "CH", "sh": "SH", "th": "TH", "ph": "F", "wh": "W", "ck": "K"},
    **{"gh": "G", "ng": "NG", "nk": "NG K", "qu": "K W", "kn": "N", "wr": "R"},
    **{"ee": "IY", "ea": "IY", "ie": "IY", "ei": "EY", "ai": "EY", "ay": "EY"},
    **{"oa": "OW", "oo": "UW", "ou": "AW", "ow": "OW", "oi": "OY", "oy": "OY"},
    **{"au": "AO", "aw": "AO", "ew": "UW", "ue": "UW", "ey": "IY", "eu": "Y UW"},
    **{"ar": "AA R", "er": "ER", "ir": "ER", "or": "AO R", "ur": "ER"},
    **{"a": "AE", "b": "B", "c": "K", "d": "D", "e": "EH", "f": "F", "g": "G"},
    **{"h": "HH", "i": "IH", "j": "JH", "k": "K", "l": "L", "m": "M", "n": "N"},
    **{"o": "AA", "p": "P", "q": "K", "r": "R", "s": "S", "t": "T", "u": "AH"},
    **{"v": "V", "w": "W", "x": "K S", "y": "IY", "z": "Z"},
}
_LONGEST = max(map(len, _GROUPS))
_LONG_VOWEL = {"a": "EY", "e": "IY", "i": "AY", "o": "OW", "u": "UW", "y": "AY"}
_SOFT = {"c": "S", "g": "JH"}  # before e, i, y
_UNVOICED = frozenset("P T K F TH S SH CH".split())
_SIBILANT = frozenset("S Z SH ZH CH JH".split())


def pronounce(word: str, lookup: Lookup) -> str | None:
    """Guess how a word is said.

    Args:
        word: Lower case.
        lookup: The dictionary: phones of a word, or None.

    Returns:
        Phones separated by spaces, or None if the word is not made of letters a-z.
    """
    known = lookup(word)
    if known is not None:
        return known
    if len(word) > _MAX_LETTERS or not _SPELLABLE.fullmatch(word):
        return None
    return _inflected(word, lookup) or _compound(word, lookup) or _spelled(word)


def _inflected(word: str, lookup: Lookup) -> str | None:
    """A known word with a plural or possessive s."""
    for ending in ("'s", "s'", "s"):
        stem = word.removesuffix(ending)
        phones = lookup(stem) if stem != word and stem else None
        if phones is not None:
            last = phones.split()[-1]
            if last in _SIBILANT:
                return f"{phones} AH Z"
            return f"{phones} {'S' if last in _UNVOICED else 'Z'}"
    return None


def _compound(word: str, lookup: Lookup) -> str | None:
    """Two known words written as one, the most even cut first."""
    cuts = range(_MIN_PART, len(word) - _MIN_PART + 1)
    for cut in sorted(cuts, key=lambda at: abs(at - len(word) / 2)):
        first, second = lookup(word[:cut]), lookup(word[cut:])
        if first is not None and second is not None:
            return f"{first} {second}"
    return None


def _spelled(word: str) -> str:
    """Phones by spelling rules."""
    letters = word.replace("'", "")
    letters = re.sub(r"([bcdfgklmnprstz])\1", r"\1", letters)  # doubled consonants
    phones: list[str] = []
    at = 0
    while at < len(letters):
        group, sound = _sound(letters, at)
        phones.append(sound)
        at += len(group)
    return " ".join(p for p in phones if p)


def _sound(letters: str, at: int) -> tuple[str, str]:
    """The letter group at a place and its phones ("" where it is silent)."""
    for length in range(_LONGEST, 1, -1):
        group = letters[at : at + length]
        if len(group) == length and group in _GROUPS:
            return group, _GROUPS[group]
    letter, rest = letters[at], letters[at + 1 :]
    if letter == "e" and not rest and at > 1:
        return letter, ""  # silent: "stone"
    if letter == "y" and at == 0:
        return letter, "Y"
    if letter in _SOFT and rest[:1] in ("e", "i", "y") and rest:
        return letter, _SOFT[letter]
    # A vowel, one consonant and a last e: the vowel is long.
    if letter in _LONG_VOWEL and re.fullmatch(r"[^aeiouy]e", rest):
        return letter, _LONG_VOWEL[letter]
    if letter == "o" and not rest:
        return letter, "OW"
    return letter, _GROUPS[letter]
