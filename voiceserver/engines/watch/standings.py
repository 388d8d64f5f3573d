"""What a candidate's record of shadow answers says: promote it, keep, or wait. Pure.

Half a win for a tie, with an interval (Wilson's) so that few answers say little.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal, get_args

from voiceserver.engines.watch.verdict import Verdict
from voiceserver.errors import ConfigError

ENOUGH = 100  # comparisons, at least
EVEN = 0.5
NOT_WORSE = 0.45  # a lower bound that will do for a candidate that costs less
_Z = 1.96  # 95 %

Advice = Literal["promote", "keep", "not enough yet"]


@dataclass(frozen=True, slots=True)
class Compared:
    """One request that both have answered; no text.

    Attributes:
        candidate: Name of the candidate.
        version: Of its model.
        live: Who answered the caller.
        verdict: Who was better.
        by: ``"sight"`` or ``"judge"``.
        first_ms: To the candidate's first words; None if it failed.
        live_first_ms: To those the caller heard.
        cost_usd: Of the candidate's answer.
        live_cost_usd: Of the caller's.
        failed: The candidate gave no answer.
    """

    candidate: str
    version: str
    live: str
    verdict: Verdict
    by: str
    first_ms: float | None
    live_first_ms: float | None
    cost_usd: float
    live_cost_usd: float
    failed: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """How a candidate stands against who is live.

    Attributes:
        answers: Compared.
        wins: It was better.
        ties: Neither was.
        rate: Wins and half the ties, of all.
        low: Lower end of the rate's interval, 95 %.
        high: Upper end.
        failed: Share of its answers that failed.
        first_ms: Its median; None without an answer.
        live_first_ms: Median of those that callers heard.
        cost_usd: Mean of its answers.
        live_cost_usd: Mean of the others.
        advice: What to do.
    """

    answers: int
    wins: int
    ties: int
    rate: float
    low: float
    high: float
    failed: float
    first_ms: float | None
    live_first_ms: float | None
    cost_usd: float
    live_cost_usd: float
    advice: Advice


def standing(record: Sequence[Compared]) -> Standing:
    """Sum up a candidate's record.

    Raises:
        ValueError: If there is none.
    """
    if not record:
        raise ValueError("record must not be empty")
    n = len(record)
    wins = sum(one.verdict == "candidate" for one in record)
    ties = sum(one.verdict == "tie" for one in record)
    rate = (wins + ties / 2) / n
    low, high = interval(rate, n)
    cost = statistics.fmean(one.cost_usd for one in record)
    live_cost = statistics.fmean(one.live_cost_usd for one in record)
    failed = sum(one.failed for one in record) / n
    return Standing(
        n,
        wins,
        ties,
        rate,
        low,
        high,
        failed,
        _median(one.first_ms for one in record),
        _median(one.live_first_ms for one in record),
        cost,
        live_cost,
        _advice(n, low, high, cost < live_cost),
    )


def interval(rate: float, n: int) -> tuple[float, float]:
    """Wilson's interval of a share, 95 %."""
    middle = (rate + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = math.sqrt(rate * (1 - rate) / n + _Z**2 / (4 * n**2)) * _Z / (1 + _Z**2 / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def line(one: Compared) -> str:
    """A line of a record's file."""
    return json.dumps(asdict(one)) + "\n"


def read(lines: Iterable[str]) -> dict[tuple[str, str], list[Compared]]:
    """Read a record's file, by candidate and version.

    Raises:
        ConfigError: If a line is none; names it.
    """
    found: dict[tuple[str, str], list[Compared]] = {}
    for number, text in enumerate(lines, 1):
        try:
            one = Compared(**json.loads(text))
            good = one.verdict in get_args(Verdict)
            numbers = (one.cost_usd, one.live_cost_usd, one.first_ms or 0.0)
            good = good and all(isinstance(each, int | float) for each in numbers)
        except (ValueError, TypeError, RecursionError):
            good = False
        if not good:
            raise ConfigError(f"line {number} is no comparison of a shadow answer")
        found.setdefault((one.candidate, one.version), []).append(one)
    return found


def _advice(n: int, low: float, high: float, cheaper: bool) -> Advice:
    if n < ENOUGH:
        return "not enough yet"
    if low > EVEN or (cheaper and low >= NOT_WORSE):
        return "promote"
    return (
        "keep"
        if high < EVEN or (not cheaper and low >= NOT_WORSE)
        else "not enough yet"
    )


def _median(values: Iterable[float | None]) -> float | None:
    known = [one for one in values if one is not None]
    return statistics.median(known) if known else None
