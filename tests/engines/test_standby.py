"""A recogniser and the one that takes over from it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import numpy as np
import pytest

from tests.engines.conformance import check_recogniser, heard
from voiceserver.audio import MIC_RATE
from voiceserver.engines.remote.recogniser import (
    MAX_WAITING,
    RemoteRecogniser,
    recogniser_spec,
)
from voiceserver.engines.standby import WithStandby
from voiceserver.errors import EngineFailed
from voiceserver.metrics import Metrics

pytestmark = pytest.mark.net

CORES = "tests.engines.remote.fake_cores"
SECOND = np.full(MIC_RATE, 0.1, np.float32)
DEADLY = np.full(MIC_RATE, -1.0, np.float32)  # kills the made-up core


def remote(core: str, name: str, relieved: bool = False) -> RemoteRecogniser:
    spec = recogniser_spec(name, f"{CORES}:{core}", {"utterances": 2})
    return RemoteRecogniser(spec, 1, Metrics(), relieved)


@asynccontextmanager
async def both(core: str) -> AsyncGenerator[WithStandby, None]:
    first = remote(core, "first", relieved=True)
    async with WithStandby(first, remote("load_recogniser", "second")) as pair:
        await pair.ready()
        yield pair


async def test_both_together_conform() -> None:
    """The standby shows nowhere."""
    async with both("load_recogniser") as pair:
        assert (pair.name, pair.language) == ("first", "en")
        await check_recogniser(pair, SECOND)


async def test_the_standby_hears_where_the_first_cannot_be_loaded(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """With one line that says so."""
    async with both("load_nothing") as pair:
        assert pair.name == "second"
        assert (await heard(pair, SECOND)).text == "16000 samples"
    told = [r for r in caplog.records if "hears instead" in r.message]
    assert len(told) == 1
    assert "install it" in vars(told[0])["why"]


async def test_neither_is_an_error_of_the_first() -> None:
    """It was the one that was asked for."""
    first = remote("load_nothing", "first")
    async with WithStandby(first, remote("load_nothing", "second")) as pair:
        with pytest.raises(EngineFailed, match=r"^first: "):
            await pair.ready()


async def kill_first(pair: WithStandby) -> None:
    """Kill the process of the first, and wait until that is known."""
    [pid] = pair._first.pids
    os.kill(pid, signal.SIGKILL)
    while pair._first.up:  # noqa: ASYNC110 - no event tells of it
        await asyncio.sleep(0.01)


async def test_an_utterance_is_taken_over_in_the_middle() -> None:
    """With all its audio, though its process dies while somebody speaks."""
    async with both("load_recogniser") as pair:
        utterance = pair.open()
        utterance.push(SECOND)
        await kill_first(pair)
        utterance.push(SECOND)
        async with asyncio.timeout(20):
            assert (await utterance.final()).text == "32000 samples"
        utterance.close()


async def test_an_utterance_waits_with_its_audio_for_a_standby_without_room() -> None:
    """Many are left at once when a process dies; no call ends by it."""
    async with both("load_recogniser") as pair:
        utterance = pair.open()
        utterance.push(SECOND)
        await kill_first(pair)
        others = [pair._standby.open() for _ in range(2 + MAX_WAITING)]
        utterance.push(SECOND)
        for other in others:
            other.close()
        utterance.push(SECOND)
        async with asyncio.timeout(20):
            assert (await utterance.final()).text == "48000 samples"
        utterance.close()


async def test_an_utterance_is_taken_over_at_its_end() -> None:
    """The final is the standby's; one that kills both has none."""
    async with both("load_recogniser") as pair:
        utterance = pair.open()
        utterance.push(DEADLY)
        async with asyncio.timeout(60):
            with pytest.raises(EngineFailed):
                await utterance.final()
            assert (await heard(pair, SECOND)).text == "16000 samples"
        utterance.close()
