"""Engines whose processes are killed at random while they work."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from contextlib import aclosing

import numpy as np
import pytest

from tests.processes.test_supervised import until
from voiceserver.engines.base import SpeechRequest
from voiceserver.engines.remote.recogniser import RemoteRecogniser, recogniser_spec
from voiceserver.engines.remote.synthesizer import SLOTS, RemoteSynthesizer, speech_spec
from voiceserver.errors import EngineFailed
from voiceserver.metrics import Metrics
from voiceserver.processes import restarts

WORD = 4800  # samples the made-up voice gives for a word
BUSY_S = 1.5
EACH = 15  # utterances, and phrases


class Fire:
    """Utterances and phrases at random, and what became of them."""

    def __init__(self, seed: int, voice: RemoteSynthesizer, ears: RemoteRecogniser):
        self._random = random.Random(seed)
        self._voice = voice
        self._ears = ears
        self.ends: list[str] = []

    async def utter(self) -> None:
        """Push audio of a random length; close early, or wait for the words."""
        await asyncio.sleep(self._random.random() * BUSY_S)
        utterance, pushed = self._ears.open(), 0
        try:
            for _ in range(self._random.randrange(40)):
                n_samples = self._random.randrange(1600)
                utterance.push(np.full(n_samples, 0.1, np.float32))
                pushed += n_samples
                await asyncio.sleep(self._random.random() * 0.02)
            if self._random.random() < 0.2:
                self.ends.append("closed")
                return
            final = await utterance.final()
            assert final.text == f"{pushed} samples"
            self.ends.append("final")
        except EngineFailed as error:
            self.ends.append(f"failed: {error}")
        finally:
            utterance.close()

    async def say(self) -> None:
        """Speak a phrase, take it slowly, close it early now and then."""
        await asyncio.sleep(self._random.random() * BUSY_S)
        words, got = self._random.randrange(1, 40), 0
        request = SpeechRequest("word " * words)
        try:
            async with aclosing(self._voice.speak(request)) as stream:
                async for chunk in stream:
                    got += len(chunk.samples)
                    if self._random.random() < 0.01:
                        self.ends.append("closed")
                        return
                    await asyncio.sleep(self._random.random() * 0.004)
            assert got == words * WORD
            self.ends.append("spoken")
        except EngineFailed:
            self.ends.append("died")

    async def kill(self) -> None:
        """Kill one of the processes, several times."""
        for _ in range(4):
            await asyncio.sleep(self._random.random() * BUSY_S / 2)
            pids = [*self._ears.pids, self._voice.pid]
            pid = self._random.choice(pids)
            if pid is not None:
                os.kill(pid, signal.SIGKILL)


@pytest.mark.net
@pytest.mark.parametrize("seed", [1, 2])
async def test_nothing_is_lost_mixed_up_or_left(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every utterance has its own words; every phrase its audio or an error."""
    monkeypatch.setattr(restarts, "BACK_OFF_S", (0.0, 0.0, 0.05))
    metrics = Metrics()
    core = "tests.engines.remote.fake_cores"
    ears_spec = recogniser_spec("ears", f"{core}:load_recogniser", {"slow_s": 0.001})
    async with (
        RemoteSynthesizer(speech_spec("fake", f"{core}:load_voice"), metrics) as voice,
        RemoteRecogniser(ears_spec, 2, metrics) as ears,
    ):
        await voice.ready()
        await ears.ready()
        fire = Fire(seed, voice, ears)
        async with asyncio.TaskGroup() as group:
            for _ in range(EACH):
                group.create_task(fire.utter())
                group.create_task(fire.say())
            group.create_task(fire.kill())
        assert len(fire.ends) == 2 * EACH
        assert not [end for end in fire.ends if end.startswith("failed")]
        await until(lambda: len(ears.pids) == 2 and voice.pid is not None)
        await until(lambda: voice._child.free == SLOTS)
        assert ears.waiting == 0
