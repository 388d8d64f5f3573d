"""Microphone audio that no utterance has taken yet, and which of it is near a voice.

Where the server begins turns, an utterance takes the newest of it. Where the client
ends them there may be any length of quiet before the words: then only what is near a
voice is kept, and the quiet costs the recogniser nothing. It decides about no turn.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from voiceserver.audio import MIC_RATE, Samples

NEWEST_MS = 2500  # kept whole: longest prefix plus the time to decide
UNVOICED_MS = 5000  # the same where the client ends turns: a whisper is no voice to all
HELD_MS = 120_000  # of what is near a voice and in no utterance yet
NEAR_MS = 500  # before and after a voice
# Probability of speech that counts as a voice: doubtful words are decoded, not dropped.
FAINT = 0.15


def _samples(ms: int) -> int:
    return ms * MIC_RATE // 1000


@dataclass(slots=True)
class _Block:
    samples: Samples
    near: bool


class Preroll:
    """Audio before an utterance; in manual turns also the way into it.

    It keeps no setting: who ends turns is said with what is added.

    Attributes:
        n_heard: Samples added since the last ``forget``, kept or not.
    """

    def __init__(self) -> None:
        self._newest: deque[_Block] = deque()
        self._n_newest = 0
        self._voiced: deque[Samples] = deque()  # older than that, and near a voice
        self._n_voiced = 0
        self._near_left = 0  # samples to come that are near the last voice
        self.n_heard = 0

    def forget(self) -> None:
        """Drop all."""
        self._newest.clear()
        self._voiced.clear()
        self._n_newest = self._n_voiced = self._near_left = self.n_heard = 0

    def add(self, samples: Samples, manual: bool) -> None:
        """Add what was heard.

        Args:
            samples: At most some ten milliseconds.
            manual: The client ends turns.
        """
        self.n_heard += len(samples)
        self._newest.append(_Block(samples, self._near_left > 0))
        self._near_left = max(0, self._near_left - len(samples))
        self._n_newest += len(samples)
        bound = _samples(UNVOICED_MS if manual else NEWEST_MS)
        while self._n_newest > bound:
            oldest = self._newest.popleft()
            self._n_newest -= len(oldest.samples)
            if oldest.near and manual:
                self._voiced.append(oldest.samples)
                self._n_voiced += len(oldest.samples)
        while self._n_voiced > _samples(HELD_MS):
            self._n_voiced -= len(self._voiced.popleft())

    @property
    def voiced(self) -> bool:
        """Whether any of it is near a voice."""
        return bool(self._voiced) or any(block.near for block in self._newest)

    def voice(self, ago: int) -> None:
        """There is a voice that began ``ago`` samples before the end."""
        near = _samples(NEAR_MS)
        self._near_left, at = near, 0
        for block in reversed(self._newest):
            if at >= ago + near:
                return
            block.near = True
            at += len(block.samples)

    def newest(self, n_samples: int) -> Samples:
        """The last ``n_samples``, or as many as there are."""
        if not self._newest:
            return np.zeros(0, np.float32)
        audio = np.concatenate([block.samples for block in self._newest])
        return audio[-max(1, n_samples) :]

    def take_voiced(self) -> Sequence[Samples]:
        """Hand over, once, what is near a voice; the quiet before it is dropped."""
        taken = [*self._voiced]
        self._voiced.clear()
        self._n_voiced = 0
        n_last = max((n for n, b in enumerate(self._newest, 1) if b.near), default=0)
        for _ in range(n_last):
            block = self._newest.popleft()
            self._n_newest -= len(block.samples)
            if block.near:
                taken.append(block.samples)
        return taken
