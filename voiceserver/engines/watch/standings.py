"""What a candidate's record of shadow answers says: promote it, keep, or wait. Pure.

Half a win for a tie, with an interval (Wilson's) so that few answers say little.
"""

from __future__ import annotations

import json
import math
import statistics
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
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


@dataclass(slots=True)
class Tally:
    """Sums up comparisons of one candidate as they come."""

    n: int = 0
    wins: int = 0
    ties: int = 0
    failed: int = 0
    cost_usd: float = 0.0
    live_cost_usd: float = 0.0
    _first_ms: array[float] = field(default_factory=lambda: array("d"))
    _live_first_ms: array[float] = field(default_factory=lambda: array("d"))

    def add(self, one: Compared) -> None:
        """Take one more."""
        self.n += 1
        self.wins += one.verdict == "candidate"
        self.ties += one.verdict == "tie"
        self.failed += one.failed
        self.cost_usd += one.cost_usd
        self.live_cost_usd += one.live_cost_usd
        for ms, all_ms in (
            (one.first_ms, self._first_ms),
            (one.live_first_ms, self._live_first_ms),
        ):
            if ms is not None:
                all_ms.append(ms)

    @property
    def standing(self) -> Standing:
        """How it stands.

        Raises:
            ValueError: If there was none.
        """
        if not self.n:
            raise ValueError("record must not be empty")
        rate = (self.wins + self.ties / 2) / self.n
        low, high = interval(rate, self.n)
        return Standing(
            self.n,
            self.wins,
            self.ties,
            rate,
            low,
            high,
            self.failed / self.n,
            _median(self._first_ms),
            _median(self._live_first_ms),
            self.cost_usd / self.n,
            self.live_cost_usd / self.n,
            _advice(self.n, low, high, self.cost_usd < self.live_cost_usd),
        )


def standing(record: Sequence[Compared]) -> Standing:
    """Sum up a candidate's record.

    Raises:
        ValueError: If there is none.
    """
    tally = Tally()
    for one in record:
        tally.add(one)
    return tally.standing


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


def _median(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None
