"""Minutes of silence, and a monologue of twenty: what is heard, and what is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest

from tests.fakes import LOUD, FakeRecogniser, FakeSpeech, FakeText, FakeVad
from tests.virtual_time import VirtualClock, run_virtual
from voiceserver.audio import MIC_RATE, Samples
from voiceserver.config import TurnConfig
from voiceserver.engines.base import DICTATION, Hypothesis, Opening, Recogniser
from voiceserver.engines.opened import Engines
from voiceserver.engines.remote.utterance import RemoteUtterance
from voiceserver.engines.whisper.jobs import Usual, WhisperJob, WhisperJobs
from voiceserver.engines.whisper.model import Asked, Decoded
from voiceserver.engines.whisper.pace import LONGEST
from voiceserver.events import Event, SpeechStarted, UserTurn
from voiceserver.processes.ipc import Kind, Meta
from voiceserver.session.microphone.listener import Listener

BLOCK_S = 0.2
MINUTES = 20
SAID_S, PAUSE_S = 6.0, 0.4  # too short a pause to be an end
TIMES = int(MINUTES * 60 / (SAID_S + PAUSE_S))
WORDS_A_SECOND = 2


class CountingModel:
    """Hears two words in every second of loud audio."""

    device = "cpu"
    multilingual = True

    def __init__(self) -> None:
        self.longest = 0  # samples of a decode

    def decode(self, asked: Sequence[Asked]) -> list[Decoded]:
        """Count."""
        self.longest = max(self.longest, *(len(one.samples) for one in asked))
        return [self._decoded(one) for one in asked]

    @staticmethod
    def _decoded(one: Asked) -> Decoded:
        loud = np.count_nonzero(np.abs(one.samples) > LOUD / 2)
        words = " ".join(["word"] * (loud * WORDS_A_SECOND // MIC_RATE))
        return Decoded(words, -0.2, 0.1, False, one.language)


class Place:
    """A process's place for one utterance, without the process: a ``Job``."""

    def __init__(self, utterance: RemoteUtterance, job: WhisperJob) -> None:
        self._utterance = utterance
        self._job = job

    def push(self, body: bytes) -> None:
        """Hear, and tell what is known."""
        self._job.push(body)
        self._work()

    def note(self, meta: Meta) -> None:
        """Take where the last voice ended."""
        self._job.note(meta)

    def finish(self) -> None:
        """No more comes."""
        self._job.finish()
        self._work()

    def cancel(self) -> None:
        """Stop."""
        self._job.close()

    def _work(self) -> None:
        while self._job.urgency is not None:
            kind, meta, body = self._job.step()
            if kind is Kind.END:
                self._utterance.ended(meta, body)
            else:
                self._utterance.item(meta, body)


class Whisper:
    """A ``Recogniser`` and its ``Pool`` with a made-up model, in this process.

    Attributes:
        most: Bytes of audio that were ever kept, on both sides.
    """

    name = "whisper"
    language = "en"
    replays = True

    def __init__(self) -> None:
        self.model = CountingModel()
        self._jobs = WhisperJobs(self.model, 4, Usual(), now_s)
        self.most = 0
        self.lost = 0
        self._open: list[tuple[RemoteUtterance, WhisperJob]] = []

    def open(self, opening: Opening = DICTATION) -> RemoteUtterance:
        """Begin an utterance."""
        utterance = RemoteUtterance(self, opening)
        self.queue(utterance)
        return utterance

    def queue(self, utterance: RemoteUtterance, first: bool = False) -> None:
        """There is a place at once."""
        job = self._jobs.open(utterance.told)
        self._open = [pair for pair in self._open if not pair[1].over]
        self._open.append((utterance, job))
        utterance.leased(Place(utterance, job))  # type: ignore[arg-type]

    def forget(self, utterance: RemoteUtterance) -> None:
        """Nobody waits."""

    def dropped(self, samples: int) -> None:
        """Count what was lost."""
        self.lost += samples

    def look(self) -> None:
        """Look at what is kept now."""
        for utterance, job in self._open:
            self.most = max(self.most, len(utterance._audio), len(job._audio))


def now_s() -> float:
    """The virtual loop's seconds."""
    return asyncio.get_running_loop().time()


class Ear:
    """A listener, and what became of its turns."""

    def __init__(self, recogniser: Recogniser) -> None:
        self.events: list[Event] = []
        self.finals: list[Hypothesis] = []
        engines = Engines(FakeVad(), recogniser, FakeText(), FakeSpeech())
        self.listener = Listener(
            TurnConfig(policy="graded"),
            engines,
            self.events.append,
            lambda _db: None,
            VirtualClock(),
        )

    async def hear(self, level: Samples, seconds: float) -> None:
        """Hear a level for so long; committed turns are taken then."""
        for _ in range(round(seconds / BLOCK_S)):
            self.listener.hear(level)
            await asyncio.sleep(BLOCK_S)
        for event in self.events:
            if isinstance(event, UserTurn):
                await self._take(event.utterance)

    async def _take(self, number: int) -> None:
        if (utterance := self.listener.take(number)) is not None:
            self.finals.append(await utterance.final())
            utterance.close()


def level(amplitude: float) -> Samples:
    """A block as loud as that."""
    return np.full(int(BLOCK_S * MIC_RATE), amplitude, np.float32)


def test_a_monologue_of_twenty_minutes_is_heard_word_by_word() -> None:
    """In turns of five minutes; of their audio no more is kept than of one segment."""
    whisper = Whisper()
    ear = Ear(whisper)

    async def listen() -> None:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(ear.listener.run())
            for _ in range(TIMES):
                await ear.hear(level(LOUD), SAID_S)
                await ear.hear(level(0.0), PAUSE_S)
                whisper.look()
            await ear.hear(level(0.0), 3.0)
            task.cancel()

    run_virtual(listen())
    words = [len(final.text.split()) for final in ear.finals]
    assert len(words) == MINUTES / 5
    assert sum(words) == pytest.approx(WORDS_A_SECOND * SAID_S * TIMES, rel=0.02)
    assert whisper.lost == 0
    assert whisper.most <= 2 * LONGEST
    assert whisper.model.longest <= LONGEST


@pytest.mark.parametrize("amplitude", [0.0, 0.001])
def test_minutes_of_silence_cost_no_recogniser(amplitude: float) -> None:
    """Digital or a room's; who then speaks is heard."""
    recogniser = FakeRecogniser()
    ear = Ear(recogniser)

    async def listen() -> None:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(ear.listener.run())
            await ear.hear(level(amplitude), 300.0)
            assert not recogniser.openings and not ear.events
            await ear.hear(level(LOUD), 1.0)
            await ear.hear(level(amplitude), 2.0)
            task.cancel()

    run_virtual(listen())
    [start] = [event for event in ear.events if isinstance(event, SpeechStarted)]
    assert start.at == pytest.approx(300 * MIC_RATE, abs=512)
    assert [final.text for final in ear.finals] == ["hello there"]
