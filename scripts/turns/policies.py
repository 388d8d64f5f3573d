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
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scripts.turns.pauses import SCORED_MS, Pause
from voiceserver.turns.ending import EndWeights, Evidence

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


def fused(weights: EndWeights, certainty: float, cap_ms: float) -> Policy:
    """Wait until the turn is over with this certainty."""
    return _Fused(weights).policy(certainty, cap_ms)


class _Fused:
    """The formula, with what it makes of each pause kept for a whole sweep."""

    def __init__(self, weights: EndWeights) -> None:
        self._weights = weights
        self._known: dict[Pause, list[tuple[float, float]]] = {}

    def policy(self, certainty: float, cap_ms: float) -> Policy:
        """Wait until it is certain."""
        wanted = math.log(certainty / (1 - certainty))
        grown = self._weights.weights["silence"]

        def wait(pause: Pause) -> float:
            known = self._stages(pause)
            for n, (known_ms, odds) in enumerate(known):
                found = SCORED_MS[0] * math.exp(min((wanted - odds) / grown, 9.0))
                after = known[n + 1][0] if n + 1 < len(known) else math.inf
                if found < after:
                    return max(found, known_ms)
            return cap_ms

        return lambda pauses: np.array([min(wait(each), cap_ms) for each in pauses])

    def _stages(self, pause: Pause) -> list[tuple[float, float]]:
        """``(silence at which it is known, log-odds at the first score's silence)``."""
        if pause not in self._known:
            stages = []
            for n, (known_ms, _) in enumerate(_heard(pause)):
                chance = self._weights.certainty(evidence(pause, n + 1), SCORED_MS[0])
                stages.append((known_ms, math.log(chance / (1 - chance))))
            self._known[pause] = stages
        return self._known[pause]


def evidence(pause: Pause, n_scores: int) -> Evidence:
    """What the turn-taker would have known after so many scores."""
    sound = float(np.mean(pause.scores[:n_scores]))
    return Evidence(sound, pause.words, False, pause.voiced_ms, pause.earlier_ms)


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
CAPS_MS = (1000, 1500, 2000, 3000)


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
    """The formula, at every certainty and cap."""
    formula = _Fused(weights)
    return [formula.policy(*each) for each in itertools.product(CERTAINTIES, CAPS_MS)]
