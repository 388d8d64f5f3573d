"""What a calibration is worth."""

from __future__ import annotations

import random
import xml.etree.ElementTree as ElementTree

import pytest

from voiceserver.engines.gate.confidence import Beginning
from voiceserver.engines.gate.measured import Checked, measured, plot


def answers(n: int, tells: float) -> list[Checked]:
    """Answers whose confidence tells so much of their being right; 1 is all."""
    rng = random.Random(2)
    made = []
    for _ in range(n):
        sure = rng.random()
        right = rng.random() < tells * sure + (1 - tells) * 0.5
        made.append(Checked(Beginning("It is.", "", (-3 * (1 - sure),)), right))
    return made


def test_a_confidence_that_tells_is_worth_something() -> None:
    """Calibrated on what was not seen; a quarter of the turns has twice its errors."""
    made, worth = measured(answers(1200, 1.0))
    assert worth.auc is not None and worth.auc_95 is not None
    assert worth.auc_95[0] < worth.auc < worth.auc_95[1]
    assert worth.auc > 0.75 and worth.ece_after <= 0.05
    assert worth.ece_before is not None and worth.ece_before > worth.ece_after
    assert made(-0.1) > 0.8 > 0.3 > made(-2.9)
    nearest = min(worth.escalated, key=lambda row: abs(row[1] - 0.25))
    assert nearest[2] is not None and nearest[2] >= 1.6 * nearest[1]


def test_one_that_tells_nothing_is_worth_nothing() -> None:
    """And says so."""
    _, worth = measured(answers(600, 0.0))
    assert worth.auc == pytest.approx(0.5, abs=0.06)
    assert worth.ece_after <= 0.08


def test_answers_that_are_all_right_are_no_error() -> None:
    """There is nothing to tell apart then; nor is there of none."""
    _, worth = measured([Checked(Beginning("Yes."), True)] * 40)
    assert (worth.auc, worth.auc_95, worth.ece_before) == (None, None, None)
    assert worth.escalated[0] == (0.3, 0.0, None)
    with pytest.raises(ValueError, match="no answers"):
        measured([])


def test_the_plot_is_an_image() -> None:
    """Whatever the provider is called."""
    _, worth = measured(answers(60, 1.0))
    root = ElementTree.fromstring(plot(worth, "a<b & c"))
    assert len([each for each in root if each.tag.endswith("circle")]) >= 1
