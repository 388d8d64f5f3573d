"""Recognition jobs inside an engine's process: audio in, hypotheses out.

One utterance at a time, as the decoder has one state. Every item tells how much audio
was decoded, which is the parent's leave to send more.
"""

from __future__ import annotations

from collections import deque
from typing import cast

import numpy as np

from voiceserver.audio import MIC_RATE
from voiceserver.engines.base import Hypothesis
from voiceserver.engines.remote.cores import Decoder
from voiceserver.errors import EngineFailed
from voiceserver.processes.ipc import MAX_BODY, Kind, Meta

STEP = MIC_RATE // 10  # samples decoded between two looks at the socket
_URGENT = 0.0


class RecognitionJobs:
    """The recogniser of a child.

    Args:
        decoder: The core, a ``Decoder``.
    """

    def __init__(self, decoder: object) -> None:
        self._decoder = cast(Decoder, decoder)
        _warm(self._decoder)
        self._job: RecognitionJob | None = None

    @property
    def about(self) -> Meta:
        """Nothing to tell."""
        return {}

    def open(self, meta: Meta) -> RecognitionJob:
        """Begin an utterance.

        Raises:
            EngineFailed: If one is open already.
        """
        if self._job is not None and not self._job.over:
            raise EngineFailed("recogniser", "one utterance at a time")
        self._job = RecognitionJob(self._decoder)
        return self._job


class RecognitionJob:
    """One utterance being decoded.

    Attributes:
        over: It ended, or was stopped.
    """

    def __init__(self, decoder: Decoder) -> None:
        self.over = False
        self._decoder = decoder
        self._decoder.start()
        self._blocks: deque[bytes] = deque()  # at most STEP samples each
        self._finishing = False
        self._decoded = 0  # samples

    @property
    def urgency(self) -> float | None:
        """As urgent as any, if there is something to do."""
        return _URGENT if self._blocks or self._finishing else None

    def push(self, body: bytes) -> None:
        """Take audio: 16 kHz, int16, little-endian."""
        for at in range(0, len(body), 2 * STEP):
            self._blocks.append(body[at : at + 2 * STEP])

    def finish(self) -> None:
        """That was all the audio."""
        self._finishing = True

    def credit(self, items: int) -> None:
        """Not needed: an item answers input that the parent bounds."""

    def step(self) -> tuple[Kind, Meta, bytes]:
        """Decode a block, or end the utterance."""
        if not self._blocks:
            self.over = True
            return Kind.END, *_told(self._decoder.finish())
        pcm = np.frombuffer(self._blocks.popleft(), "<i2")
        self._decoder.push(pcm)
        self._decoded += len(pcm)
        meta: Meta = {"decoded": self._decoded}
        if self._blocks or self._finishing:
            # With more to decode, a partial would be out of date before it was read.
            return Kind.ITEM, meta, b""
        told, text = _told(self._decoder.partial())
        return Kind.ITEM, meta | told, text

    def close(self) -> None:
        """Stop; the decoder abandons the utterance when the next one starts."""
        self.over = True
        self._blocks.clear()


def _warm(decoder: Decoder) -> None:
    """Decode something, so that the first caller does not wait for cold memory."""
    noise = np.random.default_rng(1).normal(0, 1000, STEP).astype(np.int16)
    decoder.start()
    for _ in range(5):
        decoder.push(noise)
    decoder.finish()


def _told(hypothesis: Hypothesis) -> tuple[Meta, bytes]:
    text = hypothesis.text.encode("utf-8", "replace")
    return {"complete": hypothesis.complete}, text[:MAX_BODY]
