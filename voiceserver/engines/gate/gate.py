"""Whether the beginning of a cheap model's answer is said, or a stronger one asked.

Decides from a calibration of the very provider and version; holds nothing, asks
nobody: ``providers/text_chain`` does, before the first clause is let through.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from voiceserver.engines.gate.calibration import Calibration, read
from voiceserver.engines.gate.confidence import (
    FEWEST,
    TEXT_ALONE,
    Beginning,
    faults,
    raw,
    source,
)
from voiceserver.errors import ConfigError

# Something of the kind is never said, whatever the calibration makes of it.
NEVER = frozenset(("empty", "tool_call", "markup"))


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the gate makes of a beginning.

    Attributes:
        confidence: Probability that the answer is right.
        source: What it comes from: ``"logprobs+text"`` or ``"text"``.
        faults: Of its text, by name.
        passes: It is said.
    """

    confidence: float
    source: str
    faults: tuple[str, ...]
    passes: bool


class Gate:
    """Judges beginnings of answers.

    Args:
        least: Probability of being right below which a stronger model is asked.
        calibrations: By provider.
        limit_s: From the asking on: later no other is asked, what is there is said.
    """

    def __init__(
        self, least: float, calibrations: Mapping[str, Calibration], limit_s: float
    ) -> None:
        self._least = least
        self._calibrations = calibrations
        self.limit_s = limit_s

    def judge(self, provider: str, beginning: Beginning) -> Judgement:
        """Judge what a calibrated provider begins to say."""
        maps = self._calibrations[provider].maps
        kind = source(beginning)
        if kind not in maps:  # it tells none today, or told none then
            kind, beginning = (
                TEXT_ALONE,
                Beginning(beginning.text, beginning.asked, (), beginning.language),
            )
        found = faults(beginning)
        chance = maps[kind](raw(beginning))
        passes = chance >= self._least and NEVER.isdisjoint(found)
        return Judgement(chance, kind, found, passes)

    @property
    def reliability(self) -> list[dict[str, object]]:
        """What its maps were measured to be worth, as JSON."""
        return [
            {"provider": name, "model": each.model, "source": kind} | asdict(worth)
            for name, each in self._calibrations.items()
            for kind, worth in each.measured.items()
        ]

    def judges(self, provider: str) -> bool:
        """Whether it knows a provider."""
        return provider in self._calibrations


def enough_tokens(text: str, n_tokens: int) -> bool:
    """Whether a first clause has tokens enough to be judged, or ends a sentence."""
    return (
        n_tokens == 0 or n_tokens >= FEWEST or text.rstrip().endswith((".", "!", "?"))
    )


def opened_gate(
    path: str, least: float, models: Mapping[str, str], limit_s: float
) -> Gate:
    """Read the calibration of the cheap tier.

    Args:
        path: The file; ``""`` if none is configured.
        least: See ``Gate``.
        models: Version of the model, by provider of the cheap tier.
        limit_s: See ``Gate``.

    Raises:
        ConfigError: If a provider has no calibration, or one of another version.
    """
    if not path:
        raise ConfigError(
            "[router] least_confidence needs a calibration: run voiceserver calibrate "
            "PROVIDER --write FILE and set calibration = FILE"
        )
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ConfigError(
            f"[router] calibration: {path}: {why}: run voiceserver calibrate PROVIDER "
            f"--write {path}"
        ) from None
    found = read(text, path)
    for provider, model in models.items():
        known = found.get(provider)
        if known is None:
            raise ConfigError(
                f"[router] calibration: {path} has none of {provider!r}: run "
                f"voiceserver calibrate {provider}"
            )
        if known.model != model:
            raise ConfigError(
                f"[router] calibration: {path} is of {provider!r} with model "
                f"{known.model!r}, not {model!r}: run voiceserver calibrate {provider}"
            )
    return Gate(least, {name: found[name] for name in models}, limit_s)
