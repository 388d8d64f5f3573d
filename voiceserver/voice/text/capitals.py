"""Words in capitals: said as words, or letter by letter.

People shout, warn and stress with capitals as often as they abbreviate. Lists decide
what they can; else a word of four or five letters is one if English could have it and
it begins with a consonant, as next to no initialism does both. Pure: knows nothing of
phones; it sees the neighbours of a word in its text, no more.
"""

from __future__ import annotations

import re

from voiceserver.voice.text.abbreviations import (
    SHORT_WORDS,
    SPOKEN_ACRONYMS,
    STRESSED,
)
from voiceserver.voice.text.addresses import Spoken, spell

_ONSET = (
    r"(?:b[lr]?|c[hlr]?|d[rw]?|f[lr]?|g[hlnr]?|h|j|k[n]?|l|m|n|p[hlr]?|qu|r|"
    r"s(?:ch?|cr|h|hr|k|l|m|n|p|pl|pr|qu|t|tr|w)?|t[hrw]|thr|t|v|w[hr]?|y|z)"
)
_VOWELS = r"(?!aa|ii|uu|[aeiou]{3})[aeiouy]{1,2}"
_MIDDLE = r"[b-df-hj-np-tv-z]{1,2}"
_CODA = (
    r"(?:[b-df-hkl-nprstv-xz]|([bdfglmnprstz])\1|bt|c[hkt]|ft|[gt]h|ght|l[bdfklmpst]|"
    r"lch|m[bps]|n[cdgkst]|n[ct]h|p[st]|pth|r[bcdfgklmnpst]|r[cst]h|rld|rst|s[hkmpst]|"
    r"tch|w[dln]|xt|tz)?s?"
)
_SAYABLE = re.compile(f"{_ONSET}{_VOWELS}(?:{_MIDDLE}{_VOWELS})?{_CODA}")
LONG = 5  # letters; with a vowel among them, longer ones are always words


def letters_of(word: str, text: str, m: re.Match[str]) -> Spoken | None:
    """Letters of a word in capitals; None if it is to be said as a word.

    Args:
        word: May end in ``s`` or ``'s``.
        text: It stands in.
        m: Where.
    """
    stem, suffix = re.fullmatch(r"([A-Z]*)('?s)?(.*)", word).group(1, 2)  # type: ignore[union-attr]
    if len(stem) < 2 or len(stem) + len(suffix or "") != len(word):
        return None
    if stem == word and _is_a_state(stem, text, m):
        return spell(stem)
    pronoun = stem == word == "US" and _is_shouted(text, m)
    if (stem != "US" or pronoun or suffix) and _is_word(stem.lower()):
        return None
    if len(stem) > 3 and _is_shouted(text, m):
        return None
    if (
        stem == word
        and _could_be_shouted(stem.lower())
        and (_in_a_run(text, m) or _is_joined(stem.lower(), text, m))
    ):
        return None
    letters = spell(stem)
    if suffix:
        letters[-1] += "'s"
    return letters


def _is_word(low: str) -> bool:
    if low in SPOKEN_ACRONYMS or low in STRESSED:
        return True
    if len(low) > LONG:
        return re.search(r"[aeiouy]", low) is not None
    return len(low) > 3 and _SAYABLE.fullmatch(low) is not None


def _is_shouted(text: str, m: re.Match[str]) -> bool:
    """Whether a neighbour is in capitals too, and no initialism."""
    after = re.match(r"[\s,]+([A-Za-z']+)", text[m.end() : m.end() + 40])
    before = re.search(r"([A-Za-z']+)[\s,]+$", text[max(0, m.start() - 40) : m.start()])
    return any(
        len(n) > 3 and n.isupper() and _is_word(n.lower())
        for n in (found.group(1) for found in (after, before) if found)
    )


_STATES = frozenset(
    "AL AK AZ AR CA CO CT DE DC FL GA HI IA ID IL IN KS KY LA MA MD ME MI MN MO MS"
    " MT NC"
    " ND NE NH NJ NM NV NY OH OK OR PA RI SC SD TN TX UT VA VT WA WI WV WY".split()
)


def _is_a_state(stem: str, text: str, m: re.Match[str]) -> bool:
    """Whether the letters of a state stand behind the name of a city."""
    lead = text[max(0, m.start() - 12) : m.start()]
    return stem in _STATES and re.search(r"[A-Z]?[a-z]{2,}, $", lead) is not None


def is_said(low: str) -> bool:
    """Whether letters in capitals are a word that is known, whatever is beside it."""
    return low in SHORT_WORDS or (len(low) > 2 and _is_word(low))


_JOINED_AFTER = re.compile(r"(?: [A-Z]{2,}(?![a-z'])|_[A-Z\d])")
_JOINED_BEFORE = re.compile(r"(?:(?<![A-Za-z])[A-Z]{2,} |[A-Z\d]_)$")


def _is_joined(low: str, text: str, m: re.Match[str]) -> bool:
    """Whether a word of the language stands at another in capitals: API KEY."""
    if low not in SHORT_WORDS:
        return False
    lead = text[max(0, m.start() - 12) : m.start()]
    return bool(_JOINED_AFTER.match(text, m.end()) or _JOINED_BEFORE.search(lead))


_RUN_AFTER = re.compile(r"(?:[\s,;:'\"-]+[A-Z][A-Z']*\b)+")
_RUN_BEFORE = re.compile(r"(?:\b[A-Z][A-Z']*[\s,;:'\"-]+)+$")
_FAR = 120  # characters that are looked at on either side
_LIKE_A_WORD = re.compile(rf"{_VOWELS}{_MIDDLE}{_VOWELS}(?:{_CODA})?e?")


def _could_be_shouted(low: str) -> bool:
    return low in SHORT_WORDS or (
        len(low) >= LONG and _LIKE_A_WORD.fullmatch(low) is not None
    )


def _in_a_run(text: str, m: re.Match[str]) -> bool:
    """Whether most of the capitals beside a word are words, and one of them surely.

    Initialisms stand alone or in lists; who shouts, shouts a sentence.
    """
    after = _RUN_AFTER.match(text[m.end() : m.end() + _FAR])
    before = _RUN_BEFORE.search(text[max(0, m.start() - _FAR) : m.start()])
    run = " ".join(found.group() for found in (before, after) if found)
    others = [w.lower() for w in re.findall(r"[A-Z']+", run)]
    said = [_is_word(w) or _could_be_shouted(w) for w in others if len(w) > 1]
    return sum(said) * 2 >= len(said) > 0
