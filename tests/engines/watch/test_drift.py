"""Whether a provider's drift is found, soon, and nothing else."""

from __future__ import annotations

import dataclasses

import pytest

from tests.engines.watch.weeks import (
    A_DAY,
    DRIFTS,
    Change,
    answers,
    failing,
    less_sure,
    slower,
)
from voiceserver.engines.watch.drift import Answered, Drift, Usual


@pytest.mark.parametrize(("name", "signal", "change", "within"), DRIFTS)
def test_a_drift_is_found_in_time(
    name: str, signal: str, change: Change, within: int
) -> None:
    """After a usual day, whenever the day is."""
    for seed in range(3):
        drift = Drift()
        for answer in answers(seed, A_DAY + 100 * seed):
            assert not drift.observe(answer)
        found: dict[str, int] = {}
        for at, answer in enumerate(answers(seed + 50, within, change), 1):
            for alarm in drift.observe(answer):
                found.setdefault(alarm.signal, at)
        assert signal in found, name
        assert set(found) == {signal}, name


def test_three_usual_days_raise_no_alarm() -> None:
    """Days and nights; ``benchmarks.drift`` has months, of several kinds."""
    drift = Drift()
    alarms = [alarm for one in answers(9, 3 * A_DAY) for alarm in drift.observe(one)]
    assert alarms == []


def test_it_is_told_when_it_is_over() -> None:
    """Once, and it may be found again."""
    drift = Drift()
    told = []
    for part in (None, slower(3), None, slower(3)):
        for answer in answers(1, 600, part):
            told += [alarm.shift is not None for alarm in drift.observe(answer)]
    assert told == [True, False, True]
    assert set(drift.alarmed) == {"first_words"}


def test_what_a_baseline_says_nothing_of_is_learnt() -> None:
    """Its questions are not judged; what is, is watched from the first answers on."""
    asked = [dataclasses.replace(one, confidence=None) for one in answers(1, 300)]
    drift = Drift(Usual.learnt(asked))
    for answer in answers(2, 400):
        assert not drift.observe(answer)
    found = [
        alarm.signal
        for answer in answers(3, 250, less_sure(0.15))
        for alarm in drift.observe(answer)
    ]
    assert found == ["confidence"]


def test_few_answers_tell_nothing() -> None:
    """A quiet night of failures is no drift yet."""
    drift = Drift(Usual.learnt(answers(1, 300)))
    for answer in answers(2, 20, failing(1.0)):
        assert drift.observe(answer) == []


def test_what_is_not_told_is_not_watched() -> None:
    """Without confidence there is none to drift; without answers nothing is usual."""
    drift = Drift(Usual.learnt(Answered(first_ms=100, characters=9) for _ in range(50)))
    for _ in range(400):
        assert drift.observe(Answered(100, 9, confidence=0.1)) == []
    with pytest.raises(ValueError, match="at least 30"):
        Drift(Usual.learnt([Answered()]))
