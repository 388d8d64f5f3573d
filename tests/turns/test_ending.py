"""Evidence of a turn's end, into a wait."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.errors import ConfigError
from voiceserver.turns.ending import (
    FEATURES,
    EndWeights,
    Evidence,
    features,
    log_odds,
    read_weights,
)

WEIGHTS = EndWeights(
    "test",
    {"bias": -1.0, "silence": 2.0, "sound": 1.0, "incomplete": -1.5, "own_pause": -1.0},
)
probabilities = st.floats(0, 1)


def test_the_surer_the_sound_the_shorter_the_wait() -> None:
    """And a wait is no shorter than the silence that was scored."""
    waits = [WEIGHTS.wait_ms(Evidence(p), 0.9) for p in (0.1, 0.5, 0.9, 0.99)]
    assert waits == sorted(waits, reverse=True)


def test_words_that_dangle_are_waited_for() -> None:
    """As are those of a speaker who makes long pauses."""
    plain = WEIGHTS.wait_ms(Evidence(0.7, "set a timer"), 0.9)
    assert WEIGHTS.wait_ms(Evidence(0.7, "set a timer for"), 0.9) > plain
    slow = Evidence(0.7, "set a timer", habits_ms=[900.0, 1200.0, 800.0])
    assert WEIGHTS.wait_ms(slow, 0.9) > plain


def test_a_full_stop_says_nothing() -> None:
    """Words come without; one that slips in changes no wait."""
    assert "punctuation" not in FEATURES
    with_stop = features(Evidence(0.5, "give me a coffee."), 200)
    assert with_stop == features(Evidence(0.5, "give me a coffee"), 200)


@given(probabilities, st.floats(0.5, 0.99), st.floats(0, 60_000))
def test_a_wait_is_where_the_certainty_is_reached(
    sound: float, certainty: float, voiced_ms: float
) -> None:
    """The two are one formula."""
    evidence = Evidence(sound, voiced_ms=voiced_ms)
    wait_ms = WEIGHTS.wait_ms(evidence, certainty)
    assert 0 < wait_ms <= 10_000
    if wait_ms < 10_000:
        assert math.isclose(WEIGHTS.certainty(evidence, wait_ms), certainty)


@given(probabilities, st.lists(st.floats(0, 1e6), max_size=30), st.text())
def test_no_evidence_is_beyond_the_formula(
    sound: float, pauses: list[float], words: str
) -> None:
    """All numbers are finite."""
    evidence = Evidence(sound, words, False, 0.0, pauses, pauses)
    assert all(map(math.isfinite, features(evidence, 200)))
    assert math.isfinite(WEIGHTS.wait_ms(evidence, 0.99))


def test_the_certainty_of_a_model_has_an_end() -> None:
    """One that is 1 is not taken for infinitely sure."""
    assert log_odds(1.0) == pytest.approx(4.0)
    assert log_odds(0.0) == pytest.approx(-4.0)
    assert log_odds(0.5) == pytest.approx(0.0)


def written(**changes: object) -> str:
    """A file of weights."""
    return json.dumps(
        {"version": 1, "name": "t", "weights": {"bias": 0, "silence": 1}} | changes
    )


def test_weights_are_read_with_their_name() -> None:
    """What is not named weighs nothing."""
    assert read_weights(written()).name == "t"
    assert read_weights(written()).certainty(Evidence(0.9), 200) == 0.5


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "cannot be read"),
        ("[]", "cannot be read"),
        (written(version=2), "version 2, not 1"),
        (written(weights={"bias": 1, "silence": 0}), "silence must weigh more"),
        (written(weights={"silence": 1, "loudness": 1}), "unknown feature 'loudness'"),
        (written(weights={"silence": math.inf}), "not a finite"),
        (written(weights={"silence": "much"}), "cannot be read"),
    ],
)
def test_what_are_no_weights_is_told(text: str, why: str) -> None:
    """Not taken for some."""
    with pytest.raises(ConfigError, match=why):
        read_weights(text)
