"""A few of the conversations that ``benchmarks.interruptions`` holds."""

from __future__ import annotations

from pathlib import Path

from benchmarks.interruptions import STAGES, measure


def test_who_speaks_up_at_a_boundary_is_answered_in_time(tmp_path: Path) -> None:
    """And every reply ends once; the stages of the first interruptions come in turn.

    What was held is kept, and not held again.
    """
    found = measure(len(STAGES), 1, tmp_path)
    assert measure(len(STAGES), 1, tmp_path) == found
    assert found["faults"] == {}
    assert found["turns_not_overtaken"] > len(STAGES)
    assert sum(found["interruptions"].values()) > 2 * len(STAGES)
