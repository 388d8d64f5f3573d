"""Turns of a host in virtual time: the budget's sums, and a provider that slows.

Times of stages are drawn; when the first audio then sounds is added up as
``budget_simulation`` does, whose sums agree with the real pipeline. Providers are
guarded by the server's own breaker, and which model answers is the server's own router.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.budget_simulation import Times, implied_ms
from scripts.router.requests import made
from voiceserver.config import BudgetConfig, RouterConfig
from voiceserver.engines.providers.breaker import Breaker, BreakerState
from voiceserver.engines.providers.tiers import router_weights
from voiceserver.routing.router import Router
from voiceserver.routing.turns import Question, Turn

Floats = NDArray[np.float64]

TEXT_S, TEXT_SPREAD = 0.240, 0.5  # a hosted model's first clause: log-normal
SECOND_S = 0.300  # the same of who is asked when the first is not
SLOWS_BY = 4.0
TURN_TOKENS = (600, 40)  # read and written, docs/models.md
USD_A_MILLION = {"simple": (0.40, 1.60), "complex": (2.0, 8.0)}  # docs/models.md
TURNS_A_MINUTE = 4
ROUTED = 2000


@dataclass(frozen=True, slots=True)
class Stages:
    """What a host's stages take, as drawn from its own simulation, in milliseconds.

    Attributes:
        heard_ms: Final words, after the commit.
        spoken_ms: From a clause to its first audio.
        loop_ms: What the event loop adds between commit and packet.
    """

    heard_ms: Floats
    spoken_ms: Floats
    loop_ms: Floats


def first_audio_ms(
    stages: Stages, turns: int, seed: int = 5, slower: float = 1.0
) -> tuple[Floats, Floats]:
    """First audio of any kind, and of the answer, of so many turns."""
    rng, budget = random.Random(seed), BudgetConfig(speculations=0)
    found = []
    for _ in range(turns):
        heard_ms = min(rng.choice(stages.heard_ms), budget.recognition_ms - 10)
        times = Times(
            heard_ms / 1000,
            rng.lognormvariate(np.log(slower * TEXT_S), TEXT_SPREAD),
            rng.choice(stages.spoken_ms) / 1000,
            rng.uniform(0, 0.02),
        )
        added_ms = rng.choice(stages.loop_ms)
        found.append([each + added_ms for each in implied_ms(times, budget)])
    any_ms, answer_ms = np.array(found).T
    return any_ms, answer_ms


def attained(stages: Stages, turns: int = 2000) -> dict[str, float]:
    """Shares of turns in time, and the answer's median and tail."""
    any_ms, answer_ms = first_audio_ms(stages, turns)
    turn_ms = BudgetConfig().turn_ms
    p50, p95, p99 = np.percentile(answer_ms, (50, 95, 99))
    return {
        "any_audio_in_time_percent": round(100 * float(np.mean(any_ms <= turn_ms)), 2),
        "answer_in_time_percent": round(100 * float(np.mean(answer_ms <= turn_ms)), 2),
        "answer_p50_ms": round(float(p50), 1),
        "answer_p95_ms": round(float(p95), 1),
        "answer_p99_ms": round(float(p99), 1),
    }


def slowed(turns_per_s: float, slow_s: float = 600.0, seed: int = 9) -> dict[str, Any]:
    """One of two providers becomes slow for ten minutes; the breaker guards it.

    A turn that was begun with a slow provider pays for it; the next goes elsewhere as
    soon as half of ten were slow, and a probe in the background finds it again.
    """
    rng = random.Random(seed)
    breaker, budget = Breaker(random.Random(seed)), BudgetConfig()
    soft_s, first_s = budget.text_cap_ms / 1000, budget.text_first_ms / 1000
    begins_s, ends_s, now_s = 120.0, 120.0 + slow_s, 0.0
    phases = {"before": [0, 0], "slow": [0, 0], "after": [0, 0]}
    opened_s = closed_s = 0.0
    while now_s < ends_s + 240:
        now_s += rng.expovariate(turns_per_s)
        slow = begins_s <= now_s < ends_s
        factor = SLOWS_BY if slow else 1.0
        if breaker.probe_s is not None and now_s >= breaker.probe_s:
            breaker.probing()
            good = rng.lognormvariate(np.log(factor * TEXT_S), TEXT_SPREAD) < first_s
            breaker.probed(now_s, good, "slow")
            closed_s = now_s if good and not slow and not closed_s else closed_s
        median_s = factor * TEXT_S if breaker.admits else SECOND_S
        text_s = rng.lognormvariate(np.log(median_s), TEXT_SPREAD)
        if breaker.admits:
            breaker.began(text_s > first_s, now_s)
            breaker.succeeded()
            if breaker.state is BreakerState.OPEN and slow and not opened_s:
                opened_s = now_s
        phase = "slow" if slow else "before" if now_s < begins_s else "after"
        phases[phase][0] += 1
        phases[phase][1] += text_s <= soft_s
    return {
        "slower_by": SLOWS_BY,
        "seconds": slow_s,
        "turns_per_s": turns_per_s,
        "left_alone_after_s": round(opened_s - begins_s, 1),
        "asked_again_after_s": round(closed_s - ends_s, 1),
        "without_a_filler_percent": {
            name: round(100 * good / max(1, turns), 1)
            for name, (turns, good) in phases.items()
        },
    }


def text_usd_a_minute(strong_share: float = 0.2) -> dict[str, float]:
    """What hosted text models cost, by what the router keeps of the share asked."""
    rng, requests = random.Random(4), made()
    router = Router(RouterConfig(strong_share=strong_share), router_weights())
    tiers = [
        router.decide(Question(Turn(rng.choice(requests).text))).tier
        for _ in range(ROUTED)
    ]
    kept = sum(tier == "complex" for tier in tiers) / ROUTED
    usd = {
        tier: sum(n * price for n, price in zip(TURN_TOKENS, prices, strict=True)) / 1e6
        for tier, prices in USD_A_MILLION.items()
    }
    mean = kept * usd["complex"] + (1 - kept) * usd["simple"]
    return {
        "strong_share": round(kept, 3),
        "usd_a_minute": round(TURNS_A_MINUTE * mean, 5),
    }
