# ruff: noqa: RUF001 - the alphabets are what they are
"""Phones written by people: IPA, X-SAMPA or CMU's own, into the voice's alphabet.

English sounds only, of American and British transcribers; what English does not have
is refused by its name, not bent to something near. Knows nothing of words.

Sources: the International Phonetic Association's chart (2020); J. C. Wells,
"Computer-coding the IPA" (1995) for X-SAMPA; the CMU Pronouncing Dictionary's phones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from voiceserver.voice.words.phones import (
    CONSONANTS,
    STRESSES,
    VOWELS,
    Pronunciation,
)

LONGEST = 200  # characters of a transcription

_SAME = {c: c.upper() for c in "bdfhklmnpstvwz"} | {"h": "HH"}
_IPA: Mapping[str, str] = _SAME | {
    **{"ɑ": "AA", "ɒ": "AA", "æ": "AE", "ʌ": "AH", "ə": "AH", "ɐ": "AH", "ɔ": "AO"},
    **{"aʊ": "AW", "aɪ": "AY", "ɛ": "EH", "e": "EH", "eɪ": "EY", "ɝ": "ER", "ɚ": "ER"},
    **{"ɜ": "ER", "ɜɹ": "ER", "ɜr": "ER", "ɜːɹ": "ER", "ɜːr": "ER"},
    **{"əɹ": "ER", "ər": "ER", "ɪ": "IH", "ᵻ": "IH", "i": "IY", "oʊ": "OW"},
    **{"əʊ": "OW", "o": "OW", "ɔɪ": "OY", "ʊ": "UH", "u": "UW"},
    **{"ɡ": "G", "g": "G", "ŋ": "NG", "θ": "TH", "ð": "DH", "ʃ": "SH", "ʒ": "ZH"},
    **{"tʃ": "CH", "t͡ʃ": "CH", "ʧ": "CH", "dʒ": "JH", "d͡ʒ": "JH", "ʤ": "JH"},
    **{"j": "Y", "ɹ": "R", "r": "R", "ɾ": "T", "ɫ": "L"},
    **{"n̩": "AH N", "m̩": "AH M", "l̩": "AH L", "ɫ̩": "AH L"},
}
_X_SAMPA: Mapping[str, str] = _SAME | {
    **{"A": "AA", "Q": "AA", "{": "AE", "V": "AH", "@": "AH", "6": "AH", "O": "AO"},
    **{"aU": "AW", "aI": "AY", "E": "EH", "e": "EH", "eI": "EY"},
    **{"3": "ER", "3`": "ER", "@`": "ER", "3r": "ER", "3:r": "ER", "3r\\": "ER"},
    **{"3:r\\": "ER", "@r": "ER", "@r\\": "ER", "I": "IH", "i": "IY", "oU": "OW"},
    **{"@U": "OW", "o": "OW", "OI": "OY", "U": "UH", "u": "UW"},
    **{"g": "G", "N": "NG", "T": "TH", "D": "DH", "S": "SH", "Z": "ZH"},
    **{"tS": "CH", "dZ": "JH", "j": "Y", "r\\": "R", "r": "R", "4": "T", "5": "L"},
    **{"n=": "AH N", "m=": "AH M", "l=": "AH L", "5=": "AH L"},
}
_REDUCED = frozenset(["ə", "ɐ", "ɚ", "@", "6", "@`", "əɹ", "ər", "@r", "@r\\", "ᵻ"])
_TABLES = {
    "ipa": (_IPA, {"ˈ": "1", "'": "1", "ˌ": "2"}, frozenset(" .ːˑ͡‿-/[]ʰ")),
    "x-sampa": (_X_SAMPA, {'"': "1", "%": "2"}, frozenset(" .:_-/[]")),
}
ALPHABETS = ("ipa", "x-sampa", "cmu")


def read_phones(alphabet: str, text: str) -> Pronunciation:
    """Read a transcription.

    A vowel without a mark is unstressed; where no vowel has one, the first that is
    not a schwa is stressed.

    Args:
        alphabet: One of ``ALPHABETS``.
        text: In it; CMU's phones with spaces between.

    Raises:
        ValueError: If the alphabet is none of these, a symbol is not English, or
            there is none; says which.
    """
    if alphabet not in ALPHABETS:
        raise ValueError(f"alphabet {alphabet!r}: one of {', '.join(ALPHABETS)}")
    if len(text) > LONGEST:
        raise ValueError(f"more than {LONGEST} characters")
    phones, reduced = _cmu(text) if alphabet == "cmu" else _written(alphabet, text)
    if not phones:
        raise ValueError("no phones in it")
    return _stressed(phones, reduced)


def is_cmu(text: str) -> bool:
    """Whether a text can only be meant as CMU's phones: capitals, one or two each."""
    parts = text.split()
    names = [part.rstrip("012") for part in parts]
    return bool(parts) and all(
        len(name) <= 2 and name.isascii() and name.isalpha() and name.isupper()
        for name in names
    )


def _cmu(text: str) -> tuple[list[str], list[bool]]:
    phones = []
    for part in text.split():
        phone = part.upper()
        bare = phone.rstrip("".join(STRESSES))
        known = bare in VOWELS if phone != bare else bare in (*CONSONANTS, *VOWELS)
        if not known or len(phone) > len(bare) + 1:
            raise ValueError(f"{part!r} is none of CMU's phones")
        phones.append(phone)
    return phones, [phone == "AH0" for phone in phones]


def _written(alphabet: str, text: str) -> tuple[list[str], list[bool]]:
    """Phones, and which of them are schwas; vowels without a mark bear no stress."""
    table, stresses, silent = _TABLES[alphabet]
    longest = max(map(len, table))
    phones: list[str] = []
    reduced: list[bool] = []
    at, stress = 0, ""
    while at < len(text):
        if text[at] in stresses:
            at, stress = at + 1, stresses[text[at]]
            continue
        size = next((n for n in range(longest, 0, -1) if text[at : at + n] in table), 0)
        if size == 0 and text[at] in silent:
            at += 1
            continue
        if size == 0:
            raise ValueError(f"{text[at]!r} is no sound of English in {alphabet}")
        symbol = text[at : at + size]
        for phone in table[symbol].split():
            if phone in VOWELS:
                phone, stress = phone + stress, ""
            phones.append(phone)
            reduced.append(symbol in _REDUCED or " " in table[symbol])
        at += size
    return phones, reduced


def _stressed(phones: Sequence[str], reduced: Sequence[bool]) -> Pronunciation:
    """Give every vowel a stress."""
    spoken = list(phones)
    if not any(phone.endswith(("1", "2")) for phone in phones):
        vowels = [i for i, phone in enumerate(phones) if phone.rstrip("0") in VOWELS]
        full = [i for i in vowels if not reduced[i] and phones[i] in VOWELS]
        for first in (full or vowels[:1])[:1]:
            spoken[first] = spoken[first].rstrip("0") + "1"
    return tuple(p + "0" if p in VOWELS else p for p in spoken)
