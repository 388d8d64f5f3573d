"""How long a pause must last for a turn to be over: evidence into a wait.

The chance that nobody goes on grows with the silence, and starts from what is known of
the turn: its sound, as a turn-end model hears it, its words, the pauses that this
speaker has made before. One logistic formula, whose weights are trained on recordings
(``scripts/turns``), says how it grows; how sure one wants to be, the eagerness, says
when it is enough. Pure. A recogniser's full stop is no evidence: recognisers end what
they are given (84 of 100 pauses in the middle of a turn got one from Whisper).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from voiceserver.config import TurnConfig
from voiceserver.errors import ConfigError
from voiceserver.turns.cues import Completeness, grade, is_backchannel

SCORED_MS = (200, 400, 600)  # silence after which the sound is scored
VERSION = 1  # of the formula; weights of another one are refused
FEATURES = (
    "bias",
    "silence",
    "sound",
    "complete",
    "incomplete",
    "wordless",
    "length",
    "pauses",
    "own_pause",
)
_SURE = 4.0  # log-odds beyond which a model's certainty counts no further
_USUAL_MS = 300.0  # of a pause within a turn
LONGER = 1.25  # than a pause that the speaker went on after
_SHORTEST_MS, _LONGEST_MS = 50.0, 10_000.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known in a pause.

    Attributes:
        sound: Probability of a turn-end model that the turn is over; of several in
            one pause their mean, which tells more than the last.
        words: Of the turn so far, as ``cues`` takes them; "" if none are known.
        known_complete: A grammar knows the words to be a whole request.
        voiced_ms: Speech of the turn so far.
        pauses_ms: Pauses that the speaker went on after: of this turn, newest last.
        habits_ms: The same of the turns before, in this call.
        language: Of the words, BCP 47; ``""`` is English.
    """

    sound: float
    words: str = ""
    known_complete: bool = False
    voiced_ms: float = 0.0
    pauses_ms: Sequence[float] = ()
    habits_ms: Sequence[float] = ()
    language: str = ""

    @property
    def grade(self) -> Completeness:
        """What the words say."""
        return grade(self.words, self.known_complete, self.language)


def log_odds(probability: float) -> float:
    """Logarithm of the odds, at most ``_SURE`` either way."""
    low = 1 / (1 + math.exp(_SURE))
    held = min(max(probability, low), 1 - low)
    return math.log(held / (1 - held))


def features(evidence: Evidence, silence_ms: float) -> tuple[float, ...]:
    """Return the numbers of ``FEATURES``; each is 0 where nothing is known."""
    judged = evidence.grade
    own = [*evidence.habits_ms, *evidence.pauses_ms]
    logs = [math.log(max(ms, _SHORTEST_MS) / _USUAL_MS) for ms in own]
    habit = sum(logs) / (len(logs) + 1)
    return (
        1.0,
        math.log(silence_ms / SCORED_MS[0]),
        log_odds(evidence.sound),
        float(judged is Completeness.COMPLETE),
        float(judged is Completeness.INCOMPLETE),
        float(not evidence.words or is_backchannel(evidence.words, evidence.language)),
        math.log(max(evidence.voiced_ms, 100.0) / 1000),
        float(len(evidence.pauses_ms) > 0),
        habit,
    )


@dataclass(frozen=True, slots=True)
class EndWeights:
    """Weights of the formula.

    Attributes:
        name: Of the training that made them.
        weights: By feature; those that are not named are 0.
    """

    name: str
    weights: Mapping[str, float]

    def __post_init__(self) -> None:
        unknown = set(self.weights) - set(FEATURES)
        if unknown:
            raise ConfigError(f"end weights: unknown feature '{min(unknown)}'")
        if not all(map(math.isfinite, self.weights.values())):
            raise ConfigError("end weights: a weight is not a finite number")
        if self.weights.get("silence", 0) <= 0:
            raise ConfigError("end weights: silence must weigh more than 0")

    def certainty(self, evidence: Evidence, silence_ms: float) -> float:
        """Return the probability that the turn is over after so much silence."""
        return 1 / (1 + math.exp(-self._sum(evidence, silence_ms)))

    def wait_ms(self, evidence: Evidence, certainty: float) -> float:
        """Return the silence after which the turn is over with this probability.

        Args:
            evidence: What is known.
            certainty: In (0, 1).
        """
        missing = math.log(certainty / (1 - certainty)) - self._sum(
            evidence, SCORED_MS[0]
        )
        grown = min(missing / self.weights["silence"], math.log(_LONGEST_MS))
        return min(SCORED_MS[0] * math.exp(grown), _LONGEST_MS)

    def _sum(self, evidence: Evidence, silence_ms: float) -> float:
        values = features(evidence, silence_ms)
        total = sum(
            self.weights.get(name, 0.0) * value
            for name, value in zip(FEATURES, values, strict=True)
        )
        return min(max(total, -500.0), 500.0)


def longest_ms(evidence: Evidence, config: TurnConfig) -> float:
    """Return the silence that ends a turn, however unfinished it sounds.

    One end in ten does, questions and answers of two words before all. Words that do
    not look unfinished set it a limit, but for a speaker who makes longer pauses.
    """
    if evidence.known_complete:
        return config.complete_ms
    if not evidence.words:
        return config.cap_ms
    by_words = {
        Completeness.COMPLETE: config.unclear_ms,
        Completeness.UNCLEAR: config.max_unclear_ms,
        Completeness.INCOMPLETE: config.cap_ms,
    }
    usual_ms = median(evidence.habits_ms) if evidence.habits_ms else 0.0
    own_ms = LONGER * max(usual_ms, *evidence.pauses_ms, 0.0)
    return min(max(by_words[evidence.grade], own_ms), config.cap_ms)


def read_weights(text: str) -> EndWeights:
    """Read weights as ``scripts/turns`` writes them.

    Raises:
        ConfigError: If they are none, or of another version of the formula.
    """
    try:
        read = json.loads(text)
        version, name, weights = read["version"], read["name"], read["weights"]
        numbers = {str(key): float(value) for key, value in weights.items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigError(f"end weights cannot be read: {error}") from None
    if version != VERSION:
        raise ConfigError(f"end weights of version {version}, not {VERSION}")
    return EndWeights(str(name), numbers)
