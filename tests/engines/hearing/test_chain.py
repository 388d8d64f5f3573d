"""Services that hear, and the own recogniser behind them, within one turn."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable

import numpy as np
import pytest

from tests.virtual_time import run_virtual
from voiceserver.audio import Samples
from voiceserver.budget import Spent
from voiceserver.engines.base import DICTATION, Hypothesis, Opening
from voiceserver.engines.hearing.chain import MAX_KEPT_S, HearingChain
from voiceserver.engines.notes import Note, paid_by
from voiceserver.engines.providers.costs import Costs
from voiceserver.engines.providers.route import Route, RouteLimits
from voiceserver.errors import EngineFailed, ProviderFailed
from voiceserver.metrics import Metrics
from voiceserver.purse import Cap, Purse

BLOCK = np.ones(640, np.float32)


class OwnUtterance:
    """Hears "own words" however little is said."""

    def __init__(self, fails: bool) -> None:
        self.fails = fails
        self.n_samples = 0
        self.ended = self.closed = False
        self.until = 0

    @property
    def latest(self) -> Hypothesis:
        """So far."""
        return Hypothesis("own")

    def push(self, samples: Samples) -> None:
        """Count."""
        self.n_samples += len(samples)

    def voiced(self, until: int) -> None:
        """Keep."""
        self.until = until

    async def final(self) -> Hypothesis:
        """Give the words."""
        self.ended = True
        if self.fails:
            raise EngineFailed("own", "dead")
        return Hypothesis("own words", final=True)

    def close(self) -> None:
        """Note it."""
        self.closed = True


class Own:
    """The server's own recogniser."""

    name, language = "own", "en"

    def __init__(self, fails: bool = False) -> None:
        self.utterance = OwnUtterance(fails)

    def open(self, opening: Opening = DICTATION) -> OwnUtterance:
        """Give the one utterance."""
        return self.utterance


class Service:
    """Gives its words after a while, or fails."""

    def __init__(self, text: str, after_s: float = 0.05, fails: bool = False) -> None:
        self.text, self.after_s, self.fails = text, after_s, fails
        self.heard: list[int] = []
        self.stopped = 0
        self.prompt = ""

    async def recognise(
        self,
        pcm: bytes,
        opening: Opening = DICTATION,
        observe: Callable[[Note], None] = lambda _note: None,
    ) -> AsyncGenerator[Hypothesis, None]:
        """Hear all."""
        self.heard.append(len(pcm) // 2)
        self.prompt = opening.prompt
        observe(Spent(cost_usd=0.25))
        try:
            await asyncio.sleep(self.after_s)
        except asyncio.CancelledError:
            self.stopped += 1
            raise
        if self.fails:
            raise ProviderFailed(self.text, "is out of order")
        yield Hypothesis(self.text, final=True)


def chain_of(own: Own, *services: Service, words: tuple[str, ...] = ()) -> HearingChain:
    """A chain with limits of 400 ms."""
    metrics, rng = Metrics(), random.Random(1)
    costs = Costs(metrics)
    routes = [
        Route(
            service.text,
            "recogniser",
            RouteLimits(0.4, 0.4),
            metrics,
            rng,
            costs,
            priced=True,
        )
        for service in services
    ]
    pairs = list(zip(routes, services, strict=True))
    return HearingChain(pairs, own, 0.2, words)  # type: ignore[arg-type]


def words(own: Own, *services: Service, blocks: int = 25) -> str:
    """Say a second; return what was heard."""

    async def scenario() -> str:
        async with chain_of(own, *services) as chain:
            utterance = chain.open()
            for _ in range(blocks):
                utterance.push(BLOCK)
            assert utterance.latest.text == "own"
            hypothesis = await utterance.final()
            assert await utterance.final() == hypothesis == utterance.latest
            utterance.close()
            return hypothesis.text

    return run_virtual(scenario())


def test_a_service_hears_the_whole_utterance() -> None:
    own, service = Own(), Service("remote words")
    assert words(own, service) == "remote words"
    assert service.heard == [25 * len(BLOCK)]
    assert own.utterance.closed


@pytest.mark.parametrize(
    "services",
    [
        [Service("broken", fails=True)],
        [Service("late", after_s=5)],
        [Service("broken", fails=True), Service("late", after_s=5)],
        [],
    ],
)
def test_the_own_one_takes_over_in_the_same_turn(
    services: list[Service],
) -> None:
    own = Own()
    assert words(own, *services) == "own words"
    assert own.utterance.n_samples == 25 * len(BLOCK)


def test_the_next_service_is_asked_beside_a_slow_one() -> None:
    slow, quick = Service("slow", after_s=0.39), Service("quick")
    assert words(Own(), slow, quick) == "quick"
    assert slow.stopped == 1


def test_a_service_is_paid_by_the_call_until_that_has_spent_its_own() -> None:
    """Then the own recogniser hears alone, and nothing is sent."""
    purse, service = Purse(Cap(0.5, 1.0)), Service("remote words")
    opening = Opening(observe=paid_by(purse.pay_beside), thrift=lambda: purse.thrift)

    async def scenario() -> list[str]:
        heard = []
        async with chain_of(Own(), service) as chain:
            for _ in range(3):
                utterance = chain.open(opening)
                utterance.push(BLOCK)
                heard.append((await utterance.final()).text)
                utterance.close()
        return heard

    assert run_virtual(scenario()) == ["remote words"] * 2 + ["own words"]
    assert (len(service.heard), purse.beside()) == (2, 0.5)


def test_without_anybody_left_it_fails_as_the_own_one_does() -> None:
    with pytest.raises(EngineFailed, match="dead"):
        words(Own(fails=True), Service("broken", fails=True))


def test_nothing_is_sent_of_silence_without_samples_or_of_too_much() -> None:
    service = Service("remote words")
    assert words(Own(), service, blocks=0) == "own words"
    assert words(Own(), service, blocks=MAX_KEPT_S * 25 + 2) == "own words"
    assert not service.heard


def test_a_wait_may_be_cut_short_and_taken_up_again() -> None:
    service = Service("remote words", after_s=0.3)

    async def scenario() -> str:
        async with chain_of(Own(), service) as chain:
            utterance = chain.open()
            utterance.push(BLOCK)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await utterance.final()
            return (await utterance.final()).text

    assert run_virtual(scenario()) == "remote words"
    assert service.heard == [len(BLOCK)]


def test_a_closed_utterance_stops_its_service() -> None:
    service = Service("remote words", after_s=0.3)

    async def scenario() -> None:
        async with chain_of(Own(), service) as chain:
            utterance = chain.open()
            utterance.push(BLOCK)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await utterance.final()
            utterance.close()
            await asyncio.sleep(0.01)

    run_virtual(scenario())
    assert service.stopped == 1


def test_words_to_be_expected_are_told_where_a_client_says_nothing() -> None:
    service = Service("remote words")
    prompts: list[str] = []

    async def scenario() -> None:
        async with chain_of(Own(), service, words=("latte", "mocha")) as chain:
            for opening in (DICTATION, Opening(prompt="tea")):
                utterance = chain.open(opening)
                utterance.push(BLOCK)
                await utterance.final()
                prompts.append(service.prompt)

    run_virtual(scenario())
    assert prompts == ["latte, mocha", "tea"]
