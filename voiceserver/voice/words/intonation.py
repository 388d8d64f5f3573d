"""Tunes that the recordings do not teach: the rise at the end of a question.

Among the sentences that the voice was trained on next to none asks for yes or no, so
the end of such a question is set by rule, from the last stressed syllable on. Knows
words, symbols and drawn prosody; nothing of text or audio.

Source of the tune: yes-or-no questions in American English end L* H-H% (Pierrehumbert,
"The phonology and phonetics of English intonation", 1980), wh-questions and the last of
several alternatives fall as statements do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from voiceserver.voice.words.phones import MARKS, SYMBOLS

LOW = -2.0  # semitones from the clause's middle, where the rise begins
HIGH = 6.0  # and where it ends
FIRST_PHONE = 1 + len(MARKS)  # of the symbols: a pause and the marks come before
_SEMITONE = math.log(2) / 12
_PITCH, _RISE = 1, 2  # columns of drawn prosody

_BEFORE = frozenset("and so but or well then okay ok now oh yes no please".split())
_ASKS = frozenset("what who whom whose which where when why how what's who's".split())
_VERBS = frozenset(
    "do does did is are am was were can could will would shall should may might must "
    "have has had don't doesn't didn't isn't aren't wasn't weren't can't couldn't "
    "won't wouldn't shouldn't haven't hasn't hadn't".split()
)


def _opening(words: Sequence[str]) -> Sequence[str]:
    """Words without what leads up to them: "well, then ..."."""
    first = 0
    while first < len(words) - 1 and words[first] in _BEFORE:
        first += 1
    return words[first:]


def _wh_question(words: Sequence[str]) -> bool:
    """Whether a sentence opens with a question word and its verb: "what would ..."."""
    opening = [*_opening(words), "", "", ""]
    thing = opening[0] in ("what", "which", "how") and opening[2] in _VERBS
    return opening[0] in _ASKS and (opening[1] in _VERBS or thing)


def rises(words: Sequence[str], ending: str, before: Sequence[str] = ()) -> bool:
    """Whether the tune of a clause goes up at its end.

    Args:
        words: Lower case, in order.
        ending: The mark that ends it.
        before: Words of the same sentence in the clauses before it.
    """
    if ending != "?" or _wh_question(before):
        return False
    if "or" in words:  # the last of several alternatives
        return False
    rest = _opening(words)
    if rest and rest[0] in _VERBS:
        return True
    return not _ASKS.intersection(rest)


def nucleus(symbols: Sequence[int]) -> int:
    """Index of the last stressed vowel; of the last vowel where none is stressed.

    Args:
        symbols: Of a clause, indices into ``phones.SYMBOLS``.

    Returns:
        The number of symbols where there is no vowel at all.
    """
    for stress in ("1", "2", "0"):
        for i in range(len(symbols) - 1, -1, -1):
            if SYMBOLS[symbols[i]].endswith(stress):
                return i
    return len(symbols)


def raised(
    drawn: Tensor, symbols: Sequence[int], lengths: Tensor, swing: float
) -> Tensor:
    """Drawn prosody with a rise from the nucleus to the end.

    Args:
        drawn: In natural units, ``(n, PROSODY)``.
        symbols: Of the clause, ``n``.
        lengths: Frames of each, ``(n,)``, int64.
        swing: Factor on the size of the rise.
    """
    first = nucleus(symbols)
    sounding = torch.tensor([s >= FIRST_PHONE for s in symbols])
    last = int(sounding.nonzero().max()) + 1 if bool(sounding.any()) else 0
    if first >= last:
        return drawn
    before = sounding.clone()
    before[first:] = False
    known = drawn[before if bool(before.any()) else sounding, _PITCH]
    ends = torch.cumsum(lengths[first:last], 0).float()
    place = torch.cat([torch.zeros(1), ends / ends[-1].clamp_min(1)])
    line = known.mean() + (LOW + (HIGH - LOW) * place) * (swing * _SEMITONE)
    out = drawn.clone()
    out[first:last, _PITCH] = (line[1:] + line[:-1]) / 2
    out[first:last, _RISE] = line[1:] - line[:-1]
    return out
