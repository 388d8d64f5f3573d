"""When would a policy have ended each turn: waits in recorded pauses, and their price.

A wait is dead air from the last voiced sample to the decision; a hold whose pause is
longer than its wait is a cut-in. Policies: silence alone, a turn-end model with a
threshold (swept over threshold, delay and timeout, as livekit's eot-bench does), and
the formula of ``turns.ending`` as ``turns.taker`` uses it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from scripts.turns.pauses import SCORED_MS, Pause
from voiceserver.config import TurnConfig
from voiceserver.turns.ending import EndWeights, Evidence, longest_ms

SCORE_LATE_MS = 70.0  # from a question to its answer, on a core that is free
Waits = NDArray[np.float64]  # ms, one a pause
Policy = Callable[[Sequence[Pause]], Waits]


def silence(timeout_ms: float) -> Policy:
    """Wait for so much silence."""
    return lambda pauses: np.full(len(pauses), timeout_ms)


def threshold(least: float, delay_ms: float, timeout_ms: float) -> Policy:
    """Wait shortly where the model's probability is high enough, else long."""

    def wait(pause: Pause) -> float:
        for scored_ms, score in _heard(pause):
            if score >= least:
                return max(delay_ms, scored_ms)
        return timeout_ms

    return lambda pauses: np.array([min(wait(each), timeout_ms) for each in pauses])


def fused(weights: EndWeights, config: TurnConfig) -> Policy:
    """Wait until the turn is over with the certainty that is wanted."""
    return _Fused(weights).policy(config)


class _Fused:
    """The formula, with what it makes of each pause kept for a whole sweep."""

    def __init__(self, weights: EndWeights) -> None:
        self._weights = weights
        self._known: dict[Pause, list[tuple[float, float]]] = {}
        self._limits: dict[TurnConfig, dict[Pause, float]] = {}

    def policy(self, config: TurnConfig) -> Policy:
        """Wait until it is certain."""
        wanted = math.log(config.certainty / (1 - config.certainty))
        grown = self._weights.weights["silence"]

        def wait(pause: Pause) -> float:
            known = self._stages(pause)
            for n, (known_ms, odds) in enumerate(known):
                found = SCORED_MS[0] * math.exp(min((wanted - odds) / grown, 9.0))
                after = known[n + 1][0] if n + 1 < len(known) else math.inf
                if found < after:
                    return max(found, known_ms)
            return config.cap_ms

        limits = self._limits.setdefault(replace(config, certainty=0.5), {})

        def most(pause: Pause) -> float:
            if pause not in limits:
                limits[pause] = _most_ms(pause, config)
            return limits[pause]

        return lambda pauses: np.array([min(wait(p), most(p)) for p in pauses])

    def _stages(self, pause: Pause) -> list[tuple[float, float]]:
        """``(silence at which it is known, log-odds at the first score's silence)``."""
        if pause not in self._known:
            stages = []
            for n, (known_ms, _) in enumerate(_heard(pause)):
                chance = self._weights.certainty(evidence(pause, n + 1), SCORED_MS[0])
                stages.append((known_ms, math.log(chance / (1 - chance))))
            self._known[pause] = stages
        return self._known[pause]


def _most_ms(pause: Pause, config: TurnConfig) -> float:
    """The longest wait; nothing limits it before a score is known."""
    if not pause.scores:
        return config.cap_ms
    return max(longest_ms(evidence(pause, 1), config), _heard(pause)[0][0])


def evidence(pause: Pause, n_scores: int) -> Evidence:
    """What the turn-taker would have known after so many scores."""
    sound = float(np.mean(pause.scores[:n_scores]))
    return Evidence(
        sound, pause.words, voiced_ms=pause.voiced_ms, pauses_ms=pause.earlier_ms
    )


def _heard(pause: Pause) -> list[tuple[float, float]]:
    """``(silence at which it is known, probability)`` of each score."""
    known = [ms + SCORE_LATE_MS for ms in SCORED_MS]
    return list(zip(known, pause.scores, strict=False))


@dataclass(frozen=True, slots=True)
class Price:
    """What a policy costs.

    Attributes:
        wait_ms: Mean dead air after turns that were over.
        cut_ins: Share of the holds that were cut.
    """

    wait_ms: float
    cut_ins: float


def price(pauses: Sequence[Pause], waits: Waits) -> Price:
    """Return what waits cost on these pauses, which have both ends and holds."""
    ends = np.array([each.end for each in pauses])
    lengths = np.array([each.length_ms for each in pauses])
    cut = ~ends & (lengths > waits)
    return Price(float(waits[ends].mean()), float(cut.sum() / max(1, (~ends).sum())))


def best(
    pauses: Sequence[Pause], policies: Iterable[Policy], cut_ins: float
) -> Policy | None:
    """Return the policy with the shortest mean wait that cuts in no more often."""
    found: tuple[float, Policy] | None = None
    for policy in policies:
        cost = price(pauses, policy(pauses))
        if cost.cut_ins <= cut_ins and (found is None or cost.wait_ms < found[0]):
            found = cost.wait_ms, policy
    return found[1] if found else None


TIMEOUTS_MS = tuple(range(200, 3001, 50))
CERTAINTIES = tuple(np.round(1 - np.geomspace(0.5, 0.01, 60), 4).tolist())
CAPS_MS = (1500, 3000)  # after words that look unfinished, and where there are none
UNCLEAR_MS = (600, 700, 800, 1000, 1200, 1600, 2400)


def all_silences() -> list[Policy]:
    """Silence alone, at every timeout."""
    return [silence(ms) for ms in TIMEOUTS_MS]


def all_thresholds() -> list[Policy]:
    """A threshold, at every point of the sweep."""
    leasts = np.round(
        np.concatenate([np.geomspace(0.01, 0.3, 8), np.arange(0.4, 1, 0.06)]), 3
    )
    delays, timeouts = (270, 350, 450, 600), (600, 800, 1000, 1200, 1500, 2000, 3000)
    return [threshold(*each) for each in itertools.product(leasts, delays, timeouts)]


def all_fused(weights: EndWeights) -> list[Policy]:
    """The formula, at every certainty and limit."""
    formula = _Fused(weights)
    points = itertools.product(CERTAINTIES, CAPS_MS, UNCLEAR_MS)
    return [
        formula.policy(TurnConfig(certainty=sure, cap_ms=cap, max_unclear_ms=unclear))
        for sure, cap, unclear in points
    ]
