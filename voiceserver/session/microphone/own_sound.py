"""What the call itself plays, in the time of its microphone: is a voice its echo?

Levels of what goes out are given to ``turns.echo``, which decides. Where a call wants
its echo taken out of what is heard, the sound itself is kept, too, for as long as it is
on its way, and given to the engine that can.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from voiceserver.audio import MIC_RATE, SPEECH_RATE, Resampler, Samples
from voiceserver.engines.acoustic.echo_cancelling import EchoCanceller
from voiceserver.turns.echo import Echo, EchoPath

PART = SPEECH_RATE // 250  # samples of 4 ms, whose level is one number
STEP = MIC_RATE // 250  # the same at the microphone
SLIP = MIC_RATE // 12  # of a frame that is pulled a little early or late
CLEANED = MIC_RATE // 100  # samples that are cleaned at a time
AHEAD = 8 * MIC_RATE  # of what is played is kept; 5 s may lie ahead (``reply.ahead``)


class OwnSound:
    """Of one call."""

    def __init__(self) -> None:
        self._path = EchoPath()
        self._ends = -SLIP  # where what went out last ends
        self._canceller: EchoCanceller | None = None
        self._played = np.zeros(0, np.float32)  # at 16 kHz, by sample modulo ``AHEAD``
        self._narrow = Resampler(SPEECH_RATE, MIC_RATE)
        self._next = 0  # where what it makes next belongs
        self._rest = np.zeros(0, np.float32)  # heard, and less than is cleaned at once

    def cancel_by(self, canceller: EchoCanceller | None) -> None:
        """Take who takes echoes out, from now on; None leaves them."""
        self._canceller = canceller
        self._played = np.zeros(AHEAD if canceller else 0, np.float32)
        self._ends = -SLIP

    def goes_out(self, samples: Samples, at: int) -> None:
        """Take audio that is sent.

        Args:
            samples: 24 kHz; less than 4 ms at their end are left out.
            at: Sample of the microphone at which they begin to sound.
        """
        follows = abs(at - self._ends) < SLIP
        if follows:
            at = self._ends  # frames follow on each other, however they are pulled
        parts = samples[: len(samples) // PART * PART].reshape(-1, PART)
        powers = np.vecdot(parts, parts) / PART
        self._path.played(at, powers.tolist(), STEP)
        self._ends = at + len(parts) * STEP
        if self._canceller is not None:
            self._keep(samples, at, follows)

    def _keep(self, samples: Samples, at: int, follows: bool) -> None:
        if not follows:
            self._narrow, self._next = Resampler(SPEECH_RATE, MIC_RATE), at
        narrow = self._narrow.push(samples)[-AHEAD:]
        self._played[_places(self._next, len(narrow))] = narrow
        self._next += len(narrow)

    def silenced(self, at: int) -> None:
        """Nothing that was to sound from there on does."""
        self._path.stopped(at)
        self._ends = -SLIP
        if self._canceller is not None:
            self._played[_places(at, max(0, self._next - at))] = 0.0

    def cleaned(self, samples: Samples, at: int) -> tuple[Samples, Samples]:
        """What is heard, and the same without the echo of what is played.

        Args:
            samples: 16 kHz, of any length.
            at: The first of them that has not come out of here.

        Returns:
            Both as long; as many samples, less than 10 ms of them later.
        """
        if self._canceller is None and not len(self._rest):
            return samples, samples
        heard = np.concatenate([self._rest, samples])
        if self._canceller is None:
            self._rest = heard[:0]
            return heard, heard
        n = len(heard) // CLEANED * CLEANED
        heard, self._rest = heard[:n], heard[n:]
        if not n:
            return heard, heard
        places = _places(at, n)
        played = self._played[places]
        self._played[places] = 0.0  # their place is that of later ones
        return heard, self._canceller.clean(heard, played)

    def explains(self, at: int, levels_db: Sequence[float]) -> Echo:
        """Whether a window may be echo; see ``EchoPath.heard``."""
        return self._path.heard(at, levels_db)


def _places(at: int, n_samples: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.arange(at, at + n_samples) % AHEAD
