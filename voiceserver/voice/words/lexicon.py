"""Pronunciation lexicon: words to phones with stress; inflections by rule.

Reads the packed dictionary that ``scripts/voice/build_lexicon.py`` makes: gzipped
lines of a word and its pronunciation, variants as ``word(2)``. What neither the
dictionary nor the rules know is left to the letter-to-sound network. Knows nothing
of numbers or sentences.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from voiceserver.voice.words.phones import INDEX, Pronunciation, with_ed, with_s

ING = ("IH0", "NG")
VOWEL_LETTERS = "aeiou"
ENDINGS: Mapping[str, Pronunciation] = {
    "ly": ("L", "IY0"),
    "ness": ("N", "AH0", "S"),
    "less": ("L", "AH0", "S"),
    "ful": ("F", "AH0", "L"),
    "ment": ("M", "AH0", "N", "T"),
    "er": ("ER0",),
    "est": ("AH0", "S", "T"),
    "able": ("AH0", "B", "AH0", "L"),
    "like": ("L", "AY2", "K"),
}
PREFIXES: Mapping[str, Pronunciation] = {
    "un": ("AH0", "N"),
    "re": ("R", "IY0"),
    "non": ("N", "AA0", "N"),
    "over": ("OW2", "V", "ER0"),
    "under": ("AH2", "N", "D", "ER0"),
    "dis": ("D", "IH0", "S"),
    "mis": ("M", "IH0", "S"),
    "pre": ("P", "R", "IY0"),
    "anti": ("AE2", "N", "T", "IY0"),
    "multi": ("M", "AH2", "L", "T", "IY0"),
    "inter": ("IH2", "N", "T", "ER0"),
}
SHORTEST_PART = 5  # letters of each half of a compound
INFLECTED = ("s", "es", "d", "ed", "ing")
# Such a stem has lost an "e": without one its last letter would be doubled ("stared" is
# of "stare", "starred" of "star"). So are 553 of the 585 of the dictionary that could
# be of either.
LOST_E = re.compile(r"[^aeiou]*[aeiou][^aeiouwxy]")
SIBILANT = re.compile(r".*(ss|x|zz|ch|sh)")  # spelt with "es" in the plural


def _with_ending(stem: Pronunciation, sound: Pronunciation) -> Pronunciation:
    """A derived word; where both sounds meet they change each other."""
    match (stem[-1], *sound):
        case ("L", "L", *_):  # "normally"
            return (*stem[:-1], *sound)
        case ("IY0", "L", "IY0"):  # "happily"
            return (*stem[:-1], "AH0", *sound)
        case ("IY0", "AH0", "S", "T"):  # "happiest"
            return (*stem, "IH0", "S", "T")
    return (*stem, *sound)


class Lexicon:
    """A dictionary with rules for what it lacks. Immutable once built."""

    def __init__(self, entries: Mapping[str, tuple[Pronunciation, ...]]) -> None:
        self._entries = entries

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, word: str) -> bool:
        return word in self._entries

    def words(self) -> Iterable[str]:
        """All words of the dictionary itself."""
        return self._entries.keys()

    def variants(self, word: str) -> tuple[Pronunciation, ...]:
        """All pronunciations of a word, the usual one first; empty if unknown.

        Args:
            word: Lower case, letters and apostrophes.
        """
        found = self._entries.get(word)
        if found:
            return found
        ruled = self._inflected(word) or self._derived(word) or self._compound(word)
        return (ruled,) if ruled else ()

    def inflections(self, word: str) -> tuple[Pronunciation, ...]:
        """What the rules of inflection make of a word; empty where they say nothing."""
        ruled = self._inflected(word)
        return (ruled,) if ruled else ()

    def _first(self, word: str) -> Pronunciation | None:
        found = self._entries.get(word)
        return found[0] if found else None

    def _stem(self, word: str, ending: str) -> Pronunciation | None:
        """Pronunciation of what precedes an ending, its spelling restored."""
        cut = word[: -len(ending)]
        if len(cut) < 2 or not any(c in VOWEL_LETTERS + "y" for c in cut):
            return None
        candidates = [cut, cut + "e"]
        if ending[0] in VOWEL_LETTERS and LOST_E.fullmatch(cut):
            candidates.reverse()
        if cut[-1] == cut[-2]:
            candidates.append(cut[:-1])
        if cut[-1] == "i":
            candidates.insert(0, cut[:-1] + "y")
        if ending == "ing" and cut[-1] == "y":
            candidates.append(cut[:-1] + "ie")
        for candidate in candidates:
            if (stem := self._first(candidate)) is not None:
                return stem
        return None

    def _inflected(self, word: str) -> Pronunciation | None:
        if word.endswith("'s") or word.endswith("s'"):
            if word[-1] == "'":  # as without it: "the clients' names"
                return self._first(word[:-1]) or self._inflected(word[:-1])
            stem = self._first(word[:-2])
            return with_s(stem) if stem else None
        if word.endswith("in'") and (stem := self._stem(word[:-1] + "g", "ing")):
            return (*stem, "IH0", "N")
        if word.endswith("ies") and (stem := self._first(word[:-3] + "y")):
            return with_s(stem)
        if stem := self._singular(word):
            return with_s(stem)
        if word.endswith("ed") and (stem := self._stem(word, "ed")):
            return with_ed(stem)
        if word.endswith("ing") and (stem := self._stem(word, "ing")):
            return (*stem, *ING)
        return None

    def _singular(self, word: str) -> Pronunciation | None:
        """What precedes the ending of a plural or of a third person."""
        if not word.endswith("s") or word.endswith("ss"):
            return None
        stems = [word[:-1]]
        if word.endswith("es"):
            stems.insert(0 if SIBILANT.fullmatch(word[:-2]) else 1, word[:-2])
        return next((p for stem in stems if (p := self._first(stem))), None)

    def _derived(self, word: str) -> Pronunciation | None:
        for ending, sound in ENDINGS.items():
            if word.endswith(ending) and len(word) > len(ending) + 2:
                stem = self._stem(word, ending)
                if stem is not None:
                    return _with_ending(stem, sound)
        for prefix, sound in PREFIXES.items():
            if word.startswith(prefix) and len(word) > len(prefix) + 2:
                rest = word[len(prefix) :]
                tail = self._first(rest) or self._inflected(rest)
                if tail is not None:
                    return (*sound, *tail)
        return None

    def _compound(self, word: str) -> Pronunciation | None:
        """Two common words written as one; the second's stress steps back."""
        for cut in range(len(word) - SHORTEST_PART, SHORTEST_PART - 1, -1):
            head, rest = self._common(word[:cut]), word[cut:]
            tail = self._common(rest)
            if len(rest) > SHORTEST_PART:
                tail = tail or self._inflected(rest)
            if head and tail:
                return (*head, *(p.replace("1", "2") for p in tail))
        return None

    def _common(self, word: str) -> Pronunciation | None:
        """A word that is inflected in the dictionary, as few names are."""
        inflected = any(word + ending in self._entries for ending in INFLECTED)
        return self._first(word) if inflected else None


def parse_entries(lines: Iterable[str]) -> dict[str, tuple[Pronunciation, ...]]:
    """Read dictionary lines.

    Raises:
        ValueError: At a line whose phones are not of the alphabet.
    """
    entries: dict[str, tuple[Pronunciation, ...]] = {}
    for line in lines:
        name, *phones = line.split()
        if any(p not in INDEX for p in phones) or not phones:
            raise ValueError(f"lexicon line with unknown phones: {line.strip()!r}")
        word = name.partition("(")[0]
        entries[word] = (*entries.get(word, ()), tuple(phones))
    return entries


def load_lexicon(path: Path) -> Lexicon:
    """Read the packed dictionary.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is not a dictionary.
    """
    with gzip.open(path, "rt", encoding="ascii") as f:
        return Lexicon(parse_entries(f))
