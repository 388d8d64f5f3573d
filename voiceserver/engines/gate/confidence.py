"""Signs that the beginning of an answer is wrong: its tokens' probabilities, its text.

One number of both, ``raw``, which says nothing by itself: what it is worth is measured
for each provider (``calibration``). Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from voiceserver.engines.watch.refusal import declines
from voiceserver.engines.words import words_of

FEWEST, MOST = 8, 16  # tokens that are looked at
LEAST_LOGPROB = -10.0  # of a token: services write -9999 for "not among the likely"
WITH_TOKENS, TEXT_ALONE = "logprobs+text", "text"  # sources
FAULT = 2.0  # what a fault of the text counts, in mean log-probability

_HEDGES = re.compile(
    r"(?i)\b(?:i think|i believe|i guess|i'm not sure|i am not sure|not certain"
    r"|probably|might be|may be|it depends|perhaps|as far as i know|approximately"
    r"|i don't know)\b"
)
_MARKUP = re.compile(
    r"```|</?[a-z]+[^>]*>|^\s*#{1,4} |\*\*|\[[^\]]*\]\(|^\s*[-*] ", re.M
)
_TOOL = re.compile(
    r"(?i)<\|?(?:tool|function)|\btool_calls?\b|\"(?:name|arguments|parameters)\"\s*:"
)
_ENGLISH = frozenset(
    "the a an is are was it in of to and that i you for on with be have not this as at "
    "by from your can will there or its do so but one yes no".split()
)
_OTHERS = frozenset(
    "el la los las es una por que und der die das ist nicht ein le les une est pas "
    "pour de het een niet il lo gli sono con para como muy auf mit sur dans nous "
    "vous".split()
)


@dataclass(frozen=True, slots=True)
class Beginning:
    """What is known of an answer before it is committed to.

    Attributes:
        text: So far.
        asked: What it answers.
        logprobs: Natural logarithms of its first tokens' probabilities; empty where
            the provider does not tell them.
        language: Of the conversation, BCP 47; ``""`` is English.
    """

    text: str
    asked: str = ""
    logprobs: tuple[float, ...] = field(default=())
    language: str = ""


def faults(beginning: Beginning) -> tuple[str, ...]:
    """Names of what is wrong with its text."""
    return tuple(name for name, wrong in _CHECKS.items() if wrong(beginning))


def source(beginning: Beginning) -> str:
    """What its confidence comes from."""
    return WITH_TOKENS if beginning.logprobs else TEXT_ALONE


def raw(beginning: Beginning) -> float:
    """Mean log-probability of its tokens, less for each fault; higher is better."""
    told = [max(each, LEAST_LOGPROB) for each in beginning.logprobs[:MOST]]
    mean = sum(told) / len(told) if told else 0.0
    return mean - FAULT * len(faults(beginning))


def _empty(beginning: Beginning) -> bool:
    return not any(map(str.isalnum, beginning.text))


def _repeats(beginning: Beginning) -> bool:
    words = words_of(beginning.text).split()
    threes = [tuple(words[at : at + 3]) for at in range(len(words) - 2)]
    return len(threes) - len(set(threes)) >= 2


def _echoes(beginning: Beginning) -> bool:
    asked, said = words_of(beginning.asked).split(), words_of(beginning.text).split()
    return (
        len(said) >= 4 and len(asked) >= 4 and said[: len(asked)] == asked[: len(said)]
    )


def _in_another_language(beginning: Beginning) -> bool:
    if beginning.language and not beginning.language.lower().startswith("en"):
        return False  # only English is known well enough
    letters = [c for c in beginning.text if c.isalpha()]
    strange = sum(ord(c) > 0x24F for c in letters)
    if len(letters) >= 4 and strange * 2 > len(letters):
        return True
    words = words_of(beginning.text).split()
    english = sum(word in _ENGLISH for word in words)
    others = sum(word in _OTHERS for word in words)
    return len(words) >= 4 and others >= 2 and others > english


_CHECKS: dict[str, Callable[[Beginning], bool]] = {
    "empty": _empty,
    "refusal": lambda beginning: declines(beginning.text),
    "hedging": lambda beginning: _HEDGES.search(beginning.text) is not None,
    "repetition": _repeats,
    "language": _in_another_language,
    "markup": lambda beginning: _MARKUP.search(beginning.text) is not None,
    "echo": _echoes,
    "tool_call": lambda beginning: _TOOL.search(beginning.text) is not None,
}


def area(scores: Sequence[float], right: Sequence[bool]) -> float | None:
    """AUC of scores telling right from wrong; None where all are one of them."""
    good = [score for score, is_right in zip(scores, right, strict=True) if is_right]
    bad = [score for score, is_right in zip(scores, right, strict=True) if not is_right]
    if not good or not bad:
        return None
    won = sum((g > b) + 0.5 * (g == b) for g in good for b in bad)
    return won / (len(good) * len(bad))
