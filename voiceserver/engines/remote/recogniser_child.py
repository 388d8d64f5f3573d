"""Recognition jobs inside an engine's process: audio in, hypotheses out.

As many utterances at a time as the core takes; their steps take turns. Every item
tells how much audio was decoded, which is the parent's leave to send more.
"""

from __future__ import annotations

from collections import deque
from typing import cast

import numpy as np

from voiceserver.audio import MIC_RATE
from voiceserver.engines.remote.cores import CoreUtterance, RecogniserCore
from voiceserver.engines.remote.hypotheses import written
from voiceserver.errors import EngineFailed
from voiceserver.processes.ipc import Kind, Meta

STEP = MIC_RATE // 10  # samples decoded between two looks at the socket


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
