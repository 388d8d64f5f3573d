"""What a record says of a candidate."""

from __future__ import annotations

import pytest

from voiceserver.engines.watch.standings import (
    Compared,
    interval,
    line,
    read,
    standing,
)
from voiceserver.engines.watch.verdict import Verdict
from voiceserver.errors import ConfigError


def compared(verdict: Verdict, cost_usd: float = 1e-4) -> Compared:
    return Compared("c", "v", "live", verdict, "judge", 100, 200, cost_usd, 1e-4, False)


def record(wins: int, ties: int, losses: int, cost_usd: float = 1e-4) -> list[Compared]:
    counts: dict[Verdict, int] = {"candidate": wins, "tie": ties, "live": losses}
    return [compared(one, cost_usd) for one, n in counts.items() for _ in range(n)]


@pytest.mark.parametrize(
    ("wins", "ties", "losses", "cost_usd", "advice"),
    [
        (99, 0, 0, 1e-4, "not enough yet"),
        (70, 10, 20, 1e-4, "promote"),
        (20, 10, 70, 1e-5, "keep"),
        (50, 900, 50, 1e-4, "keep"),  # as good and as dear: no reason to change
        (50, 900, 50, 1e-5, "promote"),  # as good and cheaper
        (50, 0, 50, 1e-5, "not enough yet"),
    ],
)
def test_advice_needs_enough_and_an_interval(
    wins: int, ties: int, losses: int, cost_usd: float, advice: str
) -> None:
    """Better, or as good for less."""
    assert standing(record(wins, ties, losses, cost_usd)).advice == advice


def test_an_interval_is_wilsons() -> None:
    """Within 0..1, narrower with more."""
    assert interval(0.5, 100) == pytest.approx((0.404, 0.596), abs=0.001)
    assert interval(0.0, 10)[0] == 0
    assert interval(1.0, 10)[1] == 1


def test_a_record_is_read_as_it_was_written() -> None:
    """By candidate and version; a line that is none is named."""
    lines = [line(one) for one in record(1, 1, 1)]
    assert read(lines) == {("c", "v"): record(1, 1, 1)}
    strange = line(compared("tie")).replace("tie", "x")
    for bad in ("{", "[]", '{"candidate": 1}', strange):
        with pytest.raises(ConfigError, match="line 4"):
            read([*lines, bad])
    with pytest.raises(ValueError, match="empty"):
        standing([])
