"""How well the router tells turns that need a strong model, and what it costs.

``python -m benchmarks.router`` judges ``models/router`` on requests of templates kept
out of its training and on the hard ones, and writes ``benchmarks/results/router.json``
and ``router.svg``: AUC with intervals by whole templates, topics found and falsely
found, the share of strong turns against the knob on other mixes of turns than it was
trained on, and processor time of a decision with 5,000 rules.

    python -m benchmarks.router --requests FILE    # yours: label | topics | text
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.drawing import plt
from benchmarks.figures import RESULTS, write
from benchmarks.processes import machine
from scripts.router.requests import Request, hard, lines_of, made, parted
from scripts.router.scores import auc, interval
from voiceserver.config import RouterConfig, RouterRule
from voiceserver.engines.providers.tiers import router_weights
from voiceserver.routing.router import Router
from voiceserver.routing.score import RouterWeights
from voiceserver.routing.topics import TOPICS
from voiceserver.routing.turns import Question, Turn

SHARES = (0.05, 0.1, 0.2, 0.35, 0.5, 0.75)
MIXES = (0.2, 0.5, 0.8)  # of complex turns among those that are asked
TURNS = 4000
DECISIONS = 2000
AGAIN = 5
RULES = 5000
DRAWS = 1000  # of the decisions anew, for an interval


def judged(weights: RouterWeights, requests: Sequence[Request]) -> dict[str, Any]:
    """AUC and topics on labelled requests."""
    scored = [weights.scored(Turn(each.text)) for each in requests]
    scores = [each.complex for each in scored]
    of = [each.complex for each in requests]
    groups = [each.source for each in requests]
    topics = {}
    for topic in TOPICS:
        is_of = [topic in each.topics for each in requests]
        found = [each.topics[topic] >= weights.begins[topic] for each in scored]
        topics[topic] = {
            "requests": sum(is_of),
            "found": sum(a and b for a, b in zip(is_of, found, strict=True)),
            "false": sum(b and not a for a, b in zip(is_of, found, strict=True)),
        }
    return {
        "requests": len(requests),
        "templates": len(set(groups)),
        "auc": round(auc(scores, of), 3),
        "auc_95": [round(each, 3) for each in interval(scores, of, groups)],
        "topics": topics,
    }


def shares(weights: RouterWeights, requests: Sequence[Request]) -> list[dict[str, Any]]:
    """What share of turns goes to the strong tier, for each setting and mix."""
    rows = []
    parts = {kind: [r for r in requests if r.complex is kind] for kind in (True, False)}
    for mix in MIXES:
        for share in SHARES:
            rng = random.Random(f"{mix} {share}")
            router = Router(RouterConfig(strong_share=share), weights)
            strong = right = 0
            for _ in range(TURNS):
                one = rng.choice(parts[rng.random() < mix])
                decided = router.decide(Question(Turn(one.text))).tier == "complex"
                strong += decided
                right += decided and one.complex
            rows.append(
                {
                    "complex_asked": mix,
                    "strong_share": share,
                    "kept": round(strong / TURNS, 4),
                    "of_them_complex": round(right / max(strong, 1), 3),
                }
            )
    return rows


def cost(weights: RouterWeights, requests: Sequence[Request]) -> dict[str, Any]:
    """Processor time of a decision, with four turns before it and 5,000 rules.

    Each the median of a few: a thread's time grows with what else the machine does.
    """
    rules = [
        RouterRule("complex", pattern=f"word{n} * other{n % 97}")
        for n in range(RULES - 1)
    ]
    rules.append(RouterRule("complex", topic="medical"))
    router = Router(RouterConfig(0.3, rule=tuple(rules)), weights)
    rng = random.Random(0)
    took = []
    for _ in range(DECISIONS):
        texts = [each.text for each in rng.sample(list(requests), 5)]
        times = []
        for _ in range(AGAIN):
            began = time.thread_time()
            turns = [Turn(text) for text in texts]
            router.decide(Question(turns[-1], tuple(turns[:-1])))
            times.append((time.thread_time() - began) * 1e3)
        took.append(statistics.median(times))
    drawn = np.random.default_rng(0).choice(took, (DRAWS, len(took)))
    tails = np.percentile(np.percentile(drawn, 99, axis=1), (2.5, 97.5))
    found = {f"p{q}": round(float(np.percentile(took, q)), 3) for q in (50, 95, 99)}
    return found | {"p99_95": [round(float(each), 3) for each in tails]}


def plot(result: dict[str, Any], path: Path) -> None:
    """Kept shares against the knob, and AUC with intervals."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6))
    for mix in MIXES:
        rows = [row for row in result["shares"] if row["complex_asked"] == mix]
        x = [row["strong_share"] for row in rows]
        left.plot(
            x, [row["kept"] for row in rows], "o-", label=f"{mix:.0%} complex asked"
        )
    left.plot([0, 1], [0, 1], color="#999999", lw=0.8)
    left.fill_between([0, 1], [-0.03, 0.97], [0.03, 1.03], alpha=0.15, color="#999999")
    left.set(xlabel="[router] strong_share", ylabel="share of strong turns")
    left.legend(fontsize=8)
    names = [name for name in ("kept_out", "hard", "own") if name in result]
    for at, name in enumerate(names):
        low, high = result[name]["auc_95"]
        area = result[name]["auc"]
        right.errorbar(at, area, [[area - low], [high - area]], fmt="o", capsize=4)
    right.axhline(0.9, color="#c0392b", ls="--", label="aim")
    right.set_xticks(range(len(names)), names)
    right.set(ylabel="AUC, 95 %", ylim=(0.5, 1.01))
    right.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Measure, write, draw."""
    parser = argparse.ArgumentParser(description="Judge the router.")
    parser.add_argument("--requests", type=Path, help="label | topics | text lines")
    options = parser.parse_args()
    weights = router_weights()
    _, kept = parted(made())
    result: dict[str, Any] = {"machine": machine(), "weights": weights.name}
    result["kept_out"] = judged(weights, kept)
    result["hard"] = judged(weights, hard())
    if options.requests:
        own = [
            Request(number, label == "complex", topics, text)
            for number, label, topics, text in lines_of(options.requests)
        ]
        result["own"] = judged(weights, own)
    result["shares"] = shares(weights, kept)
    result["decision_cpu_ms"] = cost(weights, kept)
    for name in ("kept_out", "hard", "own"):
        if name in result:
            print(name, result[name])
    worst = max(abs(row["kept"] - row["strong_share"]) for row in result["shares"])
    print(f"share kept within {worst:.3f}; a decision: {result['decision_cpu_ms']} ms")
    if not options.requests:
        write(RESULTS / "router.json", result)
        plot(result, RESULTS / "router.svg")


if __name__ == "__main__":
    main()
