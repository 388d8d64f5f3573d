"""How soon drifts of a provider are found, and how often one is told that is none.

``python -m benchmarks.drift`` simulates answers, no clock and no network: each named
drift begins after a usual day, at another hour each time, and is to be found within a
stated number of answers; usual months, of servers busy and quiet, are to raise no
alarm. Of each drift it counts, too, whether another signal was told in its place.
Writes ``benchmarks/results/drift.json`` and ``drift.svg``. Judges the watch, not any
provider: the answers are made up (``tests/engines/watch/weeks``).
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.drawing import plt
from benchmarks.figures import RESULTS, spread, write
from benchmarks.processes import machine
from tests.engines.watch.weeks import A_DAY, DRIFTS, Change, answers, slower
from voiceserver.engines.watch.drift import Answered, Drift, Usual

MONTH_DAYS = 30
RUNS = 40  # of each drift
Month = Callable[[int, int], Iterator[Answered]]  # seed, days


def busy(seed: int, days: int) -> Iterator[Answered]:
    """Fifteen hundred answers a day."""
    return answers(seed, A_DAY * days)


def quiet(seed: int, days: int) -> Iterator[Answered]:
    """Sixty a day."""
    return answers(seed, 60 * days, a_day=60)


def in_spells(seed: int, days: int) -> Iterator[Answered]:
    """Fifteen hundred a day, and thrice a day ten in a row come twice as late."""
    rng = np.random.default_rng(seed)
    left = 0
    for answer in answers(seed, A_DAY * days):
        left = 10 if rng.random() < 3 / A_DAY else max(left - 1, 0)
        yield slower(2)(answer, rng) if left else answer


MONTHS: dict[str, Month] = {"busy": busy, "quiet": quiet, "in spells": in_spells}


def found_after(change: Change, signal: str, within: int, seed: int) -> dict[str, Any]:
    """Let a drift begin after a usual day.

    Returns:
        ``after``, answers until its signal was told, None if it was not within twice
        what is stated; ``others``, what else was told until then.
    """
    drift = Drift()
    hours = seed * A_DAY // 24
    for answer in answers(seed, A_DAY + hours):
        drift.observe(answer)
    others: list[str] = []
    # The day goes on at the hour at which the drift begins.
    changed = answers(seed + 10_000, hours + 2 * within, change)
    for at, answer in enumerate(list(changed)[hours:], 1):
        for alarm in drift.observe(answer):
            if alarm.signal == signal:
                return {"after": at, "others": others}
            others.append(alarm.signal)
    return {"after": None, "others": others}


def named(runs: int) -> list[dict[str, Any]]:
    """How soon each named drift is found."""
    rows = []
    for name, signal, change, within in DRIFTS:
        found = [found_after(change, signal, within, seed) for seed in range(runs)]
        after = [one["after"] for one in found if one["after"] is not None]
        rows.append(
            {
                "drift": name,
                "signal": signal,
                "stated": within,
                "runs": runs,
                "found_in_time": sum(each <= within for each in after),
                "answers": spread(after),
                "others_told": sum(len(one["others"]) for one in found),
            }
        )
    return rows


def false_alarms(months: int) -> list[dict[str, Any]]:
    """What usual months tell, learnt from their own first answers and from a file."""
    rows = []
    for name, month in MONTHS.items():
        for of_baseline in (False, True):
            told = []
            for seed in range(months):
                usual = Usual.learnt(answers(seed + 500, 300)) if of_baseline else None
                drift = Drift(usual)
                told += [
                    alarm.signal
                    for answer in month(seed, MONTH_DAYS)
                    for alarm in drift.observe(answer)
                    if alarm.shift is not None
                ]
            rows.append(
                {
                    "answers": name,
                    "usual": "of a file" if of_baseline else "learnt",
                    "months": months,
                    "alarms": len(told),
                    "signals": sorted(set(told)),
                    # With none in so many months, 95 % sure that there are no more.
                    "a_month": round(len(told) / months, 3),
                    "a_month_at_most": round(_most(len(told)) / months, 3),
                }
            )
    return rows


def _most(n: int) -> float:
    """Upper end of the mean of a Poisson count, 95 %, one-sided."""
    high = float(n) + 3
    while sum(math.exp(-high) * high**k / math.factorial(k) for k in range(n + 1)) > (
        0.05
    ):
        high += 0.05
    return high


def plot(result: dict[str, Any], path: Path) -> None:
    """Answers until found, median to the 95th percentile, and what is stated."""
    rows = result["named"]
    figure, axis = plt.subplots(figsize=(8, 4.2))
    at = range(len(rows))
    found = [row["answers"] or {"p50": 0, "p95": 0, "max": 0} for row in rows]
    middle = [one["p50"] for one in found]
    above = [one["max"] - one["p50"] for one in found]
    axis.barh(
        at,
        middle,
        xerr=[[0] * len(rows), above],
        color="#3b6fb6",
        capsize=3,
        height=0.6,
    )
    axis.plot([row["stated"] for row in rows], at, "|", color="#c0392b", ms=16, mew=2)
    axis.set_xscale("log")
    axis.set_yticks(at, [row["drift"] for row in rows], fontsize=8)
    axis.invert_yaxis()
    months = sum(row["months"] for row in result["usual"])
    alarms = sum(row["alarms"] for row in result["usual"])
    axis.set_xlabel(
        "answers until it is found: median, line to the worst; red: stated", fontsize=8
    )
    axis.set_title(f"{alarms} false alarms in {months} simulated months", fontsize=10)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Simulate, write, draw."""
    parser = argparse.ArgumentParser(description="Judge the watch for drift.")
    parser.add_argument("--runs", type=int, default=RUNS, help="of each drift")
    parser.add_argument("--months", type=int, default=6, help="of each kind")
    options = parser.parse_args()
    result: dict[str, Any] = {"machine": machine()}
    result["named"] = named(options.runs)
    for row in result["named"]:
        print(row["drift"], row["found_in_time"], "of", row["runs"], row["answers"])
    result["usual"] = false_alarms(options.months)
    for row in result["usual"]:
        print(row)
    write(RESULTS / "drift.json", result)
    plot(result, RESULTS / "drift.svg")


if __name__ == "__main__":
    main()
