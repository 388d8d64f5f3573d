"""Scripted engines, a recording dialect and a carrier for tests in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from tests.virtual_time import VirtualClock
from voiceserver.audio import MIC_RATE, SPEECH_RATE, AudioFrame, Samples
from voiceserver.budget import TurnRecord
from voiceserver.commands import Attach, CallSettings, Command, HangUp
from voiceserver.config import Config
from voiceserver.engines.base import (
    DICTATION,
    Hypothesis,
    Opening,
    SpeechChunk,
    SpeechRequest,
    StreamWindows,
    TextItem,
    TextRequest,
    Withdraw,
    WordMark,
)
from voiceserver.engines.opened import Engines
from voiceserver.engines.polyglot import Polyglot
from voiceserver.events import Event, TimedWord
from voiceserver.metrics import Metrics
from voiceserver.reply.playout import Playout
from voiceserver.session.ports import CallParts, Carrier, Opened
from voiceserver.session.session import Session

LOUD = 0.1  # amplitude that the fake voice activity takes for speech
PTIME_S = 0.020


class FakeVad:
    """Loud is speech."""

    window = 512

    def open(self) -> FakeVad:
        return self

    def probability(self, window: Samples) -> float:
        return 0.99 if float(np.abs(window).mean()) > LOUD / 4 else 0.01

    def probabilities(self, windows: Sequence[Samples]) -> list[float]:
        return [self.probability(window) for window in windows]

    def together(self, asked: Sequence[StreamWindows]) -> list[list[float]]:
        return [stream.probabilities(windows) for stream, windows in asked]

    def reset(self) -> None:
        pass


class FakeUtterance:
    """Says ``text`` word by word as it hears."""

    def __init__(self, engine: FakeRecogniser, text: str) -> None:
        self._engine = engine
        self._text = text
        self._heard = 0
        self.voiced_until = 0
        self.latest = Hypothesis()
        engine.open_utterances += 1
        self._closed = False

    def push(self, samples: Samples) -> None:
        loud = np.abs(samples) > LOUD / 2
        self._heard += int(loud.sum())
        words = self._text.split()[: self._heard * self._engine.words_per_s // MIC_RATE]
        behind = self._engine.behind and len(words) < len(self._text.split())
        self.latest = Hypothesis(
            " ".join(words),
            language=self._engine.heard_in,
            behind=behind,
            ended=self._engine.ended,
        )

    def voiced(self, until: int) -> None:
        self.voiced_until = until

    async def final(self) -> Hypothesis:
        await asyncio.sleep(self._engine.final_s)
        if self._engine.error is not None:
            raise self._engine.error
        heard = self._engine.written(self._text) if self._heard else ""
        timed = tuple(
            TimedWord(word, n / 2, n / 2 + 0.5, -0.1)
            for n, word in enumerate(heard.split() if self._engine.timed else ())
        )
        language = self._engine.heard_in
        self.latest = Hypothesis(
            heard, final=True, complete=True, timed=timed, language=language
        )
        return self.latest

    def close(self) -> None:
        if not self._closed:
            self._engine.open_utterances -= 1
        self._closed = True


class FakeRecogniser:
    """Gives its texts one after the other, then the last again."""

    name = "fake"
    language = "en"

    def __init__(self, texts: Sequence[str] = ("hello there",)) -> None:
        self.texts = list(texts)
        self.final_s = 0.03
        self.words_per_s = 5
        self.behind = False  # partials are behind what was said
        self.ended: float | None = None  # how likely it finds the turn to be over
        self.error: Exception | None = None
        self.written: Callable[[str], str] = str  # how a final is written
        self.open_utterances = 0
        self.openings: list[Opening] = []
        self.timed = False  # whether its finals have times
        self.heard_in = ""  # the language that it hears

    def open(self, opening: Opening = DICTATION) -> FakeUtterance:
        self.openings.append(opening)
        text = self.texts.pop(0) if len(self.texts) > 1 else self.texts[0]
        return FakeUtterance(self, text)


class FakeText:
    """Streams words ``gap_s`` apart after ``first_s``."""

    name = "fake"
    version = "1"

    def __init__(self, words: int = 60, first_s: float = 0.2) -> None:
        self.words = [f"w{index}" for index in range(words)]
        self.first_s = first_s
        self.gap_s = 0.03
        self.open_streams = 0
        self.requests: list[TextRequest] = []

    async def reply(self, request: TextRequest) -> AsyncGenerator[TextItem, None]:
        self.requests.append(request)
        self.open_streams += 1
        try:
            await asyncio.sleep(self.first_s)
            for index, word in enumerate(self.words):
                # A sentence of five words.
                yield f"{word}. " if index % 5 == 4 else f"{word} "
                await asyncio.sleep(self.gap_s)
        finally:
            self.open_streams -= 1


class FakeSpeech:
    """200 ms of constant level for each word, with marks, in 100 ms chunks."""

    name = "fake"
    voices = ("alloy", "echo")

    def __init__(self, first_s: float = 0.1) -> None:
        self.first_s = first_s
        self.open_streams = 0
        self.requests: list[SpeechRequest] = []
        self.word_samples = SPEECH_RATE // 5

    async def speak(self, request: SpeechRequest) -> AsyncGenerator[SpeechChunk, None]:
        self.open_streams += 1
        self.requests.append(request)
        try:
            await asyncio.sleep(self.first_s)
            at = 0
            for index, word in enumerate(request.text.split()):
                pts = index * self.word_samples
                end = request.text.index(word, at) + len(word)
                mark = WordMark(end - len(word), end, pts, pts + self.word_samples)
                at = end
                half = np.full(self.word_samples // 2, 0.3, np.float32)
                yield SpeechChunk(half, (mark,))
                yield SpeechChunk(half)
        finally:
            self.open_streams -= 1


@dataclass
class RecordingDialect:
    """Remembers what it was told; reads client messages as nothing."""

    events: list[Event] = field(default_factory=list)
    at_s: list[float] = field(default_factory=list)
    records: list[TurnRecord] = field(default_factory=list)
    closed_reasons: list[str] = field(default_factory=list)
    end_codes: list[str] = field(default_factory=list)
    greeted: int = 0

    def opened(self) -> None:
        self.greeted += 1

    def notify(self, event: Event) -> None:
        self.events.append(event)
        self.at_s.append(asyncio.get_running_loop().time())

    def account(self, record: TurnRecord) -> None:
        self.records.append(record)

    def receive(self, text: str, sender: int = 0, active: int = 0) -> Iterable[Command]:
        return ()

    def attach(self, listener: Attach) -> None:
        pass

    def refused(self, command: Command) -> None:
        pass

    def closed(self, end: HangUp) -> None:
        self.closed_reasons.append(end.reason)
        self.end_codes.append(end.code)

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]


class Call:
    """A session with a carrier that pulls a frame every 20 ms of virtual time.

    Attributes:
        heard: ``(time in s, frame)`` of every frame pulled that is not silence.
        settings: What it starts with.
    """

    def __init__(
        self,
        config: Config | None = None,
        recogniser: FakeRecogniser | None = None,
        text: object | None = None,
        speech: object | None = None,
        clock: VirtualClock | None = None,
    ) -> None:
        self.recogniser = recogniser or FakeRecogniser()
        self.text = text or FakeText()
        self.speech = speech or FakeSpeech()
        self.dialect = RecordingDialect()
        self.metrics = Metrics()
        engines = Engines(FakeVad(), self.recogniser, self.text, self.speech)  # type: ignore[arg-type]
        if isinstance(speech, Polyglot):
            engines = replace(engines, speaks=speech.speaks)
        config = config or Config()
        self.settings = CallSettings.starting(config)
        self.playout = Playout()
        self.session = Session(
            CallParts("call", config, engines, clock or VirtualClock(), self.metrics),
            Opened(self.dialect, self.settings),
            self.playout,
            Carrier("fake"),
        )
        self.heard: list[tuple[float, AudioFrame]] = []
        self.reason = ""

    async def run(self, script: Sequence[tuple[float, bool]]) -> None:
        """Run the call: ``script`` is ``(seconds, speaking)`` of the microphone.

        The call is hung up at the script's end.
        """
        task = asyncio.current_task()
        assert task is not None
        async with asyncio.TaskGroup() as group:
            holding = group.create_task(self._hold())
            pulling = group.create_task(self._pull())
            await self._speak(script)
            holding.cancel()
            await asyncio.wait({holding})
            pulling.cancel()

    async def _hold(self) -> None:
        self.reason = await self.session.run()

    async def _pull(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due += PTIME_S
            await asyncio.sleep(due - loop.time())
            frame = self.playout.next_frame()
            if frame.turn:
                self.heard.append((loop.time(), frame))

    async def _speak(self, script: Sequence[tuple[float, bool]]) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + 0.003  # the two clocks of a call are never in step
        for seconds, speaking in script:
            for _ in range(round(seconds / PTIME_S)):
                due += PTIME_S
                await asyncio.sleep(due - loop.time())
                level = LOUD if speaking else 0.0
                self.session.hear(np.full(MIC_RATE // 50, level, np.float32))


class FakeTurnEnds:
    """Answers what it was asked when it is told to, with one probability.

    Attributes:
        asked: What it was asked about, in order.
    """

    name = "fake"

    def __init__(self, probability: float) -> None:
        self.probability = probability
        self.asked: list[Samples] = []
        self._waiting: list[Callable[[float], None]] = []

    def score(self, samples: Samples, told: Callable[[float], None]) -> Withdraw:
        """Keep the question."""
        self.asked.append(samples)
        self._waiting.append(told)

        def withdraw() -> None:
            if told in self._waiting:
                self._waiting.remove(told)

        return withdraw

    def answer(self) -> None:
        """Tell all who still want to know."""
        waiting, self._waiting = self._waiting, []
        for told in waiting:
            told(self.probability)
