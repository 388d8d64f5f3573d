"""Words that are written alike and said otherwise, told apart by their sentence.

``homographs.txt`` names each word's readings and their phones. Most are a verb and
something else, which `grammar` tells apart; the rest have rules of their own here:
tense ("read"), capitals ("Polish"), and company ("bass" with a lake). Knows nothing of
the lexicon.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

from voiceserver.voice.words.grammar import (
    AUXILIARIES,
    BE,
    CAUSES,
    DETERMINERS,
    HAVE,
    MODALS,
    OBJECTS,
    PREPOSITIONS,
    STOPS,
    at,
    before,
    is_closed,
    verb_weight,
)
from voiceserver.voice.words.phones import INDEX, Pronunciation, with_s

Readings = Mapping[str, Pronunciation]  # by name; the default is the first


@dataclass(frozen=True, slots=True)
class Sentence:
    """Words round a homograph.

    Attributes:
        words: Lower case, marks between them.
        capital: Each is written with a capital letter.
    """

    words: Sequence[str]
    capital: Sequence[bool]

    def opens(self, i: int) -> bool:
        """Whether a word begins its sentence, so that its capital says nothing."""
        return at(self.words, i - 1) in STOPS

    def around(self, i: int, reach: int) -> set[str]:
        """The words near one, itself left out."""
        near = self.words[max(0, i - reach) : i]
        return {*near, *self.words[i + 1 : i + 1 + reach]}


@functools.cache
def table() -> Mapping[str, Readings]:
    """All homographs with their readings.

    Raises:
        ValueError: At a line that has no phones of the alphabet.
    """
    out: dict[str, dict[str, Pronunciation]] = {}
    text = resources.files("voiceserver.voice.words").joinpath("homographs.txt")
    for line in text.read_text(encoding="ascii").splitlines():
        if line.startswith("#"):
            continue
        word, reading, *phones = line.split()
        if not phones or any(p not in INDEX for p in phones):
            raise ValueError(f"homograph with unknown phones: {line!r}")
        out.setdefault(word, {})[reading] = tuple(phones)
    return out


def find(word: str) -> tuple[str, Readings] | None:
    """A homograph and its readings; forms with -s are made here."""
    readings = table().get(word)
    if readings is not None:
        return word, readings
    if not word.endswith("s"):
        return None
    stem = word[:-1]
    readings = table().get(stem)
    if readings is None or stem in _NO_PLURAL:
        return None
    return stem, {name: with_s(phones) for name, phones in readings.items()}


_NO_PLURAL = frozenset(
    "read live minute close polish nice job reading used learned aged blessed moped "
    "dove appropriate approximate intimate invalid content bass".split()
)


def reading(sentence: Sentence, i: int) -> Pronunciation | None:
    """How a homograph is said where it stands; none if the word is no homograph.

    Args:
        sentence: The text about it; any length.
        i: Index of the word.
    """
    found = find(sentence.words[i])
    if found is None:
        return None
    stem, readings = found
    rule = _OWN_RULES.get(stem)
    if rule is not None:
        return readings[rule(sentence, i)]
    return readings[_by_grammar(sentence, i, readings)]


def _is_verb(s: Sentence, i: int) -> bool:
    third = s.words[i].endswith("s") and s.words[i] not in table()
    return verb_weight(s.words, i, third or s.words[i] == "lives") > 0


def _by_grammar(s: Sentence, i: int, readings: Readings) -> str:
    other = next((name for name in readings if name != "verb"), "verb")
    return "verb" if _is_verb(s, i) else other


def _near(s: Sentence, i: int, words: frozenset[str], reach: int = 4) -> bool:
    return bool(words & s.around(i, reach))


# What keeps company with the rarer reading.
_FISH = frozenset(
    "fish fishing fished lake river sea caught catch grilled striped fillet "
    "smallmouth largemouth trout salmon lemon cook cooked ate eat".split()
)
_METAL = frozenset(
    "pipe pipes paint poisoning metal metals pencil pencils zinc copper tin iron "
    "steel heavy acid battery batteries bullet bullets mercury arsenic toxic ore "
    "solder".split()
)
_SHED = frozenset(
    "eye eyes cheek cheeks face shed sheds single cry cried wiped wipe wept weep gas "
    "duct drop drops burst joy sadness grief".split()
)
_SMALL = frozenset(
    "amount amounts quantity quantities trace traces detail details difference "
    "particle differences particles change changes fraction crack cracks".split()
)
_ON_AIR = frozenset(
    "music show shows concert stream streams streaming broadcast broadcasts tv band "
    "wire wires audience event events coverage performance performances data demo "
    "chat ammunition animal animals video feed performer version album recording "
    "agent update updates session sessions match game sports theatre bait "
    "rounds".split()
)
_AIRED = frozenset(
    "broadcast goes go went going streamed stream streaming play plays played playing "
    "watch perform performed televised recorded aired".split()
)
_WOUND_ROUND = frozenset(
    "up down through around round back along its his her their my the itself".split()
)
_HABITS = frozenset(
    "every always usually often never sometimes daily days nowadays regularly when "
    "mornings evenings lot mostly".split()
)
_LEARNED_PEOPLE = frozenset(
    "man men woman women scholar scholars professor judge society friend colleague "
    "people journal counsel".split()
)


def _bass(s: Sentence, i: int) -> str:
    return "fish" if _near(s, i, _FISH) else "music"


def _lead(s: Sentence, i: int) -> str:
    if _near(s, i, _METAL) and verb_weight(s.words, i) <= 3:
        return "metal"
    made = at(s.words, i - 1) == "of" and at(s.words, i - 2) == "made"
    return "metal" if made else "verb"


def _tear(s: Sentence, i: int) -> str:
    plural = s.words[i] == "tears"
    if verb_weight(s.words, i, plural) > 0:
        return "verb"
    return "eye" if plural or _near(s, i, _SHED, 5) else "verb"


def _minute(s: Sentence, i: int) -> str:
    left, right = at(s.words, i - 1), at(s.words, i + 1)
    if right in _SMALL or left in ("very", "so", "too", "extremely"):
        return "adjective"
    return "adjective" if left in BE and right in STOPS else "noun"


def _live(s: Sentence, i: int) -> str:
    left, right = at(s.words, before(s.words, i)), at(s.words, i + 1)
    if left in BE or left in _AIRED or right in _ON_AIR:
        return "adjective"
    if left == "a" or (left == "the" and not is_closed(right)):
        return "adjective"
    return "verb"


def _lives(s: Sentence, i: int) -> str:
    left = at(s.words, before(s.words, i))
    known = left in DETERMINERS or left in PREPOSITIONS or left in ("save", "saves")
    return "noun" if known or (not _is_verb(s, i) and _is_bare(s, i)) else "verb"


def _is_bare(s: Sentence, i: int) -> bool:
    """Whether no singular subject stands before a word: "they lost lives"."""
    left = at(s.words, before(s.words, i))
    plural = left.endswith("s") and not left.endswith("ss")
    return plural or (is_closed(left) and left not in ("who", "that"))


def _wind(s: Sentence, i: int) -> str:
    right = at(s.words, i + 1)
    plural = s.words[i] == "winds"
    weight = verb_weight(s.words, i, plural)
    if right in ("up", "down") and at(s.words, i - 1) not in PREPOSITIONS:
        weight += 2
    elif right in ("through", "around", "along"):
        weight += 1
    return "verb" if weight > 0.6 else "noun"


def _wound(s: Sentence, i: int) -> str:
    left = at(s.words, before(s.words, i))
    if left in DETERMINERS or left in PREPOSITIONS:
        return "noun"
    if left in ("i", "you", "we", "they", "he", "she", "it") or left in HAVE:
        return "past"
    return "past" if at(s.words, i + 1) in _WOUND_ROUND else "noun"


def _dove(s: Sentence, i: int) -> str:
    left, right = at(s.words, i - 1), at(s.words, i + 1)
    subject = left in ("i", "you", "we", "they", "he", "she", "it", "who", "and")
    into = right in ("into", "in", "down", "under", "for", "off", "straight")
    return "past" if subject or (into and not _determined(s, i)) else "bird"


def _moped(s: Sentence, i: int) -> str:
    subject = at(s.words, i - 1) in ("i", "you", "we", "they", "he", "she", "just")
    return "past" if subject else "noun"


def _determined(s: Sentence, i: int) -> bool:
    return any(at(s.words, i - k) in DETERMINERS for k in (1, 2))


def _bow(s: Sentence, i: int) -> str:
    left, right = at(s.words, i - 1), at(s.words, i + 1)
    if left in ("take", "took", "takes", "ship's") or right == "and" != left:
        return "verb" if right != "and" else "noun"
    if left == "a" and at(s.words, i - 2) in ("take", "took", "takes"):
        return "verb"
    return "verb" if _is_verb(s, i) else "noun"


def _polish(s: Sentence, i: int) -> str:
    if not s.capital[i]:
        return "shine"
    return "shine" if s.opens(i) and _is_verb(s, i) else "name"


def _place(s: Sentence, i: int) -> bool:
    left = at(s.words, i - 1)
    to_it = left in ("in", "to", "from", "near", "at", "of", "via", "for", "and")
    return s.capital[i] and not s.opens(i) and to_it


def _nice(s: Sentence, i: int) -> str:
    return "name" if _place(s, i) else "pleasant"


def _job(s: Sentence, i: int) -> str:
    return "name" if s.capital[i] and at(s.words, i - 1) == "of" else "work"


def _reading(s: Sentence, i: int) -> str:
    return "name" if _place(s, i) else "verb"


def _learned(s: Sentence, i: int) -> str:
    return "adjective" if at(s.words, i + 1) in _LEARNED_PEOPLE else "verb"


def _aged(s: Sentence, i: int) -> str:
    left, right = at(s.words, i - 1), at(s.words, i + 1)
    before_noun = left in DETERMINERS or left == "her"
    return "adjective" if before_noun and right not in ("care",) else "verb"


def _blessed(s: Sentence, i: int) -> str:
    left, right = at(s.words, i - 1), at(s.words, i + 1)
    return "adjective" if left in DETERMINERS and not is_closed(right) else "verb"


def _used(s: Sentence, i: int) -> str:
    if at(s.words, i + 1) != "to":
        return "verb"
    left, after = at(s.words, before(s.words, i)), at(s.words, i + 2)
    if left not in BE:
        return "habit"
    known = after in DETERMINERS or after in ("it", "that", "her", "him", "them", "me")
    return "habit" if known or after.endswith("ing") or after in STOPS else "verb"


def _content(s: Sentence, i: int) -> str:
    left, right = at(s.words, before(s.words, i)), at(s.words, i + 1)
    if left in BE or left in ("quite", "very", "perfectly", "more"):
        return "adjective"
    return "adjective" if right == "with" and left not in DETERMINERS else "noun"


def _invalid(s: Sentence, i: int) -> str:
    named = at(s.words, i - 1) in ("an", "the") and is_closed(at(s.words, i + 1))
    return "noun" if named else "adjective"


def _upset(s: Sentence, i: int) -> str:
    noun = at(s.words, i - 1) in DETERMINERS and is_closed(at(s.words, i + 1))
    return "noun" if noun else "verb"


def _house(s: Sentence, i: int) -> str:
    """Almost always the noun: a verb only where nothing else can stand."""
    return "verb" if verb_weight(s.words, i) > 3 else "noun"


def _close(s: Sentence, i: int) -> str:
    left, right = at(s.words, before(s.words, i)), at(s.words, i + 1)
    if right in ("of",) and left in DETERMINERS:
        return "verb"  # "the close of day" sounds like the verb
    if (right in ("to", "by") and left not in MODALS) or left in (
        "stay",
        "too",
        "very",
    ):
        return "noun"
    return "verb" if _is_verb(s, i) else "noun"


def _read(s: Sentence, i: int) -> str:
    """Past after "have" and "was"; after a subject as the rest of it says."""
    j = before(s.words, i)
    left, right = at(s.words, j), at(s.words, i + 1)
    if left in ("to", "a", "good", "the", "quick", *CAUSES, *MODALS) or right == "only":
        return "past" if left == "never" and _has(s, j) else "present"
    if left in OBJECTS and at(s.words, j - 1) in CAUSES:
        return "present"
    if left in HAVE or left in BE or left == "well":
        return "past"
    if left in STOPS or left == "," or (left in ("and", "or") and i < 3):
        return "present"
    for k in range(j, max(-1, j - 4), -1):
        if at(s.words, k - 1) in STOPS and k != j:
            break
        if at(s.words, k - 1) in HAVE:
            return "past"
        if at(s.words, k - 1) in AUXILIARIES and at(s.words, k - 1) not in BE:
            return "present"
    habitual = bool(_HABITS & set(s.words)) and left not in ("he", "she", "it")
    return "present" if habitual or left == "who" else "past"


def _has(s: Sentence, i: int) -> bool:
    """Whether "have" stands a little before: "I have never"."""
    return any(at(s.words, k) in HAVE for k in range(i - 2, i))


_OWN_RULES: Mapping[str, Callable[[Sentence, int], str]] = {
    "aged": _aged,
    "bass": _bass,
    "blessed": _blessed,
    "bow": _bow,
    "close": _close,
    "content": _content,
    "dove": _dove,
    "house": _house,
    "invalid": _invalid,
    "job": _job,
    "lead": _lead,
    "learned": _learned,
    "live": _live,
    "lives": _lives,
    "minute": _minute,
    "moped": _moped,
    "nice": _nice,
    "polish": _polish,
    "read": _read,
    "reading": _reading,
    "tear": _tear,
    "upset": _upset,
    "used": _used,
    "wind": _wind,
    "wound": _wound,
}
