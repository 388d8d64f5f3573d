"""A synthesizer whose voice runs in a process of its own.

A phrase is a job of the process. Its audio comes by credit: a listener that takes its
time stops its own phrase alone, and no more than a few chunks of it are ever here.
Where what spoke it died and another is there, it is spoken again from where it stopped.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from types import TracebackType
from typing import cast

import numpy as np

from voiceserver.engines.base import SpeechChunk, SpeechRequest, WordMark
from voiceserver.errors import EngineFailed, Overloaded
from voiceserver.metrics import Metrics
from voiceserver.processes.ipc import Meta
from voiceserver.processes.process import ChildSpec
from voiceserver.processes.supervised import Job, Supervised

CHILD = "voiceserver.engines.remote.child"
SLOTS = 32  # phrases spoken at once; 8 calls with 2 phrases each take 16
MAX_WAITING = 64  # phrases that wait for a slot or for a restart
CREDIT = 8  # chunks of one phrase under way, at most half a second each
REPLAYS = 1  # of a phrase, after a crash


def speech_spec(name: str, core: str, settings: Meta | None = None) -> ChildSpec:
    """Describe the process of a speech core.

    Args:
        name: Of the engine, for messages and metrics.
        core: ``"module:factory"`` of the core.
        settings: What the factory takes.
    """
    return ChildSpec(name, CHILD, {**(settings or {}), "kind": "speech", "core": core})


class RemoteSynthesizer:
    """A ``Synthesizer``; an asynchronous context manager that runs its process.

    Args:
        spec: The process, from ``speech_spec``.
        metrics: Counts restarts and late messages.
    """

    def __init__(self, spec: ChildSpec, metrics: Metrics) -> None:
        self._name = spec.name
        self._changed = asyncio.Event()
        self._waiting = 0
        self._voices: tuple[str, ...] = ()
        self._languages: tuple[str, ...] = ()
        self._child = Supervised(
            spec,
            SLOTS,
            self._changed.set,
            metrics.restarts.labels(spec.name).inc,
            metrics.dropped.labels("engine_late").inc,
        )

    @property
    def name(self) -> str:
        """Name in ledger and metrics."""
        return self._name

    @property
    def voices(self) -> tuple[str, ...]:
        """Names that a request may take; empty before it is ready."""
        return self._voices

    @property
    def languages(self) -> tuple[str, ...]:
        """What a request may be in, where the voice speaks several languages."""
        return self._languages

    @property
    def pid(self) -> int | None:
        """Process id of the voice while it is up."""
        return self._child.pid

    async def __aenter__(self) -> RemoteSynthesizer:
        await self._child.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._child.__aexit__(kind, error, traceback)

    async def ready(self) -> None:
        """Wait until the voice is warmed up.

        Raises:
            EngineFailed: If it cannot be started; says why.
        """
        await self._child.ready()
        about = self._child.about
        self._voices = tuple(map(str, cast(list[str], about["voices"])))
        self._languages = tuple(map(str, cast(list[str], about.get("languages", ()))))

    async def speak(self, request: SpeechRequest) -> AsyncGenerator[SpeechChunk, None]:
        """Stream the phrase's audio; closing the generator stops the work.

        Raises:
            EngineFailed: If the voice refuses or dies, before or between items.
            Overloaded: If too many phrases wait already.
        """
        given = _Given()
        replays = 0
        while True:
            phrase = _Phrase(self._name)
            job = await self._begin(request, phrase)
            try:
                while (chunk := await phrase.next()) is not None:
                    job.credit(1)
                    if (rest := given.rest(chunk)) is not None:
                        yield rest
            except _Lost as error:
                replays += 1
                # With audio given nobody waits for a process to be started again.
                too_late = given.samples and not self._child.free
                if too_late or replays > REPLAYS:
                    raise EngineFailed(self._name, str(error)) from None
                given.again()
            else:
                return
            finally:
                job.cancel()

    async def _begin(self, request: SpeechRequest, phrase: _Phrase) -> Job:
        await self._slot()
        job = self._child.open(
            {
                "voice": request.voice,
                "speed": request.speed,
                "pitch": request.pitch,
                "style": request.style,
                "paced": request.paced,
                "language": request.language[:35],
                "credit": CREDIT,
                "within_s": request.within_s,
            },
            phrase,
        )
        # Each by itself: of many words they are more than a message holds.
        for said in request.said:
            job.note({"said": [said.start, said.end, said.phones]})
        job.push(request.text.encode("utf-8", "replace"))
        job.finish()
        return job

    async def _slot(self) -> None:
        """Wait for a slot: others speak, or the process is being started again."""
        if self._child.free:
            return
        if self._waiting >= MAX_WAITING:
            raise Overloaded(f"{self._name}: too many phrases are waiting to be spoken")
        self._waiting += 1
        try:
            while not self._child.free:
                if self._child.trouble is not None:
                    raise self._child.trouble
                self._changed.clear()
                await self._changed.wait()
        finally:
            self._waiting -= 1


class _Given:
    """What was given of a phrase, so that another try goes on behind it.

    Attributes:
        samples: So many, over all tries.
    """

    def __init__(self) -> None:
        self.samples = 0
        self._marks = 0
        self._left_out = 0
        self._to_skip = (0, 0, 0)  # of this try: samples, marks, what was left out

    def again(self) -> None:
        """Another try begins."""
        self._to_skip = (self.samples, self._marks, self._left_out)

    def rest(self, chunk: SpeechChunk) -> SpeechChunk | None:
        """Return what is new in a chunk; None if nothing sounds in it."""
        samples, marks, left_out = self._to_skip
        new = SpeechChunk(
            chunk.samples[samples:],
            chunk.words[marks:],
            max(0, chunk.left_out - left_out),
        )
        self._to_skip = (
            max(0, samples - len(chunk.samples)),
            max(0, marks - len(chunk.words)),
            max(0, left_out - chunk.left_out),
        )
        self.samples += len(new.samples)
        self._marks += len(new.words)
        self._left_out += new.left_out
        return new if len(new.samples) else None


class _Lost(Exception):
    """The process died under the phrase."""


class _Phrase:
    """What came of a phrase and was not taken yet; bounded by its credit."""

    def __init__(self, engine: str) -> None:
        self._engine = engine
        self._items: deque[tuple[Meta, bytes]] = deque()
        self._over = False
        self._error: Exception | None = None
        self._news = asyncio.Event()

    def item(self, meta: Meta, body: bytes) -> None:
        """Take a chunk."""
        self._items.append((meta, body))
        self._news.set()

    def ended(self, meta: Meta, body: bytes) -> None:
        """The phrase is complete."""
        self._over = True
        self._news.set()

    def failed(self, why: str) -> None:
        """The voice could not speak it."""
        why = why.removeprefix(f"{self._engine}: ")  # the core may have said it
        self._error = EngineFailed(self._engine, why)
        self._news.set()

    def lost(self, why: str) -> None:
        """The process died."""
        self._error = _Lost(why)
        self._news.set()

    async def next(self) -> SpeechChunk | None:
        """Wait for the next chunk; None at the end.

        Raises:
            EngineFailed: If the voice could not go on.
            _Lost: If its process died.
        """
        while not self._items:
            if self._error is not None:
                raise self._error
            if self._over:
                return None
            self._news.clear()
            await self._news.wait()
        return _chunk(*self._items.popleft())


def _chunk(meta: Meta, body: bytes) -> SpeechChunk:
    rows = cast(list[list[int]], meta.get("words", []))
    return SpeechChunk(
        np.frombuffer(body, "<f4").astype(np.float32),
        tuple(WordMark(*row) for row in rows),
        cast(int, meta.get("left_out", 0)),
    )
