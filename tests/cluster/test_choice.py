"""Whom to ask to take a call."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from voiceserver.cluster.choice import MOST_ASKED, order


@given(
    st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 9), min_size=1),
    st.integers(),
)
def test_who_is_asked(free: dict[str, int], seed: int) -> None:
    """Each once, a few at most, this host among them; none of the others is full."""
    here = min(free)
    names = order(here, free, random.Random(seed))
    assert here in names
    assert len(names) == len(set(names)) <= MOST_ASKED
    assert all(free[name] for name in names if name != here)
    if len([n for n in free.values() if n]) == 2:
        both = [name for name in names if free[name]]
        assert free[both[0]] >= free[both[1]]


def test_of_equals_the_one_without_a_way() -> None:
    """A call is not passed on for nothing."""
    for seed in range(20):
        assert order("a", {"a": 3, "b": 3}, random.Random(seed)) == ["a", "b"]


def test_calls_are_spread_evenly() -> None:
    """The fullest host has little more than its part, also by what is a while old."""
    rng, hosts = random.Random(7), [str(n) for n in range(20)]
    taken = dict.fromkeys(hosts, 0)
    for _ in range(50):
        known = {name: 100 - n for name, n in taken.items()}
        for _ in range(20):
            first = order(rng.choice(hosts), known, rng)[0]
            taken[first] += 1
    assert max(taken.values()) - min(taken.values()) <= 8
