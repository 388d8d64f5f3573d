"""Several voices as one: the built-in one takes over within the same phrase."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator
from contextlib import aclosing

import numpy as np
import pytest

from tests.fakes import FakeSpeech
from tests.faulty_speech_server import FaultySpeechServer
from tests.virtual_time import run_virtual
from voiceserver.budget import Step
from voiceserver.config import Config, SpeechConfig, SpeechProvider
from voiceserver.engines.base import SpeechChunk, SpeechRequest
from voiceserver.engines.notes import Answering, Note
from voiceserver.engines.providers.breaker import BreakerState
from voiceserver.engines.providers.chains import voice_chain
from voiceserver.engines.providers.costs import Costs
from voiceserver.engines.providers.route import Route, RouteLimits
from voiceserver.engines.providers.services.http import Http
from voiceserver.engines.providers.voice_chain import VoiceChain
from voiceserver.errors import EngineFailed
from voiceserver.metrics import Metrics

TEXT = "one two three four five"


class Service(FakeSpeech):
    """A speech service that breaks off after some chunks of 100 ms."""

    name = "service"

    def __init__(self, first_s: float = 0.05, breaks_after: int = 99) -> None:
        super().__init__(first_s)
        self.breaks_after = breaks_after
        self.asked = 0

    async def speak(self, request: SpeechRequest) -> AsyncGenerator[SpeechChunk, None]:
        self.asked += 1
        n = 0
        async with aclosing(super().speak(request)) as chunks:
            async for chunk in chunks:
                if n == self.breaks_after:
                    raise EngineFailed("service", "cut")
                n += 1
                yield chunk


class Bench:
    def __init__(self, service: Service) -> None:
        self.metrics, rng = Metrics(), random.Random(1)
        costs = Costs(self.metrics)
        self.own = FakeSpeech(first_s=0.04)
        self.own.name = "own"
        self.remote = Route(
            "service", "speech", RouteLimits(0.3, 1.0), self.metrics, rng, costs
        )
        own = Route(
            "own",
            "speech",
            RouteLimits(1, 2),
            self.metrics,
            rng,
            costs,
            guarded=False,
        )
        self.chain = VoiceChain([(self.remote, service), (own, self.own)], 0.11)

    def speak(self, prefer: str = "") -> tuple[list[SpeechChunk], list[Note]]:
        notes: list[Note] = []
        request = SpeechRequest(TEXT, observe=notes.append, prefer=prefer)

        async def scenario() -> list[SpeechChunk]:
            async with aclosing(self.chain.speak(request)) as chunks:
                return [chunk async for chunk in chunks]

        return run_virtual(scenario()), notes


def by(notes: list[Note]) -> list[str]:
    return [note.name for note in notes if isinstance(note, Answering)]


def test_the_service_speaks_where_it_can() -> None:
    """Its voices are the built-in one's: a call's setting always works."""
    bench = Bench(Service())
    chunks, notes = bench.speak()
    assert len(chunks) == 10 and by(notes) == ["service"]
    assert bench.chain.voices == FakeSpeech.voices


def test_a_service_alone_is_not_taken_over_from() -> None:
    """Its language is one that the others do not have; it still counts as asked."""
    bench = Bench(Service(breaks_after=0))
    alone = bench.chain.alone("service")

    async def scenario() -> None:
        async with aclosing(alone.speak(SpeechRequest(TEXT))) as chunks:
            async for _ in chunks:
                pass

    assert alone.name == "service"
    with pytest.raises(EngineFailed):
        run_virtual(scenario())
    assert bench.own.requests == []


def test_a_slow_service_is_overtaken() -> None:
    """Past the soft cap the built-in voice begins beside it, and wins."""
    bench = Bench(Service(first_s=0.25))
    _, notes = bench.speak()
    assert by(notes) == ["own"] and Step.NEXT_VOICE in notes


@pytest.mark.parametrize("breaks_after", [0, 1, 3, 7])
def test_a_service_that_breaks_off_is_taken_over_from(breaks_after: int) -> None:
    """At the start of a word, so that all words are heard; marks go on."""
    bench = Bench(Service(breaks_after=breaks_after))
    chunks, notes = bench.speak()
    assert by(notes) == (["own"] if breaks_after == 0 else ["service", "own"])
    ends = [word.end for chunk in chunks for word in chunk.words]
    assert ends[-1] == len(TEXT)
    assert set(np.unique([TEXT[:end].split()[-1] for end in ends])) == set(TEXT.split())
    last = [word for chunk in chunks for word in chunk.words][-1]
    assert last.pts_end == sum(len(chunk.samples) for chunk in chunks)
    assert bench.own.open_streams == 0


def test_an_answer_keeps_its_voice() -> None:
    """Who spoke the first phrase is asked first for the next."""
    service = Service()
    bench = Bench(service)
    assert by(bench.speak(prefer="own")[1]) == ["own"]
    assert service.asked == 0


def test_a_broken_service_is_left_alone() -> None:
    """After three failures nobody waits for it."""
    service = Service(breaks_after=0)
    bench = Bench(service)
    for _ in range(4):
        bench.speak()
    assert service.asked == 3
    assert bench.remote.breaker.state is BreakerState.OPEN


def test_no_voice_left_is_a_failure() -> None:
    """The reply then says a prepared line."""
    service, own = Service(breaks_after=0), Service(breaks_after=0)
    bench = Bench(service)
    bench.chain = VoiceChain(
        [(bench.remote, service), (bench.chain._routes[1][0], own)], 0.11
    )
    with pytest.raises(EngineFailed, match="cut"):
        bench.speak()


@pytest.mark.net
@pytest.mark.parametrize("dialect", ["openai", "azure"])
@pytest.mark.parametrize(
    "fault", ["429", "401", "502", "hang", "slow", "cut", "empty", "wav", "mp3", "html"]
)
async def test_the_built_in_voice_takes_over_within_the_turn(
    dialect: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a real service on loopback, whatever it does."""
    monkeypatch.setenv("VS_SPEECH_KEY", "canary")
    async with FaultySpeechServer(fault) as server, Http() as http:
        provider = SpeechProvider(
            "service",
            server.base_url,
            "MAI-Voice-1",
            dialect=dialect,  # type: ignore[arg-type]
            voice="en-US-June:MAI-Voice-1",
            key_env="VS_SPEECH_KEY",
        )
        config = Config(speech=SpeechConfig(provider=(provider,)))
        metrics = Metrics()
        own = FakeSpeech(first_s=0.01)
        own.name = "own"
        chain = voice_chain(config, http, own, metrics, Costs(metrics))
        notes: list[Note] = []
        request = SpeechRequest(TEXT, observe=notes.append)
        async with aclosing(chain.speak(request)) as chunks:
            n_samples = sum([len(chunk.samples) async for chunk in chunks])
    assert by(notes)[-1] == "own"
    assert n_samples >= 3 * own.word_samples


class Wordless(Service):
    """Ends well and gives no sound, as a voice does to letters it does not know."""

    async def speak(self, request: SpeechRequest) -> AsyncGenerator[SpeechChunk, None]:
        nothing: tuple[SpeechChunk, ...] = ()
        for chunk in nothing:
            yield chunk


def test_success_without_sound_is_none() -> None:
    """The other voice takes the phrase; the service is not held to be down."""
    bench = Bench(Wordless())
    for _ in range(3):
        chunks, notes = bench.speak()
        assert len(chunks) == 10 and by(notes) == ["own"]
    assert bench.remote.state == "closed"


def test_a_phrase_that_no_voice_knows_is_silent() -> None:
    """And no failure: what has nothing to speak gives an empty stream."""
    bench = Bench(Wordless())
    bench.own.speak = Wordless().speak  # type: ignore[method-assign]
    assert bench.speak()[0] == []
