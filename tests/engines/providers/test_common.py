"""What processes of one server know together, over a front's book; in virtual time."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.engines.providers.chain_bench import Bench, run
from voiceserver.budget import Spent, Step
from voiceserver.config import BudgetConfig
from voiceserver.engines.providers.breaker import BreakerState
from voiceserver.engines.providers.common import CommonKnowledge, News
from voiceserver.engines.providers.costs import Costs
from voiceserver.engines.providers.route import Route, RouteLimits
from voiceserver.errors import ProviderFailed
from voiceserver.metrics import Metrics
from voiceserver.purse import Thrift
from voiceserver.server.front.common import CommonBook


def joined(book: CommonBook, number: int, bench: Bench) -> None:
    """Make a bench's chain one of several processes; news take no time."""
    routes = list(bench.routes.values())
    known = CommonKnowledge(routes, bench.costs)
    known.tell = lambda news: book.heard(number, news)
    book.joined(number, known.take)


def two(*faults: str, budget: BudgetConfig | None = None) -> tuple[Bench, Bench]:
    book = CommonBook()
    benches = Bench(*faults, budget=budget), Bench(*faults, budget=budget)
    for number, bench in enumerate(benches, 1):
        joined(book, number, bench)
    return benches


def state_of(bench: Bench) -> BreakerState:
    return bench.routes["a"].breaker.state


def free(bench: Bench) -> bool:
    return bench.routes["a"].free


def test_a_breaker_that_opens_in_one_is_open_in_all() -> None:
    """The other spends no turn on the provider, and it alone is probed for both."""
    one, other = two("500", "ok")

    async def scenario() -> list[str]:
        async with one.chain, other.chain:
            await one.turns(3)
            by = [(await other.turn()).by]
            await asyncio.sleep(30)
            assert one.transport.asked.count("500") > 3
            for bench in (one, other):
                bench.transport.services["a"].fault = "ok"
            await asyncio.sleep(60)
            assert (state_of(one), state_of(other)) == (BreakerState.CLOSED,) * 2
            return [*by, (await other.turn()).by]

    assert run(scenario()) == ["b", "a"]
    assert other.transport.asked == ["ok", "500"]  # its two turns, no probe


def test_who_is_left_probes_itself() -> None:
    """The process whose breaker opened is gone: the other finds out by itself."""
    one, other = two("500", "ok")

    async def scenario() -> BreakerState:
        async with other.chain:
            async with one.chain:
                await one.turns(3)
            other.transport.services["a"].fault = "ok"
            await asyncio.sleep(15)
            return state_of(other)

    assert run(scenario()) is BreakerState.CLOSED


def test_a_key_has_one_cap_in_all_processes() -> None:
    """Its calls are in both; another key's are not bounded by it."""
    caps = BudgetConfig(max_usd_per_key=0.01, cheap_from=0.5)
    one, other = two("ok", budget=caps)
    mine, theirs = one.costs.purse("a"), other.costs.purse("a")
    mine.pay(0.006)
    assert theirs.thrift is Thrift.CHEAP
    theirs.pay(0.004)
    assert mine.thrift is one.costs.purse("a").thrift is Thrift.FREE
    assert one.costs.purse("b").thrift is Thrift.NONE
    value = one.metrics.registry.get_sample_value
    for then in ("cheap", "free"):
        assert value("voiceserver_money_caps_total", {"cap": "key", "then": then}) == 1


def test_what_the_operator_took_out_is_out_in_a_process_that_starts_later() -> None:
    """Until it is restored, in all."""
    one, other = two("ok")
    book = CommonBook()
    joined(book, 1, one)
    one.routes["a"].drain(True)
    joined(book, 2, other)
    assert state_of(other) is BreakerState.DRAINED
    one.routes["a"].drain(False)
    assert state_of(other) is BreakerState.CLOSED


def test_a_limit_of_money_holds_for_all_together() -> None:
    """Each has spent less; afterwards the built-in responder answers, in both."""
    one, other = two("ok", budget=BudgetConfig(max_usd_per_day=0.001))
    one.routes["a"].book(Spent(cost_usd=0.0006))
    assert free(one) and free(other)
    other.routes["a"].book(Spent(cost_usd=0.0006))
    assert not free(one) and not free(other)

    async def scenario() -> bool:
        async with one.chain:
            return Step.RESPONDER in (await one.turn()).steps

    assert run(scenario())
    assert one.transport.asked.count("ok") == 0


def test_what_a_dead_process_had_spent_stays_spent() -> None:
    """For who is left, for its successor, and in the front's own figure; for a day."""
    days = [date.today()]
    book = CommonBook(lambda: days[-1])
    limit = BudgetConfig(max_usd_per_day=0.001)
    one, other, successor = (Bench("ok", budget=limit) for _ in range(3))
    joined(book, 1, one)
    joined(book, 2, other)
    one.routes["a"].book(Spent(cost_usd=0.0007))
    book.parted(1)
    assert book.departed_usd == 0.0007
    joined(book, 1, successor)
    assert successor.costs.day_usd == 0.0007 and successor.costs.own_usd == 0
    successor.routes["a"].book(Spent(cost_usd=0.0004))
    assert other.costs.thrift is successor.costs.thrift is Thrift.FREE
    days.append(days[-1] + timedelta(days=1))
    assert book.departed_usd == 0


def test_yesterdays_money_is_no_longer_known() -> None:
    """Without a booking today, and from elsewhere too; the gauge says so."""
    days = [date(2026, 1, 1)]
    metrics = Metrics()
    costs = Costs(metrics, lambda: days[-1], BudgetConfig(max_usd_per_day=1.0))
    costs.book("a", Spent(cost_usd=0.5))
    costs.told(days[-1], 0.6)
    found = [costs.thrift]
    days.append(days[-1] + timedelta(days=1))
    assert [*found, costs.thrift] == [Thrift.FREE, Thrift.NONE]
    assert costs.day_usd == 0
    costs.told(days[0], 7.0)
    assert costs.day_usd == 0
    assert metrics.registry.get_sample_value("voiceserver_cost_today_usd") == 0


ACTS: tuple[Callable[[Route, float], None], ...] = (
    lambda route, now_s: _failed(route, now_s, "busy"),
    lambda route, now_s: _failed(route, now_s, "misconfigured"),
    lambda route, now_s: route.breaker.probing(),
    lambda route, now_s: _probed(route, now_s, True),
    lambda route, now_s: _probed(route, now_s, False),
    lambda route, now_s: route.drain(True),
    lambda route, now_s: route.drain(False),
)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, len(ACTS))), max_size=60),
)
def test_however_news_cross_all_end_at_the_same(steps: list[tuple[int, int]]) -> None:
    """Each acts, or hears what waits for it, at any time; then all is delivered."""
    book = CommonBook()
    routes, to_front, to_worker = [], deque[tuple[int, News]](), []
    for number in range(3):
        metrics = Metrics()
        costs, rng = Costs(metrics), random.Random(number)
        route = Route("a", "text", RouteLimits(1, 1), metrics, rng, costs)
        known = CommonKnowledge([route], costs)
        waiting: deque[News] = deque()
        known.tell = lambda news, number=number: to_front.append((number, news))  # type: ignore[misc]
        book.joined(number, waiting.append)
        routes.append(route)
        to_worker.append((known, waiting))

    def deliver(number: int) -> None:
        known, waiting = to_worker[number]
        while waiting:
            known.take(waiting.popleft())

    for now_s, (number, act) in enumerate(steps):
        if act < len(ACTS):
            ACTS[act](routes[number], float(now_s))
        elif number == 0 and to_front:
            book.heard(*to_front.popleft())
        else:
            deliver(number)
    while to_front:
        book.heard(*to_front.popleft())
    for number in range(3):
        deliver(number)
    assert not to_front  # what is adopted is not told again
    assert len({route.breaker.standing.state for route in routes}) == 1


def _failed(route: Route, now_s: float, kind: str) -> None:
    route.ended("failed", now_s, ProviderFailed("a", "x", kind))


def _probed(route: Route, now_s: float, good: bool) -> None:
    route.breaker.probed(now_s, good)
    route.show()
