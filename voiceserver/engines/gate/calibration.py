"""What a provider's confidence is worth: an isotonic map from ``raw`` to p(right).

Learnt from answers that were checked, for one provider and one version of its model;
``voiceserver calibrate`` writes the file. Pure, but for reading a text.
"""

from __future__ import annotations

import bisect
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from voiceserver.errors import ConfigError

VERSION = 1  # of the file, and of how ``raw`` is made
BINS = 10


@dataclass(frozen=True, slots=True)
class Isotonic:
    """A map that never falls.

    Attributes:
        at: Raw confidences, rising.
        right: Probability of being right at each, never falling.
    """

    at: tuple[float, ...]
    right: tuple[float, ...]

    def __call__(self, raw: float) -> float:
        """Return p(right); between two points on the line, beyond them as at them."""
        if raw <= self.at[0]:
            return self.right[0]
        if raw >= self.at[-1]:
            return self.right[-1]
        high = bisect.bisect_right(self.at, raw)
        low = high - 1
        width = self.at[high] - self.at[low]
        part = (raw - self.at[low]) / width if width else 0.0
        return self.right[low] * (1 - part) + self.right[high] * part


def fit(raws: Sequence[float], right: Sequence[bool]) -> Isotonic:
    """Fit by pooling neighbours that fall; a prior of one right and one wrong each.

    Raises:
        ValueError: If there is nothing to fit.
    """
    if not raws:
        raise ValueError("no answers to fit")
    # Answers alike in all that is known of them have one chance.
    alike: dict[float, list[float]] = {}  # by raw: sum of raw, right, count
    for raw, is_right in zip(raws, right, strict=True):
        sums = alike.setdefault(raw, [0.0, 0.0, 0.0])
        alike[raw] = [sums[0] + raw, sums[1] + is_right, sums[2] + 1]
    blocks: list[list[float]] = []
    for _, block in sorted(alike.items()):
        blocks.append(block)
        while len(blocks) > 1 and _mean(blocks[-2]) >= _mean(blocks[-1]):
            last = blocks.pop()
            blocks[-1] = [a + b for a, b in zip(blocks[-1], last, strict=True)]
    at = tuple(block[0] / block[2] for block in blocks)
    held: list[float] = []
    for block in blocks:  # no block of few is wholly sure
        smooth = (block[1] + 1) / (block[2] + 2)
        held.append(max(smooth, held[-1]) if held else smooth)
    return Isotonic(at, tuple(held))


def _mean(block: Sequence[float]) -> float:
    return block[1] / block[2]


def calibration_error(chances: Sequence[float], right: Sequence[bool]) -> float:
    """ECE: mean distance of chance and share of right in ten bins of equal width."""
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(BINS)]
    for chance, is_right in zip(chances, right, strict=True):
        bins[min(int(chance * BINS), BINS - 1)].append((chance, is_right))
    return sum(
        abs(sum(chance for chance, _ in each) - sum(r for _, r in each))
        for each in bins
        if each
    ) / max(len(chances), 1)


@dataclass(frozen=True, slots=True)
class Reliability:
    """How often what a map says came true, of answers that it had not seen.

    Attributes:
        answers: How many were checked.
        ece_after: Its calibration error.
        reliability: Mean chance, share right and number, for each tenth that has any.
    """

    answers: int
    ece_after: float
    reliability: tuple[tuple[float, float, int], ...]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Of one provider and version.

    Attributes:
        provider: Its name.
        model: Version of its model.
        maps: By source of the confidence.
        measured: What they are worth, by source; empty where the file does not say.
    """

    provider: str
    model: str
    maps: Mapping[str, Isotonic]
    measured: Mapping[str, Reliability] = field(default_factory=dict)


def read(text: str, source: str) -> dict[str, Calibration]:
    """Read a file of calibrations, by provider.

    Args:
        text: JSON, as ``written``.
        source: Name of the file, for messages.

    Raises:
        ConfigError: If it is none, or of another version.
    """
    try:
        content = json.loads(text)
        if content["version"] != VERSION:
            raise ConfigError(
                f"{source}: version {content['version']}, not {VERSION}: run "
                "voiceserver calibrate again"
            )
        found = {
            str(name): Calibration(
                str(name),
                str(each["model"]),
                {str(kind): _map(points) for kind, points in each["maps"].items()},
                {
                    str(kind): _reliability(worth)
                    for kind, worth in (each.get("measured") or {}).items()
                },
            )
            for name, each in content["providers"].items()
        }
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ConfigError(f"{source}: no calibration: {error!r}") from None
    return found


def written(
    calibrations: Mapping[str, Calibration], measured: Mapping[str, object]
) -> str:
    """As JSON; ``measured`` by provider is for people."""
    providers = {
        name: {
            "model": each.model,
            "maps": {
                kind: {"at": list(points.at), "right": list(points.right)}
                for kind, points in each.maps.items()
            },
            "measured": measured.get(name),
        }
        for name, each in calibrations.items()
    }
    return json.dumps({"version": VERSION, "providers": providers}, indent=1) + "\n"


def _reliability(worth: Mapping[str, Any]) -> Reliability:
    bins = tuple(
        (float(chance), float(share), int(n))
        for chance, share, n in worth["reliability"]
    )
    made = Reliability(int(worth["answers"]), float(worth["ece_after"]), bins)
    shares = (made.ece_after, *(each for one in bins for each in one[:2]))
    if not all(0 <= each <= 1 for each in shares):
        raise ValueError("a reliability is made of shares")
    return made


def _map(points: Mapping[str, Sequence[float]]) -> Isotonic:
    made = Isotonic(tuple(map(float, points["at"])), tuple(map(float, points["right"])))
    rising = all(a <= b for a, b in zip(made.at, made.at[1:], strict=False))
    never_falls = all(a <= b for a, b in zip(made.right, made.right[1:], strict=False))
    finite = all(map(math.isfinite, (*made.at, *made.right)))
    whole = bool(made.at) and len(made.at) == len(made.right)
    within = all(0 <= each <= 1 for each in made.right)
    if not (rising and never_falls and finite and whole and within):
        raise ValueError("a map must rise from 0 to 1")
    return made
