"""How likely it is that a turn needs a strong model, from trained weights. Pure.

Two formulas, both logistic: each topic of ``topics`` from its own numbers, and the
score from ``features`` and the topics. Weights are read from text; a file of another
version of the formula is refused.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import mul

from voiceserver.errors import ConfigError
from voiceserver.routing.features import NAMES, features
from voiceserver.routing.topics import TOPIC_NAMES, TOPICS, topic_rows
from voiceserver.routing.turns import Turn

VERSION = 1  # of the formula; grows with every change of the features
SCORE_NAMES = (*NAMES, *TOPICS)
REASONS = 3  # features that a score is explained by
TELLING = 0.25  # log-odds that one of them adds


@dataclass(frozen=True, slots=True)
class Scored:
    """What the weights say of a turn.

    Attributes:
        complex: Probability that it needs a strong model.
        topics: Probability of each of ``TOPICS``.
        said: What each of ``SCORE_NAMES`` adds to its log-odds.
    """

    complex: float
    topics: Mapping[str, float]
    said: tuple[float, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """Names of the features that spoke most for it, strongest first."""
        told = [at for at in range(1, len(self.said)) if self.said[at] > TELLING]
        told.sort(key=lambda at: -self.said[at])
        return tuple(SCORE_NAMES[at] for at in told[:REASONS])


@dataclass(frozen=True, slots=True)
class RouterWeights:
    """Weights of the formulas.

    Attributes:
        name: Of the training that made them.
        score: One for each of ``SCORE_NAMES``.
        topics: For each of ``TOPICS``, one for each of ``TOPIC_NAMES``.
        begins: From which probability on a turn is of a topic.
        shares: Scores at the percentiles 0..100 of the labelled set: where a share of
            turns is cut off before a server has seen turns of its own.
    """

    name: str
    score: tuple[float, ...]
    topics: Mapping[str, tuple[float, ...]]
    begins: Mapping[str, float]
    shares: tuple[float, ...]

    def scored(self, turn: Turn, tools: int = 0) -> Scored:
        """Weigh a turn."""
        topics = {
            topic: chance(_sum(self.topics[topic], row))
            for topic, row in topic_rows(turn.words).items()
        }
        row = (*features(turn, tools), *topics.values())
        said = tuple(map(mul, self.score, row))
        return Scored(chance(sum(said)), topics, said)

    def threshold(self, share: float) -> float:
        """The score that ``share`` of the labelled requests reach."""
        place = min(max(1.0 - share, 0.0), 1.0) * (len(self.shares) - 1)
        low = min(int(place), len(self.shares) - 2)
        part = place - low
        return self.shares[low] * (1 - part) + self.shares[low + 1] * part


def chance(log_odds: float) -> float:
    """The probability of log-odds."""
    return 1 / (1 + math.exp(-min(max(log_odds, -60.0), 60.0)))


def _sum(weights: Sequence[float], values: Sequence[float]) -> float:
    return float(sum(map(mul, weights, values)))


def read_weights(text: str) -> RouterWeights:
    """Read weights as ``scripts/router`` writes them.

    Raises:
        ConfigError: If they are none, or of another version of the formula.
    """
    try:
        read = json.loads(text)
        version = read["version"]
        if version != VERSION:
            raise ConfigError(f"router weights of version {version}, not {VERSION}")
        weights = RouterWeights(
            str(read["name"]),
            _row(read["score"], SCORE_NAMES),
            {topic: _row(read["topics"][topic], TOPIC_NAMES) for topic in TOPICS},
            {topic: float(read["begins"][topic]) for topic in TOPICS},
            tuple(map(float, read["shares"])),
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ConfigError(f"router weights cannot be read: {error!r}") from None
    numbers = [*weights.score, *weights.shares, *weights.begins.values()]
    if len(weights.shares) < 2 or not all(map(math.isfinite, numbers)):
        raise ConfigError("router weights: a number is missing, or not finite")
    return weights


def _row(named: Mapping[str, float], names: Sequence[str]) -> tuple[float, ...]:
    unknown = set(named) - set(names)
    if unknown:
        raise ConfigError(f"router weights: unknown feature '{min(unknown)}'")
    return tuple(float(named.get(name, 0.0)) for name in names)
