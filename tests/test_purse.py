"""Caps of money: what is left to be asked, and that the strictest holds."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.purse import Cap, Purse, Thrift

USD = st.floats(0, 10)


@dataclass
class Key:
    """A payer whose own cap a test sets."""

    thrift: Thrift = Thrift.NONE
    paid: float = 0.0

    def pay(self, usd: float) -> None:
        """Add it."""
        self.paid += usd


@pytest.mark.parametrize(
    ("spent_usd", "thrift"),
    [(0.0, Thrift.NONE), (0.79, Thrift.NONE), (0.8, Thrift.CHEAP), (1.0, Thrift.FREE)],
)
def test_first_the_cheap_tier_then_what_costs_nothing(
    spent_usd: float, thrift: Thrift
) -> None:
    """At four fifths, and at all of it."""
    assert Cap(1.0, 0.8).thrift(spent_usd) is thrift
    assert Cap(0.0, 0.8).thrift(spent_usd) is Thrift.NONE


@given(USD, USD, st.floats(0.01, 10), st.floats(0.01, 1))
def test_who_has_spent_more_may_never_ask_more(
    one: float, more: float, limit_usd: float, cheap_from: float
) -> None:
    """Whatever the cap."""
    cap = Cap(limit_usd, cheap_from)
    assert cap.thrift(one) <= cap.thrift(one + more)


def test_the_strictest_cap_holds_and_all_pay() -> None:
    """A call's own, its key's and the day's."""
    key, day = Key(), Key()
    purse = Purse(Cap(1.0, 0.5), (key, day))
    purse.pay(0.4)
    assert (key.paid, day.paid) == (0.4, 0.4)
    told = [purse.thrift]
    day.thrift = Thrift.FREE
    told.append(purse.thrift)
    day.thrift = Thrift.NONE
    purse.pay(0.1)
    assert [*told, purse.thrift] == [Thrift.NONE, Thrift.FREE, Thrift.CHEAP]


def test_that_a_cap_is_reached_is_told_once_each() -> None:
    """As it becomes stricter; not again with every cent."""
    told: list[Thrift] = []
    purse = Purse(Cap(1.0, 0.5), reached=told.append)
    for _ in range(30):
        purse.pay(0.05)
    assert told == [Thrift.CHEAP, Thrift.FREE]


def test_what_was_spent_beside_the_turns_is_told_once() -> None:
    """And counts for the cap like anything else."""
    purse = Purse(Cap(1.0, 0.5))
    purse.pay_beside(0.3)
    purse.pay_beside(0.3)
    assert purse.thrift is Thrift.CHEAP
    assert [purse.beside(), purse.beside()] == [0.6, 0.0]
