"""Engines die in the middle of a call: the call lives, and nobody waits in silence."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from benchmarks.caller import RATE, Caller
from tests.e2e.running import Running, running_server
from tests.recordings import recording

pytestmark = [pytest.mark.net, pytest.mark.speech]

LIMIT_S = 45.0
QUESTION = "speech/command/brooklyn.wav"
# What is late on a busy machine is not what dies here: limits that only lateness could
# reach are out of its reach, and a stalled microphone is no end of a turn.
PATIENT = """
[budget]
recognition_ms = 20000
recognition_last_ms = 20000
speech_first_ms = 10000
speech_last_ms = 10000
"""
VAD = {"type": "server_vad", "silence_duration_ms": 1200}
SESSION: dict[str, object] = {
    "type": "realtime",
    "audio": {"input": {"turn_detection": VAD}},
}


def children(server: Running, name: str) -> list[int]:
    """Process ids of an engine's processes."""
    family = psutil.Process(server.process.pid).children(recursive=True)
    return [child.pid for child in family if name in child.cmdline()]


async def event(caller: Caller, kind: str, number: int = 1) -> dict[str, Any]:
    """Wait for the so-many-th event of a type."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            found = [e for _, e in caller.events if e["type"] == kind]
            if len(found) >= number:
                return found[number - 1]
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def calling() -> AsyncIterator[tuple[Running, Caller]]:
    """A call to a server with the embedded engines."""
    async with running_server(PATIENT) as server:
        caller = Caller(server.url)
        await caller.connect(SESSION)
        await event(caller, "session.updated")
        try:
            yield server, caller
        finally:
            await caller.close()


def ask(caller: Caller) -> float:
    """Ask a question; return how long it takes to say."""
    speech = recording(QUESTION, RATE)
    caller.microphone.say(speech * np.float32(0.5 / np.abs(speech).max()))
    return len(speech) / RATE


async def test_a_recogniser_killed_while_it_listens(tmp_path: Path) -> None:
    """The words before and after are all understood, and answered."""
    async with calling() as (server, caller):
        took_s = ask(caller)
        await asyncio.sleep(took_s / 2)
        for pid in children(server, "pocketsphinx"):
            os.kill(pid, signal.SIGKILL)
        kind = "conversation.item.input_audio_transcription.completed"
        heard = await event(caller, kind)
        assert heard["transcript"] == "how old is the brooklyn bridge"
        turn = await event(caller, "voiceserver.turn.latency")
        assert turn["answered_by"] == "responder"


async def test_a_voice_killed_while_it_speaks() -> None:
    """The reply ends with a reason, and the next question is answered aloud."""
    async with calling() as (server, caller):
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
