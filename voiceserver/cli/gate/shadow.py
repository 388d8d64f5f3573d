"""``voiceserver shadow``: how candidates stand against the model that callers hear."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from voiceserver.cli.arguments import EXIT_GOOD
from voiceserver.config import Config
from voiceserver.engines.watch.drift import LEARNT, Answered, Drift
from voiceserver.engines.watch.standings import Compared, Standing, read, standing
from voiceserver.errors import ConfigError


def report(config: Config, path: Path | None = None) -> int:
    """Print how each candidate stands; ``path`` is by default the configured record."""
    path = path or Path(config.shadow.file)
    if path == Path():
        raise ConfigError("name the record: voiceserver shadow report FILE")
    try:
        with path.open(encoding="utf-8") as lines:
            record = read(lines)
    except OSError as error:
        raise ConfigError(
            f"{path}: {error.strerror}; nothing was compared yet"
        ) from None
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    for (name, version), compared in record.items():
        print(_told(name, version, standing(compared)))
        print(f"  {drifted(compared)}")
    if not record:
        print("nothing was compared yet")
    return EXIT_GOOD


def _told(name: str, version: str, one: Standing) -> str:
    return (
        f"{name} ({version}): {one.advice}\n"
        f"  better or as good in {one.rate:.1%} ({one.low:.1%} to {one.high:.1%}), "
        f"{one.wins} wins, {one.ties} ties of {one.answers}; {one.failed:.1%} failed\n"
        f"  first words {_ms(one.first_ms)} (live {_ms(one.live_first_ms)}), "
        f"${1000 * one.cost_usd:.3f} a thousand answers "
        f"(live ${1000 * one.live_cost_usd:.3f})"
    )


def drifted(record: Iterable[Compared]) -> str:
    """Whether the candidate's newest answers are as its first ones were."""
    drift = Drift()
    for one in record:
        drift.observe(Answered(one.first_ms, failed=one.failed))
    if drift.usual is None:
        return f"drift: told from {LEARNT[0]} answers on"
    shifts = [
        f"first words {_ms(shift.usual)} to {_ms(shift.now)}"
        if signal == "first_words"
        else f"{signal} {shift.usual:.1%} to {shift.now:.1%}"
        for signal, shift in drift.alarmed.items()
    ]
    return f"drift: {', '.join(shifts) or 'none'}"


def _ms(value: float | None) -> str:
    return "never" if value is None else f"{value:.0f} ms"
