"""Whole conversations over misbehaving providers, in virtual time.

Whatever the provider does: some audio within 700 ms of the commit, an answer or an
honest line in the end, no two models in one answer, nothing left behind.
"""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.chat_faults import ChatService
from tests.fake_transport import FakeTransport
from tests.fakes import Call, FakeRecogniser
from tests.virtual_time import run_virtual
from voiceserver.budget import TurnRecord
from voiceserver.config import (
    BudgetConfig,
    Config,
    TextConfig,
    TextProvider,
    TurnConfig,
)
from voiceserver.engines.providers.chains import text_chain
from voiceserver.engines.providers.costs import Costs
from voiceserver.engines.responder import Responder
from voiceserver.engines.responder.standby import Standby
from voiceserver.events import ReplyDone
from voiceserver.metrics import Metrics

FAULTS = [
    "ok",
    "401",
    "404",
    "429:2",
    "500",
    "503",
    "302",
    "hang",
    "headers-hang",
    "slow:300",
    "slow:900",
    "slow:5000",
    "think:400",
    "think:3000",
    "think-on",
    *(f"{fault}:{n}" for fault in ("stall", "cut", "junk", "error") for n in (0, 1, 4)),
    "huge:1",
    "no-done",
    "empty",
    "nothing",
    "no-choices",
    "html",
    "wrong-model",
    "tool:{broken",
]
# Each provider says words of its own, so that a spliced answer shows.
WORDS = {"a": "apple", "b": "berry", "c": "cherry"}
TURN = TurnConfig(policy="fixed", silence_ms=500)


class Providers:
    """A call answered by providers over a transport without sockets."""

    def __init__(self, *faults: str, speculations: int = 0, first_s: float = 0.2):
        services, providers = {}, []
        for name, fault in zip(WORDS, faults, strict=False):
            deltas = (*tuple(f"{WORDS[name]} " for _ in range(5)), "end. ")
            services[name] = ChatService(first_s, 0.02, deltas)
            url = f"http://{name}/v1"
            providers.append(TextProvider(name, url, fault, expect_model=fault))
        self.transport = FakeTransport(services)
        self.metrics = Metrics()
        budget = BudgetConfig(speculations=speculations)
        config = Config(
            turn=TURN, budget=budget, text=TextConfig(provider=tuple(providers))
        )
        self.chain = text_chain(
            config,
            self.transport,
            Standby(Responder(config.responder)),
            self.metrics,
            Costs(self.metrics),
        )
        recogniser = FakeRecogniser(["tell me about fruit"])
        self.call = Call(config, recogniser, self.chain)

    def talk(self, turns: int = 1, pause_s: float = 12.0) -> list[TurnRecord]:
        script = [(1.0, False)]
        for _ in range(turns):
            script += [(1.0, True), (pause_s, False)]
        run_virtual(self.call.run(script))
        return self.call.dialect.records

    @property
    def texts(self) -> list[str]:
        events = self.call.dialect.events
        return [event.text for event in events if isinstance(event, ReplyDone)]


def check(talk: Providers) -> None:
    """What holds whatever happened."""
    for text in talk.texts:
        models = [name for name, word in WORDS.items() if word in text]
        assert len(models) <= 1, f"spliced: {text}"
    assert talk.transport.open == 0
    assert all(route.running == 0 for route, _ in talk.chain._routes)


@pytest.mark.parametrize("speculations", [0, 3])
@pytest.mark.parametrize("fault", FAULTS)
def test_some_audio_sounds_within_700_ms(fault: str, speculations: int) -> None:
    """With the one provider that there is, and then every turn again."""
    talk = Providers(fault, speculations=speculations)
    records = talk.talk(3)
    assert len(records) == 3
    for record in records:
        assert record.any_audio_ms is not None
        assert record.any_audio_ms <= 700, record.steps
        assert record.first_audio_ms is not None, "nothing but a filler was said"
    check(talk)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_healthy_second_provider_answers(fault: str) -> None:
    """Where the first had not begun; and it is known who did."""
    talk = Providers(fault, "ok")
    [record] = talk.talk()
    assert record.answered_by in ("a", "b")
    if record.answered_by == "b":
        assert "text.next_provider" in record.steps
        assert talk.texts[0].endswith("berry " * 5 + "end. ")
    check(talk)


@pytest.mark.parametrize("behind", [(), ("ok",)])
def test_a_provider_that_cannot_be_reached_costs_no_time(behind: tuple[str]) -> None:
    """As with a certificate that nobody trusts; the breaker opens by itself."""
    talk = Providers("ok", *behind)
    talk.transport.fails["a"] = "its certificate is not trusted, or is another host's"
    records = talk.talk(3)
    assert all(record.first_audio_ms is not None for record in records)
    assert all((record.first_audio_ms or 0) <= 450 for record in records)
    assert talk.chain.providers[0].state == "open"
    check(talk)


def test_a_healthy_provider_keeps_the_targets() -> None:
    """First words after 150 to 300 ms: p50 at most 350, p95 at most 600 ms."""
    taken: list[float] = []
    rng = random.Random(3)
    for _ in range(40):
        talk = Providers("ok", first_s=rng.uniform(0.15, 0.3))
        talk.transport.services["a"].deltas = ("apple is good. ", "apple. ")
        talk.call.speech.first_s = 0.045  # type: ignore[attr-defined]
        [record] = talk.talk()
        assert record.first_audio_ms is not None
        taken.append(record.first_audio_ms)
    taken.sort()
    assert taken[19] <= 350 and taken[37] <= 600


def test_an_answer_begun_in_time_sounds_at_once() -> None:
    """A speculation that held: at most 60 ms after the commit."""
    talk = Providers("ok", speculations=3)
    [record] = talk.talk()
    assert record.speculation == "held"
    assert record.first_audio_ms is not None and record.first_audio_ms <= 60


def test_fillers_are_told_and_not_remembered() -> None:
    """The first words of the item, once a turn, no words of the answer."""
    talk = Providers("slow:590")
    record, _ = talk.talk(2)
    assert record.steps == ("text.filler",)
    assert talk.texts[0].startswith("Hmm\u2026 apple")
    assert talk.texts[1].startswith("Well\u2026 apple")
    history = talk.call.session._history.messages()
    assert [said.text for said in history if said.role == "assistant"] == [
        "apple " * 5 + "end. "
    ] * 2


def test_first_answer_and_first_audio_are_two_figures() -> None:
    """The filler is no answer."""
    talk = Providers("slow:590")
    [record] = talk.talk()
    assert record.any_audio_ms is not None and record.first_audio_ms is not None
    assert record.any_audio_ms < 520 < record.first_audio_ms


def test_a_hang_costs_its_deadline_only_until_the_breaker_opens() -> None:
    """Three turns wait for the first provider; then nobody does."""
    talk = Providers("hang", "ok")
    taken = [record.first_audio_ms or 0 for record in talk.talk(5)]
    healthy = taken[-1]
    assert all(ms <= healthy + 600 + 50 for ms in taken[:3])
    assert taken[3] == pytest.approx(healthy, abs=21)


def test_tokens_of_a_wrong_guess_are_counted() -> None:
    """Speech resumes: what was begun is dropped, and what it cost is in the ledger."""
    talk = Providers("ok", speculations=3)
    talk.call.recogniser.texts = ["tell me about fruit and more of it"]
    script = [(1.0, False), (0.9, True), (0.4, False), (0.8, True), (6.0, False)]
    run_virtual(talk.call.run(script))
    [record] = talk.call.dialect.records
    assert 0 < record.spent.tokens_wasted < record.spent.tokens_in + 13
    check(talk)


@pytest.mark.parametrize("seed", range(40))
def test_any_faults_in_any_order(seed: int) -> None:
    """Seeded: faults, barge-ins and resumed speech; nothing spliced, nothing left."""
    rng = random.Random(seed)
    faults = [rng.choice(FAULTS) for _ in range(rng.randint(1, 3))]
    talk = Providers(*faults, speculations=rng.choice([0, 3]))
    script = [(0.5, False)]
    for _ in range(6):
        script.append((rng.uniform(0.3, 1.2), True))
        script.append((rng.uniform(0.2, 3.0), False))
    script.append((12.0, False))

    async def scenario() -> None:
        async with talk.chain:
            await talk.call.run(script)
            await asyncio.sleep(0.3)

    run_virtual(scenario())
    check(talk)
