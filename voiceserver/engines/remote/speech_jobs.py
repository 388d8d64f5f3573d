"""Phrases inside a voice's process: whose step is next, and audio by credit.

``schedule`` decides, one step at a time: those that have given nothing yet, by when
they have to sound, before those whose audio is still being played. What nobody listens
to yet waits for all others. What is computed is the core's; ``steps`` takes the steps,
and ``synthesizer`` is the other end.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import cast

from voiceserver.audio import SPEECH_RATE
from voiceserver.engines.base import SpeechChunk, SpeechRequest
from voiceserver.engines.remote.cores import SpeechCore
from voiceserver.engines.remote.schedule import NEVER_S, Lane, Schedule, StepTimes
from voiceserver.engines.words import SaidAs
from voiceserver.processes.ipc import Kind, Meta

MAX_CHUNK = 12_000  # samples, half a second: 48,000 bytes of float32
MAX_MARKS = 60  # of one message; an entry is some 30 bytes of JSON
# A step of a voice on a core, until one was measured (``benchmarks.voice_speed``).
STEP_S = {Lane.FIRST: {1: 0.035}, Lane.REFILL: {1: 0.030}}

_Item = tuple[Meta, bytes]


class SpeechJobs:
    """The speech engine of a child: one step at a time, by deadline.

    Args:
        core: A ``SpeechCore``.
        clock: A monotonic one, in seconds.
    """

    def __init__(
        self, core: object, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._core = cast(SpeechCore, core)
        self._clock = clock
        self._schedule = Schedule[SpeechJob](StepTimes(STEP_S), refuses=False)
        self._planned: SpeechJob | None = None  # until anything changes

    @property
    def about(self) -> Meta:
        """The names of its voices, and its languages where it has several."""
        languages = getattr(self._core, "languages", ())
        return {"voices": list(self._core.voices), "languages": list(languages)}

    @property
    def gather_s(self) -> float:
        """Nothing is waited for."""
        return 0.0

    def open(self, meta: Meta) -> SpeechJob:
        """Begin a phrase; ``meta`` has voice, speed and credit, its text is pushed."""
        return SpeechJob(self, self._core, meta)

    def wants(self, job: SpeechJob, lane: Lane, due_s: float) -> None:
        """A step of a phrase may be taken."""
        self._schedule.wants(job, lane, due_s)
        self._planned = None

    def forget(self, job: SpeechJob) -> None:
        """No step of it may be taken."""
        self._schedule.forget(job)
        self._planned = None

    def is_next(self, job: SpeechJob) -> bool:
        """Whether its step is the next one."""
        if self._planned is None:
            launch = self._schedule.plan(self.now_s())
            self._planned = launch.jobs[0] if launch else None
        return self._planned is job

    @contextmanager
    def launched(self, job: SpeechJob) -> Iterator[None]:
        """Its step is taken inside, and measured where it gives anything."""
        began_s = self.now_s()
        launch = self._schedule.alone(job, began_s)
        self._schedule.begin(launch)
        self._planned = None
        try:
            yield
        finally:
            took_s = self.now_s() - began_s
            self._schedule.done(launch, took_s if job.has_audio else None)

    def now_s(self) -> float:
        """Now, on the clock of deadlines."""
        return self._clock()


class SpeechJob:
    """One phrase being spoken.

    Args:
        jobs: Says whose step is next.
        core: Speaks.
        meta: What is asked for.
    """

    def __init__(self, jobs: SpeechJobs, core: SpeechCore, meta: Meta) -> None:
        self._jobs = jobs
        self._core = core
        self._request = SpeechRequest(
            "",
            str(meta["voice"]),
            float(cast(float, meta["speed"])),
            float(cast(float, meta.get("pitch", 0.0))),
            str(meta.get("style", "")),
            paced=bool(meta.get("paced", True)),
            language=str(meta.get("language", "")),
        )
        self._said: list[SaidAs] = []
        self._credit = int(cast(int, meta["credit"]))
        self._text = b""
        self._chunks: Iterator[SpeechChunk] | None = None
        self._items: deque[_Item] = deque()  # of the chunk in hand
        self._given = 0  # samples
        # When it has to sound, then when what was given will have sounded.
        self._due_s = jobs.now_s() + _seconds(meta, "within_s")

    @property
    def urgency(self) -> float | None:
        """What is made already is given at once; then whose step is next."""
        if self._chunks is None or self._credit <= 0:
            return None
        return 0.0 if self._items or self._jobs.is_next(self) else 1.0

    @property
    def has_audio(self) -> bool:
        """Whether anything is made that was not given yet."""
        return bool(self._items)

    def push(self, body: bytes) -> None:
        """Take text, UTF-8; a character may be cut by the end of a message."""
        self._text += body

    def note(self, meta: Meta) -> None:
        """Take the phones of one of its words."""
        if (said := meta.get("said")) is not None:
            self._said.append(SaidAs(*cast(tuple[int, int, str], said)))

    def finish(self) -> None:
        """The text is complete: begin to speak."""
        text = self._text.decode("utf-8", "replace")
        request = replace(self._request, text=text, said=tuple(self._said))
        self._chunks = self._core.speak(request)
        self._ask()

    def credit(self, items: int) -> None:
        """Take leave to give more items."""
        self._credit += items
        self._ask()

    def step(self) -> tuple[Kind, Meta, bytes]:
        """Give the next piece of audio, or the end."""
        assert self._chunks is not None
        if not self._items:
            with self._jobs.launched(self):
                self._take(self._chunks)
        if not self._items:
            return Kind.END, {}, b""
        self._credit -= 1
        meta, body = self._items.popleft()
        self._ask()
        return Kind.ITEM, meta, body

    def _take(self, chunks: Iterator[SpeechChunk]) -> None:
        """Take the next audio there is; none is the end."""
        for chunk in chunks:
            self._items.extend(_items(chunk))
            if self._items:
                now_s, n_samples = self._jobs.now_s(), len(chunk.samples)
                self._due_s = max(self._due_s, now_s) + n_samples / SPEECH_RATE
                self._given += n_samples
                return

    def _ask(self) -> None:
        """Have the next step taken, if it may be."""
        if self._chunks is None or self._items or self._credit <= 0:
            self._jobs.forget(self)
            return
        lane = Lane.REFILL if self._given else Lane.FIRST
        if self._request.paced:
            self._jobs.wants(self, lane, self._due_s)
        else:  # nobody listens yet: when nobody else wants anything
            self._jobs.wants(self, Lane.REFILL, NEVER_S)

    def close(self) -> None:
        """Stop the voice's work."""
        self._jobs.forget(self)
        close = getattr(self._chunks, "close", None)
        if close is not None:
            close()


def _seconds(meta: Meta, name: str) -> float:
    found = meta.get(name)
    return float(found) if isinstance(found, int | float) else 0.0


def _items(chunk: SpeechChunk) -> Iterator[_Item]:
    """Cut a chunk to what a message holds; marks go with the first pieces."""
    marks = [[w.start, w.end, w.pts, w.pts_end] for w in chunk.words]
    samples, left_out = chunk.samples, chunk.left_out
    at = 0
    while at < len(samples):
        # A rest of marks that needs more messages than the audio gets short pieces.
        size = MAX_CHUNK if len(marks) <= MAX_MARKS else max(1, len(samples) // 64)
        some, marks = marks[:MAX_MARKS], marks[MAX_MARKS:]
        piece = samples[at : at + size].astype("<f4", copy=False)
        meta: Meta = {"words": some} if some else {}
        if left_out:
            meta["left_out"], left_out = left_out, 0
        yield meta, piece.tobytes()
        at += size
