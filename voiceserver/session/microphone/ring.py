"""What a microphone gave and nobody has listened to yet.

Bounded: the oldest is dropped when nobody listens. What is as quiet as the room may
wait in it until more has come, and is then listened to in one piece: to be woken fifty
times a second for nothing costs a call more than to hear it. Knows nothing of what is
quiet.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import numpy as np

from voiceserver.audio import MIC_RATE, Samples

BLOCK = MIC_RATE // 25  # samples listened to at a time: some windows, 1 ms of work


class Ring:
    """That of one call.

    Args:
        n_most: Samples that it holds.
        dropped: Called with the number of samples dropped.

    Attributes:
        n_samples: In it.
    """

    def __init__(self, n_most: int, dropped: Callable[[int], None]) -> None:
        self._n_most = n_most
        self._dropped = dropped
        self._blocks: deque[tuple[Samples, bool]] = deque()
        self._n_waiting = 0  # of the first blocks
        self._due = asyncio.Event()
        self.n_samples = 0

    @property
    def due(self) -> bool:
        """Whether there is something to be listened to now."""
        return self._due.is_set()

    def put(self, samples: Samples, made_up: bool, may_wait: bool) -> None:
        """Add what came.

        Args:
            samples: 16 kHz, any length.
            made_up: They stand for audio that did not arrive.
            may_wait: It is a block at most, and need not be listened to now.
        """
        for at in range(0, len(samples), BLOCK):
            self._blocks.append((samples[at : at + BLOCK], made_up))
        self.n_samples += len(samples)
        while self.n_samples > self._n_most:
            n_lost = len(self._blocks.popleft()[0])
            self._n_waiting = max(0, self._n_waiting - 1)
            self.n_samples -= n_lost
            self._dropped(n_lost)
        if may_wait and not self._due.is_set():
            self._n_waiting += 1
        elif self._blocks:
            self._due.set()

    def hurry(self) -> None:
        """Have what waits listened to now."""
        if self._blocks:
            self._due.set()

    async def wait(self) -> None:
        """Wait until there is something to be listened to now."""
        await self._due.wait()

    def take(self) -> tuple[Samples, bool] | None:
        """Take what is next, and whether it is made up; None if there is nothing.

        That is a block, or all that waited with the block that came then.
        """
        if not self._blocks:
            self._due.clear()
            return None
        samples, made_up = self._blocks.popleft()
        if self._n_waiting:
            parts = [samples]
            for _ in range(self._n_waiting):
                if not self._blocks or self._blocks[0][1] != made_up:
                    break
                parts.append(self._blocks.popleft()[0])
            self._n_waiting = max(0, self._n_waiting - len(parts))
            samples = np.concatenate(parts)
        self.n_samples -= len(samples)
        if not self._blocks:
            self._due.clear()
        return samples, made_up

    def clear(self) -> None:
        """Drop all."""
        self._blocks.clear()
        self._n_waiting = self.n_samples = 0
        self._due.clear()
