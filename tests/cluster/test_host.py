"""Jobs from far away: order, results, and callers who are gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import pytest

from tests.engines.remote.fake_cores import CHUNK
from voiceserver import __version__
from voiceserver.cluster import host as hosting
from voiceserver.cluster.host import MAX_EARLY, EngineHost
from voiceserver.engines.remote.synthesizer import speech_spec
from voiceserver.processes.ipc import Kind, Message

pytestmark = pytest.mark.net

ORDER = {"voice": "alloy", "speed": 1.0, "credit": 99}


@asynccontextmanager
async def hosted() -> AsyncGenerator[EngineHost, None]:
    spec = speech_spec("fake", "tests.engines.remote.fake_cores:load_voice")
    async with EngineHost(spec) as host:
        await host.ready()
        yield host


def phrase(text: str) -> list[Message]:
    return [
        Message(Kind.OPEN, meta=dict(ORDER)),
        Message(Kind.PUSH, body=text.encode()),
        Message(Kind.FINISH),
    ]


async def results(host: EngineHost, job_id: str) -> list[Message]:
    async with asyncio.timeout(10):
        batches = [batch async for batch in host.results(job_id)]
    return [message for batch in batches for message in batch]


def kinds(messages: Sequence[Message]) -> list[Kind]:
    return [message.kind for message in messages]


async def test_packets_may_overtake_each_other() -> None:
    """They are obeyed in order, however they come."""
    async with hosted() as host:
        for number, message in reversed(list(enumerate(phrase("hello")))):
            host.take("a:1", number, [message])
        told = await results(host, "a:1")
        assert kinds(told) == [Kind.ITEM, Kind.ITEM, Kind.END]
        assert len(told[0].body) == 4 * CHUNK
        assert host.jobs == 0


async def test_what_comes_for_a_job_that_is_over_is_no_job() -> None:
    """Credits under way, and who gives a place back: nothing grows by them."""
    async with hosted() as host:
        host.take("a:1", 0, phrase("hello"))
        assert kinds(await results(host, "a:1"))[-1] is Kind.END
        host.take("a:1", 1, [Message(Kind.CREDIT, meta={"items": 1})])
        host.take("a:1", 2, [Message(Kind.CANCEL)])
        assert host.jobs == 0


async def test_it_says_what_it_is() -> None:
    """Version, voices and how many jobs it takes."""
    async with hosted() as host:
        assert host.about["version"] == __version__
        assert host.about["voices"] == ["alloy", "tone"]
        host.check()


async def test_a_job_that_is_stopped_says_so() -> None:
    """Its results end, and it is forgotten."""
    async with hosted() as host:
        host.take("a:1", 0, phrase("slow " * 50))
        host.take("a:1", 1, [Message(Kind.CANCEL)])
        assert kinds(await results(host, "a:1"))[-1] is Kind.CANCELLED
        assert host.jobs == 0


async def test_a_packet_that_never_comes_loses_the_job() -> None:
    """What waits for it is bounded."""
    async with hosted() as host:
        for number in range(1, MAX_EARLY + 3):
            host.take("a:1", number, [Message(Kind.FINISH)])
        assert kinds(await results(host, "a:1")) == [Kind.LOST]


async def test_jobs_of_a_gateway_that_is_gone_are_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that gives signs of life keeps its own."""
    monkeypatch.setattr(hosting, "REAP_S", 0.01)
    monkeypatch.setattr(hosting, "SILENT_LIMIT_S", 0.1)
    async with hosted() as host:
        host.take("gone:1", 0, [Message(Kind.OPEN, meta=dict(ORDER))])
        host.take("here:1", 0, [Message(Kind.OPEN, meta=dict(ORDER))])
        async with asyncio.timeout(10):
            while host.jobs > 1:
                host.alive("here")
                await asyncio.sleep(0.01)
        host.take("here:1", 1, phrase("hello")[1:])
        assert kinds(await results(host, "here:1"))[-1] is Kind.END
