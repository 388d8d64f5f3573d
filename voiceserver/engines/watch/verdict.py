"""Which of two answers to the same request is better. Pure.

First by what can be seen of them; where that tells nothing, by a judge that is asked
twice with the places swapped: what it says of a place alone, it does not say twice.
"""

from __future__ import annotations

import re
from typing import Literal

from voiceserver.engines.base import Message, TextRequest
from voiceserver.engines.watch.refusal import declines

Verdict = Literal["candidate", "live", "tie"]

SPOKEN = 60  # words; a longer answer is a lecture to a listener
JUDGE_TOKENS = 64
_MARKUP = re.compile(r"```|^\s*[#*-]\s|\*\*|\|.*\|", re.MULTILINE)
_SAID = re.compile(r"\b(first|second|tie|same|equal|neither|both)\b", re.IGNORECASE)
_INSTRUCTIONS = (
    "You compare two spoken answers of a voice assistant to the same request. The "
    "better one is right, helpful, and short enough to be listened to. Say only one "
    'word: "first", "second" or "tie".'
)


def faults(answer: str) -> int:
    """How many faults can be seen in an answer; an empty one has more than any."""
    if not answer.strip():
        return 9
    found = 4 * declines(answer)
    found += bool(_MARKUP.search(answer))
    found += len(answer.split()) > SPOKEN
    return int(found)


def by_sight(live: str, candidate: str) -> Verdict:
    """Judge by what can be seen; mostly that is a tie."""
    mine, theirs = faults(candidate), faults(live)
    if mine == theirs:
        return "tie"
    return "candidate" if mine < theirs else "live"


def question(asked: str, first: str, second: str) -> TextRequest:
    """What a judge is asked."""
    text = f"Request: {asked}\n\nFirst answer: {first}\n\nSecond answer: {second}"
    return TextRequest(
        (Message("user", text),),
        _INSTRUCTIONS,
        max_output_tokens=JUDGE_TOKENS,
        hedge=False,
        read=True,
    )


def judged(live_first: str, candidate_first: str) -> Verdict:
    """Put together what a judge said with either answer first.

    Args:
        live_first: What it said where the live answer was the first.
        candidate_first: What it said where the candidate's was.
    """
    one, other = _place(live_first), _place(candidate_first)
    if (one, other) == ("second", "first"):
        return "candidate"
    if (one, other) == ("first", "second"):
        return "live"
    return "tie"


def _place(said: str) -> str:
    """The first place named; nonsense names none."""
    found = _SAID.search(said)
    return found.group(1).lower() if found else "tie"
