"""Symbols of recorded sentences: aligned phones and the pause marks of their texts.

Knows nothing of features or networks.
"""

from __future__ import annotations

import re

from scripts.voice.align import Phone
from voiceserver.voice.text.normalise import normalise
from voiceserver.voice.words.clause import (
    PLACE_FIRST,
    PLACE_INNER,
    PLACE_LAST,
    PLACE_NONE,
    PLACE_ONLY,
)
from voiceserver.voice.words.phones import PAUSE

# Questions of the ARCTIC prompts that are written with a full stop.
_QUESTION = re.compile(
    r"(?:will we|how (?:could|does|old|much was|in hell|are)|what (?:was the|part|if|do"
    r" you)|but (?:who was|how are)|shall i|do(?:es|n't)? (?:you|that|the old)|was it"
    r" the|is that|you mean for|who the devil|could the|did|what's that|or have they"
    r"|why should|would you|and how would|have you|well, did)\b",
    re.IGNORECASE,
)
_NO_QUESTION = re.compile(r"don't you see, i'm", re.IGNORECASE)


def is_question(text: str) -> bool:
    """Whether a prompt asks, however it is punctuated."""
    asks = _QUESTION.match(text) and not _NO_QUESTION.match(text)
    return text.rstrip().endswith("?") or bool(asks)


def _marks_after_words(text: str) -> dict[int, str]:
    """Pause mark that follows the word of each index."""
    marks: dict[int, str] = {}
    index = -1
    for token in normalise(text).tokens:
        if token.is_mark:
            marks[index] = token.text
        else:
            index += 1
    last = index
    final = marks.get(last, ".")
    marks[last] = "?" if is_question(text) else final if final in ".?!" else "."
    return marks


def _place(index: int, words: list[int]) -> int:
    """Place of a phone in its word."""
    word = words[index]
    first = index == 0 or words[index - 1] != word
    last = index + 1 == len(words) or words[index + 1] != word
    if first and last:
        return PLACE_ONLY
    return PLACE_FIRST if first else PLACE_LAST if last else PLACE_INNER


def symbol_rows(phones: list[Phone], text: str) -> list[tuple[str, int, int]]:
    """Symbol, place and frames: pauses become the mark written there, if any."""
    marks = _marks_after_words(text)
    words = [p.word for p in phones]
    rows: list[tuple[str, int, int]] = []
    if phones[0].symbol != PAUSE:
        rows.append((PAUSE, PLACE_NONE, 0))
    for i, p in enumerate(phones):
        if p.symbol == PAUSE:
            mark = marks.get(words[i - 1], PAUSE) if i else PAUSE
            rows.append((mark, PLACE_NONE, p.frames))
            continue
        rows.append((p.symbol, _place(i, words), p.frames))
        ends_word = i + 1 == len(words) or words[i + 1] != p.word
        silent_next = i + 1 < len(words) and words[i + 1] == -1
        if ends_word and not silent_next and p.word in marks:
            rows.append((marks[p.word], PLACE_NONE, 0))
    return rows
