"""A call's microphone in the windows that voice activity takes, and what those were.

A window may wait for others of its call, where it is as quiet as before and nothing
depends on it (``turns.quiet``); one that is due is looked at with those that other
calls have due (``looks``), or alone, where somebody cannot wait. Each is told
once, in its order. Knows nothing of turns or utterances.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import log10
from typing import NamedTuple

import numpy as np

from voiceserver.audio import Samples
from voiceserver.engines.base import VoiceActivity, VoiceActivityEngine
from voiceserver.turns.echo import Echo
from voiceserver.turns.gate import HOP, WINDOW, hop_levels_db
from voiceserver.turns.quiet import TOGETHER, Quiet

PART = HOP // 2  # samples: frames of a microphone begin at multiples of 4 ms


class Window(NamedTuple):
    """A window of what is heard.

    Attributes:
        at: Its first sample.
        samples: Of it.
        levels_db: Of its hops.
        echo: Whether it may be our own.
        made_up: Most of it did not arrive.
    """

    at: int
    samples: Samples
    levels_db: list[float]
    echo: Echo
    made_up: bool


class VoiceWindows:
    """Those of one call.

    Args:
        engine: Tells which of them are voice.
        explains: Whether a window may be echo, given its first sample and its levels.
        looked: Takes a window and the probability that it is speech.
    """

    def __init__(
        self,
        engine: VoiceActivityEngine,
        explains: Callable[[int, Sequence[float]], Echo],
        looked: Callable[[Window, float], None],
    ) -> None:
        self.engine = engine
        self._stream = engine.open()
        self._explains = explains
        self._looked = looked
        self._pending = np.zeros(0, np.float32)  # not yet a full window
        self._made_up = 0  # samples of the next windows that did not arrive
        self._waiting: list[Window] = []
        self._found: list[tuple[Window, float]] = []  # and not told yet
        self._quiet = Quiet()
        self._probability = 0.0  # of speech in the last window
        self._due = False

    @property
    def pending(self) -> Samples:
        """What came after the last full window."""
        return self._pending

    @property
    def due(self) -> bool:
        """Whether windows are to be looked at now."""
        return self._due

    @property
    def asked(self) -> tuple[VoiceActivity, list[Samples]]:
        """The stream, and its windows that were not looked at, in their order."""
        return self._stream, [window.samples for window in self._waiting]

    def may_wait(self, samples: Samples, n_before: int) -> bool:
        """Whether what comes need not be added yet, as nothing would be due by it.

        Args:
            samples: 16 kHz.
            n_before: Samples that were not added before them.
        """
        n_held = len(self._waiting) * WINDOW + len(self._pending) + n_before
        if self._due or n_held + len(samples) >= TOGETHER * WINDOW:
            return False
        if len(samples) % PART or not len(samples):
            return False
        # Where no part is louder no hop is, wherever in them hops begin.
        parts = samples.reshape(-1, PART)
        power = max(np.vecdot(parts, parts).tolist()) / PART  # of five: without numpy
        return self._quiet.may_wait((10 * log10(power + 1e-12),))

    def add(self, samples: Samples, now: int, made_up: bool, idle: bool) -> None:
        """Take what was heard.

        Args:
            samples: 16 kHz.
            now: The sample after them.
            made_up: They stand for audio that did not arrive.
            idle: Nothing depends on windows that are as quiet as before.
        """
        if made_up:
            self._made_up += len(samples)
        pending = np.concatenate([self._pending, samples])
        while len(pending) >= WINDOW:
            window, pending = pending[:WINDOW], pending[WINDOW:]
            self._cut(window, now - len(pending) - WINDOW, idle)
        self._pending = pending

    def found(self, probabilities: Sequence[float]) -> None:
        """Take what the windows asked about were; they are told by ``look``."""
        n = len(probabilities)
        self._found += zip(self._waiting[:n], probabilities, strict=True)
        del self._waiting[:n]

    def look(self) -> None:
        """Tell what all windows were, looking at those that nobody has looked at."""
        if self._waiting:
            self.found(self._stream.probabilities(self.asked[1]))
        self._due = False
        found, self._found = self._found, []
        for window, probability in found:
            if window.made_up:  # it adds no voice
                probability = min(probability, self._probability)
            else:  # nor does it tell how quiet it is
                self._quiet.looked(window.levels_db, probability)
            self._probability = probability
            self._looked(window, probability)

    def skip(self, n_samples: int) -> int:
        """Let time pass that is not to be heard; return the windows that it was."""
        n_windows, rest = divmod(len(self._pending) + n_samples, WINDOW)
        self._pending = np.zeros(rest, np.float32)
        self._made_up = 0
        return n_windows

    def _cut(self, samples: Samples, at: int, idle: bool) -> None:
        levels_db = hop_levels_db(samples)
        made_up = 2 * self._made_up >= WINDOW
        self._made_up = max(0, self._made_up - WINDOW)
        echo = self._explains(at, levels_db)
        self._waiting.append(Window(at, samples, levels_db, echo, made_up))
        may_wait = idle and self._quiet.may_wait(levels_db)
        self._due |= not may_wait or len(self._waiting) >= TOGETHER
