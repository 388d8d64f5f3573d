"""Trains the router's weights: ``python -m scripts.router.train``.

Logistic regression on the labelled requests that are not kept out, topics first, then
the score over features and topics. Writes ``models/router/router.json`` and prints how
it does on what was kept out; ``benchmarks/router.py`` has the intervals and the plot.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from scripts.router.requests import Request, hard, made, parted
from scripts.router.scores import auc
from voiceserver.routing.features import features
from voiceserver.routing.score import SCORE_NAMES, VERSION, read_weights
from voiceserver.routing.topics import TOPIC_NAMES, TOPICS, topic_rows
from voiceserver.routing.turns import Turn

Numbers = NDArray[np.float64]
WEIGHTS = Path(__file__).resolve().parents[2] / "models" / "router" / "router.json"
NAME = "spoken requests, 1"
PENALTY = 5.0  # on the squares of the score's weights: wordings are few
TOPIC_PENALTY = 1.0
RECALL = 0.95  # of a topic's requests in training; from there on a turn is of it
LOWEST, HIGHEST = 0.15, 0.5  # where a topic may begin


def fit(rows: Numbers, wanted: Numbers, penalty: float) -> Numbers:
    """Return the weights that make the labels most probable; the first is the bias."""
    free = np.ones(rows.shape[1])
    free[0] = 0.0

    def loss(weights: Numbers) -> tuple[float, Numbers]:
        sums = rows @ weights
        value = np.logaddexp(0, -np.where(wanted > 0, sums, -sums)).sum()
        value += penalty / 2 * float((free * weights**2).sum())
        slope = rows.T @ (1 / (1 + np.exp(-sums)) - wanted) + penalty * free * weights
        return float(value), slope

    start = np.zeros(rows.shape[1])
    made_ = minimize(loss, start, jac=True, method="L-BFGS-B")
    return np.asarray(made_.x, np.float64)


def trained(requests: Sequence[Request]) -> dict[str, object]:
    """Train on requests; returns what is written to the file."""
    turns = [Turn(request.text) for request in requests]
    topics, begins, chances = {}, {}, []
    for topic in TOPICS:
        rows = np.array([topic_rows(turn.words)[topic] for turn in turns])
        wanted = np.array([float(topic in each.topics) for each in requests])
        weights = fit(rows, wanted, TOPIC_PENALTY)
        chance = 1 / (1 + np.exp(-rows @ weights))
        cut = float(np.quantile(chance[wanted > 0], 1 - RECALL))
        begins[topic] = round(min(max(cut, LOWEST), HIGHEST), 3)
        topics[topic] = _named(TOPIC_NAMES, weights)
        chances.append(chance)
    rows = np.array([features(turn) for turn in turns])
    rows = np.hstack([rows, np.array(chances).T])
    wanted = np.array([float(each.complex) for each in requests])
    weights = fit(rows, wanted, PENALTY)
    scores = 1 / (1 + np.exp(-rows @ weights))
    shares = np.quantile(scores, np.linspace(0, 1, 101))
    return {
        "version": VERSION,
        "name": NAME,
        "trained": {
            "requests": len(requests),
            "templates": len({each.source for each in requests}),
            "complex": int(wanted.sum()),
        },
        "score": _named(SCORE_NAMES, weights),
        "topics": topics,
        "begins": begins,
        "shares": [round(float(score), 4) for score in shares],
    }


def _named(names: Sequence[str], weights: Numbers) -> dict[str, float]:
    pairs = zip(names, map(float, weights), strict=True)
    rounded = {name: round(weight, 4) for name, weight in pairs}
    return {name: weight for name, weight in rounded.items() if weight}


def main() -> None:
    """Train, write, and tell how it does."""
    parser = argparse.ArgumentParser(description="Train the router's weights.")
    parser.add_argument("--write", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    train, kept = parted(made())
    text = json.dumps(trained(train), indent=1) + "\n"
    options.write.parent.mkdir(parents=True, exist_ok=True)
    options.write.write_text(text, "utf-8")
    weights = read_weights(text)
    for name, requests in (("kept out", kept), ("hard", hard())):
        scored = [weights.scored(Turn(each.text)) for each in requests]
        area = auc([each.complex for each in scored], [r.complex for r in requests])
        print(f"{name}: AUC {area:.3f} on {len(requests)} requests")
        for topic in TOPICS:
            of = [topic in each.topics for each in requests]
            hit = [s.topics[topic] >= weights.begins[topic] for s in scored]
            found = sum(a and b for a, b in zip(of, hit, strict=True))
            false = sum(b and not a for a, b in zip(of, hit, strict=True))
            print(f"  {topic}: {found} of {sum(of)} found, {false} false alarms")


if __name__ == "__main__":
    main()
