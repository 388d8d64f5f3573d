"""Engines behind a gateway are engines: conformance, and replicas that die."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import numpy as np
import psutil
import pytest

from tests.cluster.local_fleet import GATEWAY
from tests.engines.conformance import check_recogniser, check_synthesizer
from tests.engines.remote.fake_cores import WORD
from tests.processes.test_supervised import until
from voiceserver.engines.base import SpeechChunk, SpeechRequest
from voiceserver.engines.remote.recogniser import RemoteRecogniser
from voiceserver.engines.remote.synthesizer import RemoteSynthesizer
from voiceserver.errors import EngineFailed
from voiceserver.metrics import Metrics
from voiceserver.processes.process import ChildSpec

pytestmark = pytest.mark.net

CORES = "tests.engines.remote.fake_cores"
VOICE = {"kind": "speech", "core": f"{CORES}:load_voice"}
EARS = {"kind": "recogniser", "core": f"{CORES}:load_recogniser", "utterances": 4}


@asynccontextmanager
async def voices() -> AsyncGenerator[RemoteSynthesizer, None]:
    spec = ChildSpec("ray", GATEWAY, {"engine": VOICE})
    async with RemoteSynthesizer(spec, Metrics()) as voice:
        await voice.ready()
        yield voice


@asynccontextmanager
async def ears() -> AsyncGenerator[RemoteRecogniser, None]:
    spec = ChildSpec("ray", GATEWAY, {"engine": EARS})
    async with RemoteRecogniser(spec, 1, Metrics()) as recogniser:
        await recogniser.ready()
        yield recogniser


def busy_engine(gateway: int | None) -> psutil.Process:
    """The engine's process that has computed for the longest."""
    assert gateway is not None
    children = psutil.Process(gateway).children()
    return max(children, key=lambda child: child.cpu_times().user)


async def test_a_voice_elsewhere_conforms() -> None:
    """What is between shows nowhere."""
    async with voices() as voice:
        await check_synthesizer(voice)


async def test_a_recogniser_elsewhere_conforms() -> None:
    """Utterances are leased, each to one replica."""
    async with ears() as recogniser:
        await check_recogniser(recogniser, np.full(16_000, 0.1, np.float32))


async def test_a_phrase_goes_on_at_the_next_replica() -> None:
    """Nothing is said twice, nothing is lost, and no mark is given again."""
    text = "slow " * 20
    async with voices() as voice:
        chunks: list[SpeechChunk] = []
        async for chunk in voice.speak(SpeechRequest(text)):
            chunks.append(chunk)
            if len(chunks) == 5:
                os.kill(busy_engine(voice.pid).pid, signal.SIGKILL)
    assert sum(len(chunk.samples) for chunk in chunks) == 20 * WORD
    marks = [mark for chunk in chunks for mark in chunk.words]
    assert [mark.pts for mark in marks] == [n * WORD for n in range(20)]


async def test_a_phrase_that_kills_every_replica_is_given_up() -> None:
    """And the next one is spoken by those that were started again."""
    async with voices() as voice:
        with pytest.raises(EngineFailed, match="ended"):
            _ = [chunk async for chunk in voice.speak(SpeechRequest("die"))]
        async with asyncio.timeout(20):
            while True:
                try:
                    said = [one async for one in voice.speak(SpeechRequest("alive"))]
                except EngineFailed:
                    await asyncio.sleep(0.05)
                else:
                    break
    assert sum(len(chunk.samples) for chunk in said) == WORD


async def test_a_replica_that_is_late_for_ever_keeps_nobody() -> None:
    """Who waits gives up at its own limit, and the next phrase is another one's."""
    async with voices() as voice:
        late = voice.speak(SpeechRequest("hang"))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await anext(late)
        await late.aclose()
        said = [chunk async for chunk in voice.speak(SpeechRequest("alive"))]
    assert sum(len(chunk.samples) for chunk in said) == WORD


async def test_an_utterance_is_heard_by_the_next_replica() -> None:
    """Its audio is kept, and sent again."""
    block = np.full(1600, 0.1, np.float32)
    async with ears() as recogniser:
        utterance = recogniser.open()
        for _ in range(10):
            utterance.push(block)
            await asyncio.sleep(0.01)
        await until(lambda: bool(utterance.latest.text))
        os.kill(busy_engine(recogniser.pids[0]).pid, signal.SIGKILL)
        for _ in range(10):
            utterance.push(block)
            await asyncio.sleep(0.01)
        assert (await utterance.final()).text == "32000 samples"


async def test_a_gateway_that_dies_ends_the_engines_behind_it() -> None:
    """No process is left, and a new gateway is started."""
    async with voices() as voice:
        pid = voice.pid
        assert pid is not None
        engines = psutil.Process(pid).children()
        os.kill(pid, signal.SIGKILL)
        await until(lambda: not any(one.is_running() for one in engines))
        await until(lambda: voice.pid not in (None, pid))
