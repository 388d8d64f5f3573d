"""Whisper as a recogniser of this process, in the time of the audio it is given.

For benchmarks that must not depend on how busy the machine is: what a decode hears is
real, how long it takes is said. One utterance is decoded at a time.
"""

from __future__ import annotations

from voiceserver.audio import MIC_RATE, Samples, to_int16
from voiceserver.engines.base import DICTATION, Hypothesis, Opening
from voiceserver.engines.remote.hypotheses import joined, read
from voiceserver.engines.whisper.jobs import Usual, WhisperJobs, find_model
from voiceserver.engines.whisper.model import Asked, WhisperModel
from voiceserver.engines.words import words_of

DECODE_MS = 100  # of some seconds, whisper-base on one idle core


class VirtualUtterance:
    """An ``Utterance`` whose decodes take ``DECODE_MS`` of its own audio."""

    def __init__(self, jobs: WhisperJobs, opening: Opening) -> None:
        self._job = jobs.open({"overlap": opening.overlap})
        self._pushed = 0
        self._voiced = 0
        self._busy_until = 0
        self._coming: tuple[int, Hypothesis] | None = None
        self._settled = Hypothesis()
        self._latest = Hypothesis()

    @property
    def latest(self) -> Hypothesis:
        """The newest hypothesis."""
        return self._latest

    def push(self, samples: Samples) -> None:
        """Add audio; what was decoded by now is known."""
        self._job.push(to_int16(samples).tobytes())
        self._pushed += len(samples)
        if self._coming is not None and self._coming[0] <= self._pushed:
            self._latest, self._coming = self._coming[1], None

    def voiced(self, until: int) -> None:
        """Tell where the last voice ended; decodes what that makes due."""
        if until > self._voiced:
            self._voiced = until
            self._job.note({"voiced": until})
        while self._pushed >= self._busy_until and self._job.urgency is not None:
            decodes = self._job.wants_decode
            _, meta, body = self._job.step()
            if decodes:
                self._busy_until = self._pushed + DECODE_MS * MIC_RATE // 1000
            if "complete" in meta:
                new = read(meta, body, final=False)
                whole = joined(self._settled, new, 0.0)
                if "settled" in meta:
                    self._settled = whole
                self._coming = (self._busy_until, whole)

    async def final(self) -> Hypothesis:
        """Not needed: nobody answers here."""
        return self._latest

    def close(self) -> None:
        """Stop."""
        self._job.close()


class VirtualEars:
    """A ``Recogniser``."""

    name = "whisper"
    language = "en"

    def __init__(self, model: str = "whisper-base") -> None:
        self._model = WhisperModel(find_model(model), "cpu")
        self._jobs = WhisperJobs(self._model, 16, Usual(), clock=lambda: 0.0)

    def open(self, opening: Opening = DICTATION) -> VirtualUtterance:
        """Begin an utterance."""
        return VirtualUtterance(self._jobs, opening)

    def heard_whole(self, samples: Samples) -> str:
        """Words of a recording; ``""`` if none are believed."""
        [found] = self._model.decode([Asked(samples)])
        return words_of(found.text) if found.believed else ""
