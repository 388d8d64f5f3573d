"""Shifts of numbers and of shares."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.engines.watch.shifts import EVERY, WINDOWS, Level, Share, Shift


def last(watched: Level | Share, values: list[float]) -> Shift | None:
    """What the last look of these finds."""
    found: Shift | None = None
    for at, value in enumerate(values, 1):
        told = (
            watched.add(bool(value))
            if isinstance(watched, Share)
            else watched.add(value)
        )
        if at % EVERY == 0:
            found = told
    return found


def test_a_shift_says_from_where_to_where() -> None:
    """With how many numbers it is found in."""
    rng = np.random.default_rng(1)
    level = Level(rng.normal(100, 10, 300), ratio=1.4)
    found = last(level, list(rng.normal(200, 10, 30)))
    assert found is not None
    assert found.usual == pytest.approx(100, abs=2)
    assert found.now == pytest.approx(200, abs=5)
    assert found.over == WINDOWS[0]
    assert found.sigmas > 5


def test_what_is_certain_and_does_not_matter_is_no_shift() -> None:
    """However many show it."""
    rng = np.random.default_rng(1)
    level = Level(rng.normal(100, 1, 3000), ratio=1.4)
    assert last(level, list(rng.normal(120, 1, 1000))) is None
    share = Share(100, 10_000, points=0.05)
    assert last(share, [float(at % 25 == 0) for at in range(1000)]) is None


@pytest.mark.parametrize("at", [0, 5, 10, 15, 20])
def test_a_spell_of_ten_is_no_shift(at: int) -> None:
    """However late they are, wherever they lie; all thirty so late are one."""
    rng = np.random.default_rng(at)
    usual, newest = rng.lognormal(5.5, 0.35, 3000), rng.lognormal(5.5, 0.35, 30)
    level = Level(usual, 1.4, step=30, smaller=False)
    assert last(level, list(4 * newest)) is not None
    level.forget()
    newest[at : at + 10] *= 4
    assert last(level, list(newest)) is None


def test_smaller_matters_where_it_is_said_to() -> None:
    """Sooner words are no fault; shorter answers may be."""
    usual = [100.0 + at % 7 for at in range(300)]
    assert last(Level(usual, 1.4, smaller=False), [10.0] * 100) is None
    assert last(Level(usual, 1.4), [10.0] * 100) is not None


def test_a_share_seen_in_few_is_not_known_well() -> None:
    """None of thirty may be one of thirty; none of three thousand is not."""
    often = [float(at % 10 == 0) for at in range(100)]
    assert last(Share(0, 30, 0.03), often) is None
    assert last(Share(0, 3000, 0.03), often) is not None


def test_too_little_to_compare_with_is_refused() -> None:
    """Whatever is watched."""
    with pytest.raises(ValueError, match="at least 30"):
        Level([1.0] * 29)
    with pytest.raises(ValueError, match="at least 30"):
        Share(0, 29, 0.1)


@given(
    st.lists(st.floats(0, 1e9), min_size=30, max_size=60),
    st.lists(st.floats(0, 1e9), min_size=30, max_size=60),
    st.integers(0, 30),
)
def test_any_numbers_are_judged(
    usual: list[float], newest: list[float], happened: int
) -> None:
    """Equal, zero or far apart."""
    level, share = Level(usual, 1.5), Share(happened, 30, 0.1)
    for value in newest:
        level.add(value)
        share.add(value > 1)
    assert level.calm in (True, False)
    assert share.calm in (True, False)
