"""How many calls are held, of steps that were measured."""

from __future__ import annotations

import json

from benchmarks.hosts_calls import LIMIT_MS, Step, calls_held


def step(calls: int, ms: float, unanswered: int = 0, refused: int = 0) -> Step:
    return Step(calls, [ms] * 50, unanswered, refused)


def test_a_step_is_held_where_all_are_answered_in_time() -> None:
    """One question in fifty may have no answer; who was not taken asked none."""
    assert step(8, LIMIT_MS).held
    assert step(8, LIMIT_MS, unanswered=1).held
    assert not step(8, LIMIT_MS, unanswered=2).held
    assert step(8, 1.0, refused=1).held
    assert not step(8, LIMIT_MS + 1).held


def test_between_steps_a_line_says_how_many() -> None:
    """Where the delay is what failed; else the last that was held counts."""
    assert calls_held([step(8, 40.0), step(12, 80.0)]) == 10.0
    assert calls_held([step(8, 40.0), step(12, 50.0)]) == 12.0
    assert calls_held([step(8, 40.0), step(12, 50.0, unanswered=9)]) == 8.0
    assert calls_held([step(8, 40.0), step(10, 50.0, refused=1)]) == 10.0
    assert calls_held([step(8, 80.0)]) == 0.0


def test_a_step_that_was_done_twice_is_judged_by_both() -> None:
    """Its replies are put together, its costs are means."""
    first, again = step(8, 50.0, unanswered=1), step(8, 70.0)
    first.hosts_cpu_s, again.hosts_cpu_s = 0.25, 0.75
    both = first.with_more(again)
    assert (both.p95_ms, both.unanswered, both.hosts_cpu_s) == (70.0, 1, 0.5)
    told = json.loads(json.dumps(both.told()))
    assert told["after_silence_ms"] == {"p50": 60.0, "p95": 70.0, "n": 100}
