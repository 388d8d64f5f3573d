"""An engine's process at work: a step of one job at a time.

The socket is read between steps: a cancel is obeyed within one step, and a closed
socket ends the work. Steps of several jobs take turns by urgency. Of utterances the one
that waited for the longest is next; every item tells how much audio was decoded, which
is the parent's leave to send more. What is computed is the core's; ``recogniser`` is
the other end. A voice's jobs are ``speech_jobs``.
"""

from __future__ import annotations

import logging
import os
import time
import traceback
from collections import deque
from typing import Protocol, cast

import numpy as np

from voiceserver.audio import MIC_RATE
from voiceserver.engines.remote.cores import CoreUtterance, RecogniserCore
from voiceserver.engines.remote.hypotheses import written
from voiceserver.errors import EngineFailed, VoiceServerError
from voiceserver.processes.ipc import (
    BlockingLine,
    Kind,
    Malformed,
    Message,
    Meta,
)

log = logging.getLogger(__name__)

STEP = MIC_RATE // 10  # samples decoded between two looks at the socket


class ChildJob(Protocol):
    """A job inside the child."""

    @property
    def urgency(self) -> float | None:
        """The least is stepped first; None if it waits for input or credits."""

    def push(self, body: bytes) -> None:
        """Take input."""

    def note(self, meta: Meta) -> None:
        """Take what is told about the input so far, or leave it."""

    def finish(self) -> None:
        """Take notice that the input is complete."""

    def credit(self, items: int) -> None:
        """Take leave to give more items."""

    def step(self) -> tuple[Kind, Meta, bytes]:
        """Do a little; return ITEM, or END with the last result.

        Raises:
            EngineFailed: The job is over.
        """

    def close(self) -> None:
        """Stop the work at once."""


class ChildJobs(Protocol):
    """An engine inside the child."""

    @property
    def about(self) -> Meta:
        """What the parent is told when it is ready."""

    @property
    def gather_s(self) -> float:
        """How long more input is waited for before the next step; mostly 0."""

    def open(self, meta: Meta) -> ChildJob:
        """Begin a job."""


class JobLoop:
    """Steps the jobs of one parent, one at a time.

    Args:
        line: To the parent.
        jobs: The engine.
    """

    def __init__(self, line: BlockingLine, jobs: ChildJobs) -> None:
        self._line = line
        self._jobs = jobs
        self._open: dict[int, tuple[int, ChildJob]] = {}  # slot: generation, job
        self._turn = 0

    def run(self) -> None:
        """Work until the parent is gone, which raises ``Closed``."""
        while True:
            ready = self._next()
            message = self._line.receive(wait=ready is None)
            while message is not None:
                self._obey(message)
                message = self._line.receive(wait=False)
            self._gather(self._jobs.gather_s)
            ready = self._next()
            if ready is not None:
                self._step(ready)

    def _gather(self, limit_s: float) -> None:
        """Let others come along who want the same at this moment."""
        until = time.monotonic() + limit_s
        while limit_s > 0:
            message = self._line.receive_within(limit_s)
            if message is None:
                return
            self._obey(message)
            limit_s = until - time.monotonic()

    def _next(self) -> int | None:
        """Slot of the job to be stepped: by urgency, then in the order of opening."""
        ready = [
            (urgency, generation, slot)
            for slot, (generation, job) in self._open.items()
            if (urgency := job.urgency) is not None
        ]
        return min(ready)[2] if ready else None

    def _step(self, slot: int) -> None:
        generation, job = self._open[slot]
        try:
            kind, meta, body = job.step()
        except VoiceServerError as error:
            self._fail(slot, generation, str(error))
            return
        except Exception as error:  # noqa: BLE001 - the edge between core and server
            log.warning("a core failed\n%s", _trace(error))
            self._fail(slot, generation, type(error).__name__)
            return
        if kind is not Kind.ITEM:
            del self._open[slot]
        self._line.send(Message(kind, slot, generation, meta, body))

    def _fail(self, slot: int, generation: int, why: str) -> None:
        entry = self._open.pop(slot, None)
        if entry is not None:
            self._close(entry[1])
        self._line.send(Message(Kind.FAILED, slot, generation, {"why": why[:800]}))

    def _obey(self, message: Message) -> None:
        slot, generation = message.slot, message.generation
        if message.kind is Kind.OPEN:
            self._begin(message)
            return
        entry = self._open.get(slot)
        if entry is None or entry[0] != generation:
            return  # the job ended while this was under way
        job = entry[1]
        match message.kind:
            case Kind.PUSH:
                job.push(message.body)
            case Kind.NOTE:
                job.note(message.meta)
            case Kind.FINISH:
                job.finish()
            case Kind.CREDIT:
                job.credit(_number(message.meta))
            case Kind.CANCEL:
                del self._open[slot]
                self._close(job)
                self._line.send(Message(Kind.CANCELLED, slot, generation))
            case _:
                raise Malformed(f"{message.kind.name} is not for a child")

    def _begin(self, message: Message) -> None:
        slot, generation = message.slot, message.generation
        try:
            self._open[slot] = (generation, self._jobs.open(message.meta))
        except Exception as error:  # noqa: BLE001 - the edge between core and server
            log.warning("a job could not begin\n%s", _trace(error))
            self._fail(slot, generation, str(error) or type(error).__name__)

    def _close(self, job: ChildJob) -> None:
        try:
            job.close()
        except Exception as error:  # noqa: BLE001 - the edge between core and server
            log.warning("a core failed to stop\n%s", _trace(error))


def _number(meta: Meta) -> int:
    items = meta.get("items")
    return items if isinstance(items, int) else 0


def _trace(error: Exception) -> str:
    """The places of an error without its text, which may quote what was said."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    places = [f"{os.path.basename(f.filename)}:{f.lineno} {f.name}" for f in frames]
    return " > ".join([*places, type(error).__name__])


class RecognitionJobs:
    """The recogniser of a child.

    Args:
        core: A ``RecogniserCore``.
    """

    def __init__(self, core: object) -> None:
        self._core = cast(RecogniserCore, core)
        _warm(self._core)
        self._jobs: list[RecognitionJob] = []
        self._steps = 0  # of all jobs

    @property
    def about(self) -> Meta:
        """How many utterances it takes at a time, and their language."""
        return {"slots": self._core.utterances, "language": self._core.language}

    @property
    def gather_s(self) -> float:
        """Nothing is waited for."""
        return 0.0

    def open(self, meta: Meta) -> RecognitionJob:
        """Begin an utterance.

        Raises:
            EngineFailed: If as many as the core takes are open already.
        """
        self._jobs = [job for job in self._jobs if not job.over]
        most = self._core.utterances
        if len(self._jobs) >= most:
            how_many = "one utterance" if most == 1 else f"{most} utterances"
            raise EngineFailed("recogniser", f"{how_many} at a time")
        job = RecognitionJob(self, self._core.open())
        self._jobs.append(job)
        return job

    def stepped(self) -> int:
        """Count a step; return how many there were."""
        self._steps += 1
        return self._steps


class RecognitionJob:
    """One utterance being decoded.

    Attributes:
        over: It ended, or was stopped.
    """

    def __init__(self, jobs: RecognitionJobs, utterance: CoreUtterance) -> None:
        self.over = False
        self._jobs = jobs
        self._utterance = utterance
        self._blocks: deque[bytes] = deque()  # at most STEP samples each
        self._finishing = False
        self._decoded = 0  # samples
        self._stepped = 0  # when it was last stepped, in steps of all jobs

    @property
    def urgency(self) -> float | None:
        """The one that waited for the longest is next, if it has anything to do."""
        return self._stepped if self._blocks or self._finishing else None

    def push(self, body: bytes) -> None:
        """Take audio: 16 kHz, int16, little-endian."""
        for at in range(0, len(body), 2 * STEP):
            self._blocks.append(body[at : at + 2 * STEP])

    def note(self, meta: Meta) -> None:
        """It makes no difference here."""

    def finish(self) -> None:
        """That was all the audio."""
        self._finishing = True

    def credit(self, items: int) -> None:
        """Not needed: an item answers input that the parent bounds."""

    def step(self) -> tuple[Kind, Meta, bytes]:
        """Decode a block, or end the utterance."""
        self._stepped = self._jobs.stepped()
        if not self._blocks:
            final = self._utterance.finish()
            self.close()
            return Kind.END, *written(final)
        pcm = np.frombuffer(self._blocks.popleft(), "<i2")
        self._utterance.push(pcm)
        self._decoded += len(pcm)
        meta: Meta = {"decoded": self._decoded}
        if self._blocks or self._finishing:
            # With more to decode, a partial would be out of date before it was read.
            return Kind.ITEM, meta, b""
        about, text = written(self._utterance.partial())
        return Kind.ITEM, meta | about, text

    def close(self) -> None:
        """Stop; may be called again."""
        if self.over:
            return
        self.over = True
        self._blocks.clear()
        self._utterance.close()


def _warm(core: RecogniserCore) -> None:
    """Decode something, so that the first caller does not wait for cold memory."""
    noise = np.random.default_rng(1).normal(0, 1000, STEP).astype(np.int16)
    utterance = core.open()
    for _ in range(5):
        utterance.push(noise)
    utterance.finish()
    utterance.close()
