"""Clauses are brought near to one loudness by what was drawn for them, and by ear."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from voiceserver.voice.loudness import (
    EVENED,
    FOLLOWED_DB,
    GATE_DB,
    MOST_DB,
    USUAL_DB,
    Follower,
    gain,
)
from voiceserver.voice.networks.features import HOP

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


def hiss(frames: int, beside_db: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """White noise of some frames, so much beside the usual level."""
    level = 10 ** ((FOLLOWED_DB + beside_db) / 20)
    found = np.random.default_rng(1).normal(0, level, frames * HOP)
    return found.astype(np.float32)


def level_db(samples: np.ndarray[tuple[int], np.dtype[np.float32]]) -> float:
    """Mean power beside the usual."""
    return 10 * math.log10(float(np.mean(samples**2))) - FOLLOWED_DB


@pytest.mark.parametrize("beside_db", [-3.0, 0.0, 3.0])
def test_a_clause_is_led_back_to_the_usual_level(beside_db: float) -> None:
    """It begins as it was made, and after a second is where it should be."""
    followed = Follower().push(hiss(200, beside_db))
    assert level_db(followed[:HOP]) == pytest.approx(beside_db, abs=1)
    assert level_db(followed[100 * HOP :]) == pytest.approx(0, abs=0.3)


def test_what_lies_far_out_is_not_followed_all_the_way() -> None:
    """A shout stays one."""
    followed = Follower().push(hiss(300, 10.0))
    assert level_db(followed[200 * HOP :]) == pytest.approx(10 - MOST_DB, abs=0.3)


def test_pauses_are_not_made_loud() -> None:
    """Nor is what comes after them."""
    loud, quiet = hiss(100, 0.0), hiss(100, GATE_DB - 3)
    follower = Follower()
    follower.push(loud)
    assert level_db(follower.push(quiet)) == pytest.approx(GATE_DB - 3, abs=0.5)
    assert level_db(follower.push(loud)) == pytest.approx(0, abs=0.5)


def test_effort_stays_while_it_is_followed() -> None:
    """Its own level is the usual one."""
    followed = Follower(effort_db=3.0).push(hiss(200, 3.0))
    assert level_db(followed) == pytest.approx(3, abs=0.3)


@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(1, 12), min_size=1, max_size=8))
def test_pieces_are_followed_as_the_whole(cuts: list[int]) -> None:
    """Sample for sample, and no step between them."""
    line = hiss(sum(cuts), 2.5)
    whole, follower, at = Follower().push(line), Follower(), 0
    parts = []
    for n in cuts:
        parts.append(follower.push(line[at * HOP : (at + n) * HOP]))
        at += n
    assert np.array_equal(np.concatenate(parts), whole)
