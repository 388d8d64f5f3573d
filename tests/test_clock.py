"""The machine's clock, as everything here reads it."""

from __future__ import annotations

import time

import pytest

from voiceserver.clock import MonotonicClock


def test_it_never_goes_back_and_is_finer_than_a_frame() -> None:
    """A thousand readings; most differ, where a loop's clock would stand still."""
    clock = MonotonicClock()
    readings = [clock.now_ns() for _ in range(1_000)]
    assert readings == sorted(readings)
    assert len(set(readings)) > 500


def test_it_counts_nanoseconds() -> None:
    """As much as passes by another clock, up to what the machine is busy."""
    clock = MonotonicClock()
    before, first = time.monotonic_ns(), clock.now_ns()
    while time.monotonic_ns() - before < 10_000_000:
        pass
    passed, really = clock.now_ns() - first, time.monotonic_ns() - before
    assert abs(passed - really) < 1_000_000 + really // 10


def test_a_step_of_the_wall_clock_does_not_show(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Somebody sets the machine's time by years."""
    clock = MonotonicClock()
    before = clock.now_ns()
    monkeypatch.setattr(time, "time", lambda: 4e9)
    monkeypatch.setattr(time, "time_ns", lambda: 4 * 10**18)
    assert 0 <= clock.now_ns() - before < 60 * 10**9
