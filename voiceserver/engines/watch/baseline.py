"""The file that says what providers' answers used to be: read, written, checked.

JSON, a provider to a name, each pinned to the model that answered: a baseline of
another model is refused rather than compared with. Holds numbers and no text.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from voiceserver.engines.watch.drift import Usual
from voiceserver.errors import ConfigError

FORMAT = 1
MOST = 10_000  # numbers of a signal
_SERIES = ("first_ms", "characters", "confidence")
_COUNTS = ("failed", "refused", "escalated", "of")


@dataclass(frozen=True, slots=True)
class Quality:
    """How good answers to the questions of a baseline were, and what they took.

    Attributes:
        right: Of those that can be checked.
        checked: How many were.
        tokens_in: Sent, of all answers together.
        tokens_out: Received.
        cost_usd: By the configured prices.
    """

    right: int = 0
    checked: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd: float = 0.0


@dataclass(frozen=True, slots=True)
class Baseline:
    """What one provider's answers used to be.

    Attributes:
        version: Of the model, as ``TextModel.version`` says it.
        recorded: When, as ``"2026-11-28"``.
        usual: The numbers that live answers are compared with.
        quality: What only the same questions tell.
    """

    version: str
    recorded: str
    usual: Usual
    quality: Quality = Quality()


def read(path: Path, today: date | None = None) -> dict[str, Baseline]:
    """Read a file.

    Args:
        path: Of the file.
        today: The day it is, by default the machine's.

    Raises:
        ConfigError: If it cannot be read, is no baseline, or was recorded on a day to
            come; says where and what to do.
    """
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"drift.baseline: {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"drift.baseline: {path} is not JSON: {error}") from error
    if not isinstance(tree, dict) or tree.get("format") != FORMAT:
        raise ConfigError(
            f"drift.baseline: {path} is no baseline of format {FORMAT}; record one "
            "with: voiceserver baseline record"
        )
    providers = tree.get("providers")
    if not isinstance(providers, dict):
        raise ConfigError(f"drift.baseline: {path}: providers must be a table")
    found = {
        str(name): _baseline(f"drift.baseline: {path}: providers.{name}", one)
        for name, one in providers.items()
    }
    # One day more: where it was recorded the next may have begun.
    newest = (today or date.today()) + timedelta(days=1)
    for name, one in found.items():
        if _day(one.recorded) > newest:
            raise ConfigError(
                f'drift.baseline: {path}: "{name}" was recorded on {one.recorded}, '
                "which is to come: set this machine's clock, or record it anew with: "
                "voiceserver baseline record"
            )
    return found


def written(baselines: Mapping[str, Baseline]) -> str:
    """The text of a file; the same for the same baselines."""
    providers = {
        name: {"version": one.version, "recorded": one.recorded}
        | dataclasses.asdict(one.quality)
        | dataclasses.asdict(one.usual)
        for name, one in sorted(baselines.items())
    }
    return json.dumps({"format": FORMAT, "providers": providers}, indent=1) + "\n"


def usual_of(
    baselines: Mapping[str, Baseline], versions: Mapping[str, str]
) -> dict[str, Usual]:
    """What is usual of each provider that is pinned as its baseline was.

    Args:
        baselines: By provider.
        versions: Of the configured providers' models.

    Raises:
        ConfigError: If a provider's model is another one than was recorded.
    """
    found = {}
    for name, version in versions.items():
        one = baselines.get(name)
        if one is None:
            continue
        if one.version != version:
            raise ConfigError(
                f'drift.baseline: "{name}" was recorded as {one.version} on '
                f"{one.recorded} and is {version} now; record it anew with: "
                "voiceserver baseline record"
            )
        found[name] = one.usual
    return found


def _baseline(where: str, one: Any) -> Baseline:
    if not isinstance(one, dict):
        raise ConfigError(f"{where} must be a table")
    counts = {key: _count(f"{where}.{key}", one.get(key, 0)) for key in _COUNTS}
    for key in ("failed", "refused", "escalated"):
        if counts[key] > counts["of"]:
            raise ConfigError(f"{where}.{key} is more than there were: {counts['of']}")
    if counts["of"] < 30:
        raise ConfigError(f"{where}: {counts['of']} answers are too few, 30 are needed")
    first_ms, characters, confidence = (
        _series(f"{where}.{key}", one.get(key, [])) for key in _SERIES
    )
    usual = Usual(first_ms, characters, confidence, *counts.values())
    told = str(one.get("version", "")), str(one.get("recorded", ""))
    return Baseline(*told, usual, _quality(where, one))


def _quality(where: str, one: dict[str, Any]) -> Quality:
    """How good they were; a file may say nothing of it."""
    keys = ("right", "checked", "tokens_in", "tokens_out")
    counts = {key: _count(f"{where}.{key}", one.get(key, 0)) for key in keys}
    if counts["right"] > counts["checked"]:
        raise ConfigError(f"{where}.right is more than checked: {counts['checked']}")
    (cost_usd,) = _series(f"{where}.cost_usd", [one.get("cost_usd", 0.0)])
    return Quality(**counts, cost_usd=cost_usd)


def _day(recorded: str) -> date:
    """When a baseline was recorded; long ago where it does not say."""
    try:
        return date.fromisoformat(recorded)
    except ValueError:
        return date.min


def _count(where: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ConfigError(f"{where} must be a whole number")
    return value


def _series(where: str, value: Any) -> list[float]:
    if not isinstance(value, list) or len(value) > MOST:
        raise ConfigError(f"{where} must be a list of at most {MOST} numbers")
    for one in value:
        known = isinstance(one, int | float) and not isinstance(one, bool)
        if not (known and math.isfinite(one)):
            raise ConfigError(f"{where} must hold numbers only")
    return [float(one) for one in value]
