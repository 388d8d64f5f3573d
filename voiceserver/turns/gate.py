"""Speech gate: speech probabilities and levels into started/stopped and "voiced until".

Pure state machine: no clock, no I/O, no model. Time is counted in samples at 16 kHz,
so a recording replayed at any speed gives the same decisions.

Two thresholds (hysteresis) follow Silero's ``VADIterator``: speech starts at
``threshold`` and may end below ``threshold - 0.15``.
Source: silero-vad, src/silero_vad/utils_vad.py, class VADIterator.

The model's own hangover makes its end of speech up to 87 ms late, so within windows
that it calls speech the last voiced sample is found by level: a hop counts as voiced
while it is within 30 dB of the utterance's loudest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from math import log10

import numpy as np

from voiceserver.audio import Samples

WINDOW = 512  # samples at 16 kHz = 32 ms: what Silero takes
HOP = 128  # samples = 8 ms: four levels to a window
HYSTERESIS = 0.15  # Silero's value; not tuned here
VOICED_RANGE_DB = 30.0  # below the loudest hop; the project's measure of "voiced"
THRESHOLD = 0.5  # Silero's value
START_WINDOWS = 3  # in a row at the threshold: 96 ms
STOP_WINDOWS = 3  # windows below the lower threshold: 96 ms


def hop_levels_db(samples: Samples) -> list[float]:
    """Level of each full 8 ms hop of ``samples``, dB below full scale."""
    hops = samples[: len(samples) // HOP * HOP].reshape(-1, HOP)
    # Four numbers at a time are the quicker without numpy.
    powers = np.vecdot(hops, hops).tolist()
    return [10 * log10(power / HOP + 1e-12) for power in powers]


class GateEvent(Enum):
    """What a window decided."""

    STARTED = auto()
    STOPPED = auto()


@dataclass(slots=True)
class SpeechGate:
    """Decides when speech starts and stops; one object per stream.

    It keeps no setting: what holds for a window is said with it.

    Attributes:
        now: Samples pushed so far.
        speaking: Whether speech is going on.
        onset: First voiced sample of the speech that started last.
        voiced_until: Sample after the last voiced hop of it.
    """

    now: int = 0
    speaking: bool = False
    onset: int = 0
    voiced_until: int = 0
    _loud_windows: int = 0
    _quiet_windows: int = 0
    _peak_db: float = -120.0
    _open: bool = False  # an utterance is open: a pause does not forget its peak

    def push(
        self,
        probability: float,
        levels_db: Sequence[float],
        threshold: float = THRESHOLD,
        start_windows: int = START_WINDOWS,
    ) -> GateEvent | None:
        """Feed one window; return the decision it completes, if any.

        Args:
            probability: Of speech in the window.
            levels_db: Level of each of its four hops, dB below full scale.
            threshold: Probability at which speech starts, in (0.15, 1).
            start_windows: Windows in a row at the threshold that start speech.
        """
        start, self.now = self.now, self.now + WINDOW
        if probability >= threshold:
            self._quiet_windows = 0
            self._loud_windows += 1
            self._hear(start, levels_db, first=self._loud_windows == 1)
        elif self._open and probability >= threshold - HYSTERESIS:
            self._quiet_windows = 0
            self._hear(start, levels_db, first=False)
        else:
            self._loud_windows = 0
            self._quiet_windows += 1
        return self._decide(start_windows)

    def quiet(self, level_db: float) -> bool:
        """Whether a hop of this level would not be voiced in the open utterance."""
        return level_db < self._peak_db - VOICED_RANGE_DB

    def close(self) -> None:
        """The utterance is over: the next speech is a new one, with its own peak."""
        self._open = self.speaking = False
        self._loud_windows = self._quiet_windows = 0
        self._peak_db = -120.0

    def _hear(self, start: int, levels_db: Sequence[float], first: bool) -> None:
        if not self._open and first:
            self._peak_db = -120.0
            self.onset = start
        self._peak_db = max(self._peak_db, *levels_db)
        for index in reversed(range(len(levels_db))):
            if not self.quiet(levels_db[index]):
                self.voiced_until = start + (index + 1) * HOP
                return

    def _decide(self, start_windows: int) -> GateEvent | None:
        # Within an utterance one window of speech is enough to go on with it.
        needed = 1 if self._open else start_windows
        if not self.speaking and self._loud_windows >= needed:
            self.speaking = self._open = True
            return GateEvent.STARTED
        if self.speaking and self._quiet_windows >= STOP_WINDOWS:
            self.speaking = False
            self._loud_windows = 0
            return GateEvent.STOPPED
        return None
