"""Weeks of a simulated provider's answers: days and nights, and what may go wrong."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator

import numpy as np

from voiceserver.engines.watch.drift import Answered

A_DAY = 1_500  # answers
Change = Callable[[Answered, np.random.Generator], Answered]


def answers(
    seed: int, n: int, change: Change | None = None, a_day: int = A_DAY
) -> Iterator[Answered]:
    """Answers of a usual provider, each changed as by ``change``, so many a day.

    A fifth later at noon than at night, with a long tail; one in a hundred fails, one
    in fifty declines, one in ten goes on to another model.
    """
    rng = np.random.default_rng(seed)
    for at in range(n):
        hour = math.sin(2 * math.pi * at / a_day)
        failed = rng.random() < 0.01
        answer = Answered(
            first_ms=250 * (1 + 0.1 * hour) * rng.lognormal(0, 0.35),
            characters=None if failed else round(90 * rng.lognormal(0, 0.6)),
            confidence=float(rng.beta(8, 2)),
            failed=failed,
            refused=rng.random() < 0.02,
            escalated=rng.random() < 0.10,
        )
        yield answer if change is None else change(answer, rng)


def slower(times: float) -> Change:
    """First words come so many times later."""

    def change(answer: Answered, rng: np.random.Generator) -> Answered:
        assert answer.first_ms is not None
        return dataclasses.replace(answer, first_ms=times * answer.first_ms)

    return change


def longer(times: float) -> Change:
    """Answers are so many times longer."""

    def change(answer: Answered, rng: np.random.Generator) -> Answered:
        n = answer.characters
        return dataclasses.replace(
            answer, characters=None if n is None else round(n * times)
        )

    return change


def failing(share: float) -> Change:
    """So many fail."""

    def change(answer: Answered, rng: np.random.Generator) -> Answered:
        return dataclasses.replace(answer, failed=rng.random() < share)

    return change


def refusing(share: float) -> Change:
    """So many are declined."""

    def change(answer: Answered, rng: np.random.Generator) -> Answered:
        return dataclasses.replace(answer, refused=rng.random() < share)

    return change


def escalating(share: float) -> Change:
    """So many go on to another model."""

    def change(answer: Answered, rng: np.random.Generator) -> Answered:
        return dataclasses.replace(answer, escalated=rng.random() < share)

    return change


def less_sure(by: float) -> Change:
    """Confidence is lower by so much."""

    def change(answer: Answered, rng: np.random.Generator) -> Answered:
        assert answer.confidence is not None
        return dataclasses.replace(answer, confidence=answer.confidence - by)

    return change


# What may go wrong, and within how many answers it must be found.
DRIFTS: list[tuple[str, str, Change, int]] = [
    ("three times as slow", "first_words", slower(3), 40),
    ("half as slow again", "first_words", slower(1.5), 200),
    ("nine in ten fail", "failures", failing(0.9), 35),
    ("one in four fails", "failures", failing(0.25), 100),
    ("one in fourteen fails", "failures", failing(0.07), 800),
    ("one in five declines", "refusals", refusing(0.2), 100),
    ("one in ten declines", "refusals", refusing(0.1), 900),
    ("twice as long", "length", longer(2), 120),
    ("half as long", "length", longer(0.5), 120),
    ("a tenth less sure", "confidence", less_sure(0.1), 200),
    ("one in three escalates", "escalations", escalating(0.33), 250),
]
