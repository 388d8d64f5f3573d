"""What a calibration is worth, measured on the answers that it was made from.

Figures are of answers that the map did not see: it is fitted on four fifths and judged
on the rest, in turn. Pure.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from voiceserver.engines.gate.calibration import Isotonic, calibration_error, fit
from voiceserver.engines.gate.confidence import Beginning, area, raw

FOLDS = 5
DRAWS = 500
THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True, slots=True)
class Checked:
    """One answer that was checked.

    Attributes:
        beginning: What was known of it at its first clause.
        right: Whether it was right.
    """

    beginning: Beginning
    right: bool


@dataclass(frozen=True, slots=True)
class Worth:
    """How well confidence tells right from wrong.

    Attributes:
        answers: How many were checked.
        right: Share of them that was right.
        auc: Of telling right from wrong; None where all were alike.
        auc_95: Its interval; None with it.
        ece_before: Of the tokens' mean probability taken as it is; None without any.
        ece_after: Of the map.
        escalated: For each of ``THRESHOLDS``: the threshold, the share of answers below
            it, the share of wrong answers below it (None where none was wrong).
        reliability: Mean chance, share right and number, for each bin that has any.
    """

    answers: int
    right: float
    auc: float | None
    auc_95: tuple[float, float] | None
    ece_before: float | None
    ece_after: float
    escalated: tuple[tuple[float, float, float | None], ...]
    reliability: tuple[tuple[float, float, int], ...]


def measured(checked: Sequence[Checked]) -> tuple[Isotonic, Worth]:
    """Fit a map on all answers; tell what it is worth.

    Raises:
        ValueError: If there are none.
    """
    raws = [raw(each.beginning) for each in checked]
    right = [each.right for each in checked]
    chances = unseen(raws, right)
    worth = Worth(
        len(checked),
        sum(right) / max(len(right), 1),
        area(raws, right),
        _interval(raws, right),
        _before(checked),
        calibration_error(chances, right),
        tuple(_below(threshold, chances, right) for threshold in THRESHOLDS),
        _reliability(chances, right),
    )
    return fit(raws, right), worth


def unseen(raws: Sequence[float], right: Sequence[bool]) -> list[float]:
    """Chance of each by a map that was fitted without it."""
    order = list(range(len(raws)))
    random.Random(0).shuffle(order)
    chances = [0.0] * len(raws)
    for fold in range(FOLDS):
        kept = order[fold::FOLDS]
        rest = [at for at in order if at not in set(kept)] or kept
        made = fit([raws[at] for at in rest], [right[at] for at in rest])
        for at in kept:
            chances[at] = made(raws[at])
    return chances


def _before(checked: Sequence[Checked]) -> float | None:
    told = [each for each in checked if each.beginning.logprobs]
    if not told:
        return None
    means = [
        math.exp(sum(each.beginning.logprobs) / len(each.beginning.logprobs))
        for each in told
    ]
    return calibration_error(means, [each.right for each in told])


def _interval(
    raws: Sequence[float], right: Sequence[bool]
) -> tuple[float, float] | None:
    rng, areas = random.Random(0), []
    for _ in range(DRAWS):
        rows = [rng.randrange(len(raws)) for _ in raws]
        found = area([raws[at] for at in rows], [right[at] for at in rows])
        if found is not None:
            areas.append(found)
    if not areas:
        return None
    areas.sort()
    return areas[len(areas) // 40], areas[-1 - len(areas) // 40]


def _below(
    threshold: float, chances: Sequence[float], right: Sequence[bool]
) -> tuple[float, float, float | None]:
    below = [chance < threshold for chance in chances]
    wrong = [not each for each in right]
    caught = sum(b and w for b, w in zip(below, wrong, strict=True))
    share = sum(below) / len(below)
    return threshold, share, caught / sum(wrong) if any(wrong) else None


def _reliability(
    chances: Sequence[float], right: Sequence[bool]
) -> tuple[tuple[float, float, int], ...]:
    bins: dict[int, list[tuple[float, bool]]] = {}
    for chance, is_right in zip(chances, right, strict=True):
        bins.setdefault(min(int(chance * 10), 9), []).append((chance, is_right))
    return tuple(
        (
            sum(c for c, _ in each) / len(each),
            sum(r for _, r in each) / len(each),
            len(each),
        )
        for _, each in sorted(bins.items())
    )


def plot(worth: Worth, title: str) -> str:
    """Draw the reliability as SVG: chance along, share right up, dots by number."""
    side, edge = 320, 40
    dots = "".join(
        f'<circle cx="{edge + chance * side:.1f}" cy="{edge + (1 - share) * side:.1f}" '
        f'r="{3 + 12 * math.sqrt(n / worth.answers):.1f}" fill="#3b6fb6" '
        'fill-opacity="0.7"/>'
        for chance, share, n in worth.reliability
    )
    far = edge + side
    safe = title.replace("&", "&amp;").replace("<", "&lt;")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{side + 2 * edge}" '
        f'height="{side + 2 * edge}" font-family="sans-serif" font-size="12">'
        f'<rect width="100%" height="100%" fill="white"/>'
        f'<rect x="{edge}" y="{edge}" width="{side}" height="{side}" fill="none" '
        'stroke="#999"/>'
        f'<path d="M{edge} {far}L{far} {edge}" stroke="#999" stroke-dasharray="4"/>'
        f"{dots}"
        f'<text x="{edge}" y="{edge - 12}">{safe}: ECE {worth.ece_after:.3f}</text>'
        f'<text x="{edge}" y="{far + 24}">p(right) 0 to 1, up: share right</text>'
        "</svg>\n"
    )
