"""Engines die in the middle of a call: the call lives, and nobody waits in silence."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Iterator
from typing import Any

import numpy as np
import psutil
import pytest

from benchmarks.caller import RATE, Caller
from benchmarks.processes import Server
from tests.e2e.running import PATIENT, lasting_server
from tests.recordings import recording

pytestmark = [pytest.mark.net, pytest.mark.speech]

LIMIT_S = 50.0
QUESTION = "speech/command/brooklyn.wav"
# A microphone that stalls on a busy machine is no end of a turn.
VAD = {"type": "server_vad", "silence_duration_ms": 1200}
SESSION: dict[str, object] = {
    "type": "realtime",
    "audio": {"input": {"turn_detection": VAD}},
}


def children(server: Server, name: str) -> list[int]:
    """Process ids of an engine's processes."""
    family = psutil.Process(server.pid).children(recursive=True)
    return [child.pid for child in family if name in child.cmdline()]


async def event(caller: Caller, kind: str, number: int = 1) -> dict[str, Any]:
    """Wait for the so-many-th event of a type."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            found = [e for _, e in caller.events if e["type"] == kind]
            if len(found) >= number:
                return found[number - 1]
            await asyncio.sleep(0.02)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """With the embedded engines; those that are killed are started again."""
    with lasting_server(PATIENT) as running:
        yield running


@contextlib.asynccontextmanager
async def calling(server: Server) -> AsyncIterator[Caller]:
    """A call to it."""
    caller = Caller(server.url)
    await caller.connect(SESSION)
    await event(caller, "session.updated")
    try:
        yield caller
    finally:
        await caller.close()


def ask(caller: Caller) -> float:
    """Ask a question; return how long it takes to say."""
    speech = recording(QUESTION, RATE)
    caller.microphone.say(speech * np.float32(0.5 / np.abs(speech).max()))
    return len(speech) / RATE


async def test_a_recogniser_killed_while_it_listens(server: Server) -> None:
    """The words before and after are all understood, and answered."""
    async with calling(server) as caller:
        took_s = ask(caller)
        await asyncio.sleep(took_s / 2)
        for pid in children(server, "pocketsphinx"):
            os.kill(pid, signal.SIGKILL)
        kind = "conversation.item.input_audio_transcription.completed"
        heard = await event(caller, kind)
        assert heard["transcript"] == "how old is the brooklyn bridge"
        turn = await event(caller, "voiceserver.turn.latency")
        assert turn["answered_by"] == "responder"


async def test_a_voice_killed_while_it_speaks(server: Server) -> None:
    """The reply ends with a reason, and the next question is answered aloud."""
    async with calling(server) as caller:
        ask(caller)
        await event(caller, "output_audio_buffer.started")
        for pid in children(server, "neural"):
            os.kill(pid, signal.SIGKILL)
        await event(caller, "response.done")
        await event(caller, "voiceserver.turn.latency")
        ask(caller)
        await event(caller, "output_audio_buffer.started", 2)
        done = await event(caller, "response.done", 2)
        assert done["response"]["status"] == "completed"
