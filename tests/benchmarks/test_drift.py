"""The simulation of drifts, briefly: months of it are ``benchmarks.drift``."""

from __future__ import annotations

from benchmarks.drift import MONTHS, found_after, in_spells
from tests.engines.watch.weeks import DRIFTS
from voiceserver.engines.watch.drift import Drift


def test_a_drift_is_found_within_what_is_stated_at_any_hour() -> None:
    """The graver ones; every signal once."""
    by_signal = {signal: (change, within) for _, signal, change, within in DRIFTS[::-1]}
    for signal, (change, within) in by_signal.items():
        found = found_after(change, signal, within, seed=7)
        assert found["after"] is not None and found["after"] <= within, signal
        assert found["others"] == [], signal


def test_usual_days_tell_nothing_however_many_answers_they_have() -> None:
    """Two days of a busy server, and of one with slow spells; a week of a quiet one."""
    for name, month in MONTHS.items():
        drift = Drift()
        days = 14 if name == "quiet" else 2
        assert [a for one in month(3, days) for a in drift.observe(one)] == [], name


def test_slow_spells_are_in_what_is_simulated() -> None:
    """Else their month would prove nothing."""
    spelt = [one.first_ms for one in in_spells(1, 3)]
    usual = [one.first_ms for one in MONTHS["busy"](1, 3)]
    later = [a for a, b in zip(spelt, usual, strict=True) if a != b]
    assert 30 <= len(later) <= 200
