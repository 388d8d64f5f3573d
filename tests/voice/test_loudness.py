"""Clauses are brought near to one loudness by what was drawn for them."""

from __future__ import annotations

import math

import pytest
import torch

from voiceserver.voice.loudness import EVENED, MOST_DB, USUAL_DB, gain

SOUNDING = torch.tensor([False, True, True, False])
LENGTHS = torch.tensor([12, 8, 24, 20])
USUAL = USUAL_DB / 20 * math.log(10)


def gain_db(offset_db: float, effort_db: float = 0.0) -> float:
    """Of a clause that lies beside the usual one."""
    energy = torch.full((4,), USUAL + offset_db / 20 * math.log(10))
    energy[~SOUNDING] = -9.0
    return 20 * math.log10(gain(energy, LENGTHS, SOUNDING, effort_db))


def test_a_usual_clause_stays_as_it_is() -> None:
    """However quiet its pauses are."""
    assert gain_db(0) == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("offset_db", [-3.0, 1.5, 4.0])
def test_a_clause_that_was_drawn_otherwise_is_brought_nearer(offset_db: float) -> None:
    """By a share of the difference."""
    assert gain_db(offset_db) == pytest.approx(-EVENED * offset_db, abs=1e-3)


def test_no_clause_is_changed_by_much() -> None:
    """What is drawn far out is no reason to shout."""
    assert gain_db(-30) == pytest.approx(MOST_DB)
    assert gain_db(30) == pytest.approx(-MOST_DB)


def test_effort_that_was_asked_for_stays() -> None:
    """A style that is louder by 3 dB is louder still."""
    assert gain_db(3.0, effort_db=3.0) == pytest.approx(0, abs=1e-3)


def test_longer_phones_count_for_more() -> None:
    """By their frames, as they are heard."""
    energy = torch.tensor([-9.0, USUAL + 0.5, USUAL, -9.0])
    short = gain(energy, LENGTHS, SOUNDING, 0.0)
    long = gain(energy, torch.tensor([12, 24, 8, 20]), SOUNDING, 0.0)
    assert long < short < 1


def test_a_clause_without_a_sound_is_left_alone() -> None:
    """A pause has no loudness."""
    none = torch.zeros(4, dtype=torch.bool)
    assert gain(torch.zeros(4), LENGTHS, none, 0.0) == 1.0
