"""A service that hears while somebody speaks, with the own recogniser beside it."""

from __future__ import annotations

import asyncio
import logging
import random
from typing import Literal

import numpy as np
import pytest

from tests.engines.hearing.test_chain import BLOCK, Own, Service
from tests.engines.toy.engine import HOME, RECOGNISER, ConfigWithToy
from tests.fake_sockets import FakeSockets
from tests.faulty_live_server import FaultyLiveServer
from tests.session.microphone.test_listener import Ear
from tests.virtual_time import run_virtual
from voiceserver.config import (
    BudgetConfig,
    Config,
    EnginesConfig,
    RecogniserConfig,
    RecogniserProvider,
)
from voiceserver.engines.base import DICTATION, Opening, Recogniser
from voiceserver.engines.hearing.chain import (
    MAX_KEPT_S,
    HearingChain,
    hearing_chain,
)
from voiceserver.engines.hearing.deepgram import wire
from voiceserver.engines.hearing.live import LiveService
from voiceserver.engines.notes import paid_by
from voiceserver.engines.opening import open_engines
from voiceserver.engines.providers.costs import Costs
from voiceserver.engines.providers.route import Route, RouteLimits
from voiceserver.engines.providers.services.http import Http
from voiceserver.engines.table import ROWS
from voiceserver.events import UserTurn
from voiceserver.metrics import Metrics
from voiceserver.purse import Cap, Purse
from voiceserver.turns.ending import EndWeights

KEY = "key-that-nobody-may-read"


def chain_of(
    own: Own,
    sockets: FakeSockets,
    *others: Service,
    capacity: int = 0,
    priced: bool = False,
    model: str = "nova-3",
) -> HearingChain:
    """Deepgram first, a dollar a second, with limits of 400 ms."""
    metrics, rng = Metrics(), random.Random(1)
    costs = Costs(metrics)
    provider = RecogniserProvider("live", "http://h", model, "deepgram", price=60.0)
    live = LiveService(provider, sockets, wire, {})
    limits = RouteLimits(0.4, 0.4, capacity)
    routes = [
        Route(name, "recogniser", limits, metrics, rng, costs, priced=priced)
        for name in ["live", *(other.text for other in others)]
    ]
    pairs = list(zip(routes, [live, *others], strict=True))
    return HearingChain(pairs, own, 0.2)  # type: ignore[arg-type]


async def words_of(chain: Recogniser, opening: Opening = DICTATION) -> str:
    """Say a second."""
    utterance = chain.open(opening)
    for _ in range(25):
        utterance.push(BLOCK)
        await asyncio.sleep(0.04)
    text = (await utterance.final()).text
    utterance.close()
    await asyncio.sleep(0)
    return text


def said(sockets: FakeSockets, *others: Service) -> str:
    """What a chain hears."""

    async def scenario() -> str:
        async with chain_of(Own(), sockets, *others) as chain:
            return await words_of(chain)

    return run_virtual(scenario())


def test_its_words_are_taken() -> None:
    sockets = FakeSockets("its words")
    assert said(sockets) == "its words"
    assert all(socket.aborted for socket in sockets.opened)


@pytest.mark.parametrize(
    "fault", ["refused", "garbage", "error", "hang_up", "silence", "late"]
)
def test_the_own_one_takes_over_in_the_same_turn(fault: str) -> None:
    """And before it another service that is sent the whole."""
    assert said(FakeSockets(fault=fault)) == "own words"
    other = Service("other words")
    assert said(FakeSockets(fault=fault), other) == "other words"
    assert other.heard == [25 * len(BLOCK)]


def test_its_partial_words_are_the_newest_until_it_fails() -> None:
    async def scenario() -> None:
        own, sockets = Own(), FakeSockets("a b c d", "hang_up")
        async with chain_of(own, sockets) as chain:
            sockets.fault = ""
            utterance = chain.open()
            assert utterance.latest.text == "own"
            for _ in range(15):
                utterance.push(BLOCK)
                await asyncio.sleep(0.04)
            assert utterance.latest.text == "a b"
            utterance.voiced(3200)
            assert own.utterance.until == 3200
            assert not utterance.latest.behind
            sockets.opened[-1].script.fault = "hang_up"  # type: ignore[attr-defined]
            utterance.push(BLOCK)
            await asyncio.sleep(0.04)
            assert utterance.latest.text == "own"
            utterance.close()

    run_virtual(scenario())


def test_a_place_is_taken_while_somebody_speaks() -> None:
    """Whoever finds none is heard by the own one."""

    async def scenario() -> None:
        async with chain_of(Own(), FakeSockets("live words"), capacity=1) as chain:
            [route] = chain.providers
            async with asyncio.TaskGroup() as group:
                heard = [group.create_task(words_of(chain)) for _ in range(2)]
                await asyncio.sleep(0.5)
                assert route.running == 1
            assert [task.result() for task in heard] == ["live words", "own words"]
            assert route.running == 0

    run_virtual(scenario())


def test_a_dismissed_utterance_is_paid_for_and_frees_its_place() -> None:
    async def scenario() -> float:
        sockets = FakeSockets()
        async with chain_of(Own(), sockets) as chain:
            [route] = chain.providers
            utterance = chain.open()
            for _ in range(25):
                utterance.push(BLOCK)
                await asyncio.sleep(0.04)
            utterance.close()
            await asyncio.sleep(0.01)
            assert route.running == 0
            assert sockets.opened[-1].aborted
            return route.costs.own_usd

    assert run_virtual(scenario()) == pytest.approx(1.0, abs=0.05)


def test_a_turn_is_paid_for_once() -> None:
    async def scenario() -> float:
        async with chain_of(Own(), FakeSockets()) as chain:
            await words_of(chain)
            return chain.providers[0].costs.own_usd

    assert run_virtual(scenario()) == pytest.approx(1.0)


def test_it_is_left_alone_after_failures_and_not_listened_to() -> None:
    async def scenario() -> None:
        sockets = FakeSockets(fault="refused")
        async with chain_of(Own(), sockets) as chain:
            assert await words_of(chain) == "own words"
            n_asked = len(sockets.urls)
            assert await words_of(chain) == "own words"
            assert len(sockets.urls) == n_asked

    run_virtual(scenario())


def test_a_recording_is_sent_when_it_is_whole() -> None:
    async def scenario() -> None:
        sockets = FakeSockets("live words")
        async with chain_of(Own(), sockets) as chain:
            n_warmed = len(sockets.opened)
            utterance = chain.open(Opening(whole=True))
            utterance.push(BLOCK)
            await asyncio.sleep(1)
            assert len(sockets.opened) == n_warmed
            assert (await utterance.final()).text == "live words"
            utterance.close()

    run_virtual(scenario())


def test_one_that_is_too_long_to_be_kept_is_heard_all_the_same() -> None:
    async def scenario() -> None:
        async with chain_of(Own(), FakeSockets("live words")) as chain:
            utterance = chain.open()
            second = np.ones(16_000, np.float32)
            for _ in range(MAX_KEPT_S + 2):
                utterance.push(second)
                await asyncio.sleep(1)
            assert (await utterance.final()).text == "live words"
            utterance.close()

    run_virtual(scenario())


def test_it_is_paid_by_the_call_and_not_asked_once_that_has_spent_its_own() -> None:
    purse = Purse(Cap(1.5, 1.0))
    opening = Opening(observe=paid_by(purse.pay_beside), thrift=lambda: purse.thrift)

    async def scenario() -> list[str]:
        sockets = FakeSockets("live words")
        async with chain_of(Own(), sockets, priced=True) as chain:
            return [await words_of(chain, opening) for _ in range(3)]

    assert run_virtual(scenario()) == ["live words"] * 2 + ["own words"]
    assert purse.beside() == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("model", "reason"), [("flux-general-en", "sound"), ("nova-3", "unclear")]
)
def test_what_flux_believes_of_the_end_is_weighed_by_our_own_turn_taking(
    model: str, reason: str
) -> None:
    """Nobody else tells it here."""
    weights = EndWeights("toy", {"silence": 1.0, "sound": 1.0})

    async def scenario() -> str:
        sockets = FakeSockets("i would like a coffee")
        async with chain_of(Own(), sockets, model=model) as chain:
            ear = Ear(chain, ending=weights)  # type: ignore[arg-type]
            await ear.listen((1.5, True), (3.0, False))
            [turn] = [event for event in ear.events if isinstance(event, UserTurn)]
            utterance = ear.listener.take(turn.utterance)
            if utterance is not None:
                utterance.close()
            await asyncio.sleep(0.01)
            return turn.reason

    assert run_virtual(scenario()) == reason


@pytest.mark.net
@pytest.mark.parametrize("model", ["nova-3", "flux-general-en", "m"])
@pytest.mark.parametrize(
    ("fault", "heard"),
    [
        ("", "hello there"),
        ("twice", "hello there"),
        ("language", "hola"),
        ("garbage", "own words"),
        ("silence", "own words"),
        ("error", "own words"),
        ("hang_up", "own words"),
        ("cut", "own words"),
        ("late", "own words"),
        ("401", "own words"),
        ("429", "own words"),
        ("302", "own words"),
        ("503", "own words"),
    ],
)
async def test_over_sockets_every_fault_leaves_the_turn_its_words(
    model: str,
    fault: str,
    heard: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And the key is nowhere, however much is logged."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("EARS_KEY", KEY)
    async with FaultyLiveServer(fault=fault) as server, Http() as http:
        chain = opened_chain(server.base_url, model, http)
        async with chain:
            utterance = chain.open()
            for _ in range(25):
                utterance.push(BLOCK)
                await asyncio.sleep(0.002)
            assert (await utterance.final()).text == heard
            utterance.close()
    how = "Bearer" if model == "m" else "Token"
    assert set(server.keys) == {f"{how} {KEY}"}
    assert not any("elsewhere" in path for path in server.paths)
    assert KEY not in caplog.text
    assert "secret words" not in caplog.text


def opened_chain(base_url: str, model: str, http: Http) -> HearingChain:
    """``"m"`` is OpenAI's, the others Deepgram's."""
    if model == "m":
        base_url += "/v1"
    dialect: Literal["openai_realtime", "deepgram"]
    dialect = "openai_realtime" if model == "m" else "deepgram"
    provider = RecogniserProvider("live", base_url, model, dialect, "EARS_KEY")
    config = Config(
        budget=BudgetConfig(recognition_ms=300),
        recogniser=RecogniserConfig(provider=(provider,)),
    )
    metrics = Metrics()
    return hearing_chain(config, http, Own(), metrics, Costs(metrics))


@pytest.mark.net
async def test_a_server_hears_by_flux_with_its_own_recogniser_beside_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Opened from the settings; what it says of ends can be weighed."""
    monkeypatch.setenv(HOME, "/tmp")
    toys = EnginesConfig(
        vad="stub", recogniser="toy", text="stub", speech="stub", turns="none"
    )
    async with FaultyLiveServer() as server:
        flux = RecogniserProvider(
            "flux", server.base_url, "flux-general-en", "deepgram"
        )
        config = ConfigWithToy(
            engines=toys, recogniser=RecogniserConfig(1, provider=(flux,))
        )
        async with open_engines(config, Metrics(), (*ROWS, RECOGNISER)) as engines:
            assert engines.ending is not None
            assert engines.turn_ends is None
            assert [each.name for each in engines.providers] == ["flux"]
            assert await words_of(engines.recogniser) == "hello there"
            server.fault = "503"
            assert await words_of(engines.recogniser) not in ("", "hello there")
