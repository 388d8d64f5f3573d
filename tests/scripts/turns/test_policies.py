"""When policies would have ended turns."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scripts.turns.pauses import EVER, Pause
from scripts.turns.policies import (
    Price,
    all_silences,
    best,
    fused,
    price,
    silence,
    threshold,
)
from voiceserver.config import TurnConfig
from voiceserver.turns.ending import EndWeights


def hold(length_ms: float, *scores: float) -> Pause:
    return Pause("r", "read", 0, 0, length_ms, False, 1000.0, (), scores)


def end(*scores: float) -> Pause:
    return Pause("r", "read", 0, 0, EVER, True, 1000.0, (), scores)


def test_a_hold_that_lasts_longer_than_the_wait_is_cut() -> None:
    """And dead air counts after ends only."""
    found = [hold(300), hold(900), end(), end()]
    assert price(found, silence(500)(found)) == Price(500, 0.5)


def test_a_threshold_waits_shortly_where_the_model_is_sure() -> None:
    """Once it is known, at the earliest; from the score that reaches it."""
    found = [end(0.9), end(0.1), end(0.1, 0.9)]
    assert threshold(0.5, 200, 1000)(found).tolist() == [270, 1000, 470]


def test_the_formula_waits_until_it_is_certain() -> None:
    """By the mean of the scores so far; no longer than the words' limit and the cap."""
    weights = EndWeights("t", {"silence": 2.0, "sound": 1.0})
    wait = fused(weights, TurnConfig(certainty=0.9, cap_ms=1000, max_unclear_ms=700))
    waits = wait([end(0.97), end(0.5), end(0.02), end()])
    assert waits[0] == 270
    assert waits[1] == pytest.approx(200 * 3, rel=0.01)
    assert waits[2:].tolist() == [1000, 1000]
    said = [replace(end(0.02), words=words) for words in ("two people", "i want the")]
    assert wait(said).tolist() == [700, 1000]


def test_the_best_is_the_shortest_of_those_that_cut_in_seldom_enough() -> None:
    """None where all cut in too often."""
    found = [hold(300), hold(900), end()]
    policy = best(found, all_silences(), 0.5)
    assert policy is not None
    assert policy(found).tolist() == [300, 300, 300]
    assert best(found, [silence(200)], 0.5) is None
