"""What the call itself plays, in the time of its microphone: is a voice its echo?

Keeps no audio: levels of what goes out are given to ``turns.echo``, which decides.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from voiceserver.audio import MIC_RATE, SPEECH_RATE, Samples
from voiceserver.turns.echo import Echo, EchoPath

PART = SPEECH_RATE // 250  # samples of 4 ms, whose level is one number
STEP = MIC_RATE // 250  # the same at the microphone
SLIP = MIC_RATE // 12  # of a frame that is pulled a little early or late


class OwnSound:
    """Of one call."""

    def __init__(self) -> None:
        self._path = EchoPath()
        self._ends = -SLIP  # where what went out last ends

    def goes_out(self, samples: Samples, at: int) -> None:
        """Take audio that is sent.

        Args:
            samples: 24 kHz; less than 4 ms at their end are left out.
            at: Sample of the microphone at which they begin to sound.
        """
        if abs(at - self._ends) < SLIP:
            at = self._ends  # frames follow on each other, however they are pulled
        parts = samples[: len(samples) // PART * PART].reshape(-1, PART)
        powers = np.einsum("np,np->n", parts, parts) / PART
        self._path.played(at, powers.tolist(), STEP)
        self._ends = at + len(parts) * STEP

    def silenced(self, at: int) -> None:
        """Nothing that was to sound from there on does."""
        self._path.stopped(at)
        self._ends = -SLIP

    def explains(self, at: int, levels_db: Sequence[float]) -> Echo:
        """Whether a window may be echo; see ``EchoPath.heard``."""
        return self._path.heard(at, levels_db)
