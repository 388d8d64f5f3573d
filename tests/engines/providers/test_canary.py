"""A candidate that answers a share of calls, and is taken out by what is worse."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator

import pytest

from tests.engines.providers.chain_bench import Bench, run
from tests.fake_transport import FakeTransport
from voiceserver.config import (
    Config,
    EnginesConfig,
    TextConfig,
    TextProvider,
    TransformersConfig,
)
from voiceserver.engines.base import TextItem, TextRequest
from voiceserver.engines.providers.canary import Canary, Pinned
from voiceserver.engines.providers.chains import opened_canary, text_chain
from voiceserver.engines.providers.costs import Costs
from voiceserver.engines.watch.drift import Usual
from voiceserver.engines.watch.watch import Watch
from voiceserver.errors import ConfigError
from voiceserver.metrics import Metrics

USUAL = Usual(first_ms=[195.0 + n for n in range(40)], characters=[34.0] * 40, of=400)


class House:
    """A model in the house that is never asked."""

    name, version = "transformers", "m@1"

    async def reply(self, request: TextRequest) -> AsyncGenerator[TextItem, None]:
        yield ""


class Tried(Bench):
    """Provider ``a`` is live, ``b`` is tried in a share of calls."""

    def __init__(self, fault: str, share: float = 1.0) -> None:
        self.told: list[dict[str, object]] = []
        watch = Watch(Metrics(), lambda: asyncio.get_running_loop().time())
        watch.tell = self.told.append
        self.watch = watch
        super().__init__("ok", fault, watch=watch, canary=share)
        made = opened_canary(self.config, self.chain, watch, self.metrics)
        assert made is not None
        self.canary: Canary = made
        made._rng = random.Random(1)

    async def calls(self, n: int) -> list[str]:
        """Who answered the one turn of each of so many calls."""
        pin, chain = self.canary.pin, self.chain
        return [(await self.turn(model=pin(chain))).by for _ in range(n)]

    def counted(self, name: str, **labels: str) -> float:
        value = self.metrics.registry.get_sample_value
        labels = {"provider": "b"} | labels
        return value(f"voiceserver_canary_{name}_total", labels) or 0


def test_a_share_of_calls_is_pinned() -> None:
    """The others never ask it, whatever becomes of the live one."""
    tried = Tried("ok", share=0.25)
    tried.watch.compare({"a": USUAL})
    by = run(tried.calls(200))
    assert set(by) == {"a", "b"} and 30 <= by.count("b") <= 70
    assert tried.counted("calls") == by.count("b")
    tried.transport.services["a"].fault = "500"
    assert run(tried.turn()).by == "responder"


def test_a_call_that_is_pinned_stays_so() -> None:
    """All its turns; and the live one takes over where the candidate fails."""
    tried = Tried("ok")
    tried.watch.compare({"a": USUAL})

    async def scenario() -> list[str]:
        call = tried.canary.pin(tried.chain)
        by = [(await tried.turn(model=call)).by for _ in range(3)]
        tried.transport.services["b"].fault = "500"
        return [*by, (await tried.turn(model=call)).by]

    assert run(scenario()) == ["b", "b", "b", "a"]


def test_nobody_is_pinned_before_it_is_known_what_is_usual() -> None:
    """Three hundred answers of the live one."""
    tried = Tried("ok")
    by = run(tried.calls(301))
    assert by == ["a"] * 300 + ["b"]


@pytest.mark.parametrize(
    ("fault", "why", "within"), [("500", "breaker", 3), ("slow:400", "first_words", 30)]
)
def test_it_is_rolled_back_by_itself(fault: str, why: str, within: int) -> None:
    """By its breaker at once, or by what drifts; told, counted, and not put back."""
    tried = Tried(fault)
    tried.watch.compare({"a": USUAL})
    by = run(tried.calls(within + 20))
    assert tried.routes["b"].state == "drained"
    assert set(by[within:]) == {"a"}
    assert all(name in "ab" for name in by), "no caller lost an answer"
    assert tried.counted("rollbacks", why=why) == 1
    [told] = [one for one in tried.told if one["type"] == "voiceserver.canary"]
    assert told == {"type": "voiceserver.canary", "provider": "b", "why": why}


def test_an_alarm_of_the_live_one_is_no_fault_of_it() -> None:
    """It goes on."""
    tried = Tried("ok")
    tried.watch.compare({"a": USUAL})
    tried.canary.pin(tried.chain)
    tried.watch.noticed("a", "failures")
    assert run(tried.calls(1)) == ["b"]


def test_a_candidate_may_stand_for_the_model_in_the_house() -> None:
    """Which is asked before all services."""
    one = TextProvider("b", "http://b/v1", "m", canary=1.0)
    config = Config(
        engines=EnginesConfig(text="transformers"),
        text=TextConfig(provider=(one,)),
        transformers=TransformersConfig(model="m.gguf"),
    )
    metrics = Metrics()
    watch = Watch(metrics, lambda: 0.0)
    chain = text_chain(
        config, FakeTransport({}), None, metrics, Costs(metrics), house=House()
    )
    made = opened_canary(config, chain, watch, metrics)
    assert made is not None and made.pin(chain) is chain
    watch.compare({"transformers": USUAL})
    assert isinstance(made.pin(chain), Pinned)


def test_who_stands_for_nobody_is_refused_at_the_start() -> None:
    """So are two at once."""
    one = TextProvider("a", "http://a/v1", "m", canary=0.1)
    strong = TextProvider("b", "http://b/v1", "m", tier="complex")
    alone = Config(text=TextConfig(provider=(one, strong)))
    metrics = Metrics()
    chain = text_chain(alone, FakeTransport({}), None, metrics, Costs(metrics))
    with pytest.raises(ConfigError, match='"a" has nobody to stand for'):
        opened_canary(alone, chain, Watch(metrics, lambda: 0.0), metrics)
    live = TextProvider("b", "http://a/v1", "m")
    other = TextProvider("c", "http://a/v1", "m", canary=0.1)
    with pytest.raises(ValueError, match="not more"):
        TextConfig(provider=(live, one, other))
    assert Config(text=TextConfig(provider=(live, one)))
