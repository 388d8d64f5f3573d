"""What a route remembers; attempts are tested with the chains."""

from __future__ import annotations

import random

from voiceserver.budget import Spent, Step
from voiceserver.engines.providers.breaker import BreakerState
from voiceserver.engines.providers.costs import Costs
from voiceserver.engines.providers.route import (
    FEWEST_FIRSTS,
    Route,
    RouteLimits,
    kind_of,
)
from voiceserver.errors import EngineFailed, ProviderFailed
from voiceserver.metrics import Metrics


def route(capacity: int = 0, guarded: bool = True) -> Route:
    metrics = Metrics()
    limits = RouteLimits(0.6, 0.5, capacity)
    costs = Costs(metrics)
    rng = random.Random(1)
    return Route("a", "text", limits, metrics, rng, costs, guarded=guarded)


def test_the_ninth_decile_needs_some_calls() -> None:
    """Then nine in ten were faster."""
    it = route()
    for n in range(1, FEWEST_FIRSTS):
        it.committed(n / 100)
    assert it.ninth_decile_s is None
    it.committed(0.2)
    assert it.ninth_decile_s == 0.2


def test_a_full_or_open_route_is_not_free() -> None:
    """Unless it is the server's own engine."""
    it = route(capacity=1)
    it.running = 1
    assert not it.free
    own = route(guarded=False)
    for _ in range(3):
        own.ended("failed", 0, EngineFailed("a", "x"))
    assert own.breaker.state is BreakerState.OPEN and own.free


def test_what_was_of_no_use_is_waste() -> None:
    """All of its tokens; other notes pass unchanged."""
    it = route()
    assert it.book(Spent(3, 4, 0, 0.5)) == Spent(3, 4, 7, 0.5)
    assert it.book(Spent(3, 4, 0, 0.5), wasted=False) == Spent(3, 4, 0, 0.5)
    assert it.book(Step.HEDGE) is Step.HEDGE


def test_a_failure_of_another_kind_is_an_error() -> None:
    """Only providers say more."""
    assert kind_of(EngineFailed("a", "x")) == ("error", 0.0)
    assert kind_of(ProviderFailed("a", "x", "busy", 7)) == ("busy", 7)
