"""A call near its cap of money: the strong tier is left out, then all that cost."""

from __future__ import annotations

from contextlib import aclosing

import pytest

from tests.chat_faults import ChatService
from tests.engines.providers.chain_bench import run
from tests.fake_transport import FakeTransport
from voiceserver.budget import Spent
from voiceserver.config import (
    BudgetConfig,
    Config,
    RouterConfig,
    TextConfig,
    TextProvider,
)
from voiceserver.engines.base import Message, TextRequest
from voiceserver.engines.notes import Answering, Note
from voiceserver.engines.providers.chains import text_chain
from voiceserver.engines.providers.costs import Costs
from voiceserver.engines.providers.tiers import router_weights
from voiceserver.engines.responder import Responder
from voiceserver.engines.responder.standby import Standby
from voiceserver.metrics import Metrics
from voiceserver.purse import Thrift
from voiceserver.routing.router import Router

CAPS = BudgetConfig(max_usd_per_call=0.01, cheap_from=0.5)


class Bench:
    """A cheap and a strong provider, the strong one asked first, as the client says."""

    def __init__(self) -> None:
        services = {name: ChatService(0.2, 0.02, ("Yes. ",)) for name in ("a", "b")}
        providers = (
            TextProvider("strong", "http://a/v1", "ok", tier="complex", price_out=8.0),
            TextProvider("cheap", "http://b/v1", "ok", price_out=0.2),
        )
        config = Config(text=TextConfig(provider=providers), budget=CAPS)
        self.metrics = Metrics()
        self.costs = Costs(self.metrics, caps=CAPS)
        self.chain = text_chain(
            config,
            FakeTransport(services),
            Standby(Responder(config.responder)),
            self.metrics,
            self.costs,
            router=Router(RouterConfig(), router_weights()),
        )

    async def answered_by(self, thrift: Thrift) -> str:
        notes: list[Note] = []
        request = TextRequest(
            (Message("user", "why is that"),),
            observe=notes.append,
            route="complex",
            thrift=thrift,
        )
        async with aclosing(self.chain.reply(request)) as words:
            said = "".join([str(piece) async for piece in words])
        assert said, "a caller is answered whatever was spent"
        return [note.name for note in notes if isinstance(note, Answering)][-1]


@pytest.mark.parametrize(
    ("thrift", "by"),
    [
        (Thrift.NONE, "strong"),
        (Thrift.CHEAP, "cheap"),
        (Thrift.FREE, "responder"),
    ],
)
def test_who_is_asked(thrift: Thrift, by: str) -> None:
    """Never nobody."""
    assert run(Bench().answered_by(thrift)) == by


def test_the_days_money_spares_the_strong_tier_first() -> None:
    """For requests that come with no purse, too."""
    bench = Bench()
    bench.costs = bench.chain._routes[0][0].costs
    caps = BudgetConfig(max_usd_per_day=1.0, cheap_from=0.5)
    costs = Costs(Metrics(), caps=caps)
    for route, _ in bench.chain._routes:
        route.costs = costs
    by = [run(bench.answered_by(Thrift.NONE))]
    costs.book("strong", Spent(cost_usd=0.6))
    by.append(run(bench.answered_by(Thrift.NONE)))
    costs.book("strong", Spent(cost_usd=0.6))
    by.append(run(bench.answered_by(Thrift.NONE)))
    assert by == ["strong", "cheap", "responder"]


def test_a_call_is_bounded_alone() -> None:
    """The next call of the same key may spend again."""
    bench = Bench()
    purse = bench.costs.purse("a")
    purse.pay(0.02)
    assert purse.thrift is Thrift.FREE
    assert bench.costs.purse("a").thrift is Thrift.NONE
    value = bench.metrics.registry.get_sample_value
    reached = {"cap": "call", "then": "free"}
    assert value("voiceserver_money_caps_total", reached) == 1
