"""How well scores tell two kinds apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def auc(scores: Sequence[float], positive: Sequence[bool]) -> float:
    """Area under the ROC curve; ties count half. 0.5 tells nothing apart."""
    values, of = np.asarray(scores, float), np.asarray(positive, bool)
    if of.all() or not of.any():
        raise ValueError("an AUC needs both kinds")
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    n = of.sum()
    return float((ranks[of].sum() - n * (n + 1) / 2) / (n * (len(of) - n)))


def interval(
    scores: Sequence[float],
    positive: Sequence[bool],
    groups: Sequence[int],
    draws: int = 1000,
) -> tuple[float, float]:
    """95 % of the AUC by resampling whole groups, as texts of one are alike."""
    rng = np.random.default_rng(0)
    values, of, group = map(np.asarray, (scores, positive, groups))
    members = [np.flatnonzero(group == each) for each in np.unique(group)]
    areas: list[float] = []
    while len(areas) < draws:
        chosen = rng.integers(0, len(members), len(members))
        rows = np.concatenate([members[each] for each in chosen])
        if of[rows].all() or not of[rows].any():
            continue
        areas.append(auc(list(values[rows]), list(of[rows])))
    low, high = np.quantile(areas, [0.025, 0.975])
    return float(low), float(high)
