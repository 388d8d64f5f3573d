"""The map from raw confidence to p(right)."""

from __future__ import annotations

import random
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.engines.gate.calibration import (
    VERSION,
    Calibration,
    Isotonic,
    Reliability,
    calibration_error,
    fit,
    read,
    written,
)
from voiceserver.errors import ConfigError

ANSWERS = st.lists(st.tuples(st.floats(-30, 0), st.booleans()), min_size=1, max_size=60)


@given(ANSWERS, st.floats(-50, 10), st.floats(-50, 10))
def test_it_never_falls(answers: list[tuple[float, bool]], a: float, b: float) -> None:
    """And is a probability, wherever it is asked; never quite sure."""
    made = fit([raw for raw, _ in answers], [right for _, right in answers])
    low, high = sorted((a, b))
    assert 0 < made(low) <= made(high) + 1e-9 < 1


def test_it_learns_what_confidence_is_worth() -> None:
    """Calibrated on answers that it has not seen: an error of at most 0.05."""
    rng = random.Random(4)
    raws = [-3 * rng.random() for _ in range(2000)]
    right = [rng.random() < 1 + raw / 3 for raw in raws]
    made = fit(raws[:1000], right[:1000])
    chances = [made(raw) for raw in raws[1000:]]
    assert calibration_error(chances, right[1000:]) <= 0.05
    assert made(-0.1) > 0.9 > 0.2 > made(-2.9)


def test_answers_that_are_alike_have_one_chance() -> None:
    """As all are whose provider tells no probabilities and whose text has no fault."""
    right = [at % 5 != 0 for at in range(200)]
    assert fit([0.0] * 200, right)(0.0) == pytest.approx(0.8, abs=0.01)
    mixed = fit([-2.0] * 50 + [0.0] * 150, [False] * 50 + right[:150])
    assert mixed(-2.0) < 0.05 and mixed(0.0) == pytest.approx(0.8, abs=0.01)


def test_nothing_to_fit_is_an_error() -> None:
    """Never a map out of nothing."""
    with pytest.raises(ValueError, match="no answers"):
        fit([], [])


def test_the_error_is_the_distance_from_what_happened() -> None:
    """By bins."""
    assert calibration_error([0.95, 0.95], [True, False]) == pytest.approx(0.45)
    assert calibration_error([], []) == 0


def test_a_file_is_read_as_it_was_written() -> None:
    """By provider; what it is worth, too, where that is written."""
    made = Calibration("p", "m-1", {"text": Isotonic((-2.0, 0.0), (0.2, 0.9))})
    assert read(written({"p": made}, {}), "f") == {"p": made}
    worth = Reliability(100, 0.03, ((0.25, 0.2, 40), (0.8, 0.9, 60)))
    text = written({"p": made}, {"p": {"text": asdict(worth) | {"right": 0.6}}})
    assert read(text, "f") == {"p": replace(made, measured={"text": worth})}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "no calibration"),
        ("[]", "no calibration"),
        (f'{{"version": {VERSION + 1}}}', "voiceserver calibrate again"),
        (
            f'{{"version": {VERSION}, "providers": {{"p": {{"model": "m", "maps": '
            '{"text": {"at": [0, 1], "right": [0.9, 0.1]}}}}}',
            "must rise",
        ),
        (
            f'{{"version": {VERSION}, "providers": {{"p": {{"model": "m", "maps": '
            '{"text": {"at": [], "right": []}}}}}',
            "no calibration",
        ),
        (
            f'{{"version": {VERSION}, "providers": {{"p": {{"model": "m", '
            '"maps": {}, "measured": {"text": {"answers": 9, "ece_after": 7, '
            '"reliability": []}}}}}',
            "made of shares",
        ),
    ],
)
def test_what_is_none_is_refused(text: str, words: str) -> None:
    """With its name."""
    with pytest.raises(ConfigError, match=words) as refused:
        read(text, "gate.json")
    assert "gate.json" in str(refused.value)
