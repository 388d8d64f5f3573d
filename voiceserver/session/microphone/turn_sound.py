"""What an open turn sounds like, and the questions about it to a turn-end model.

Keeps the newest seconds of the turn and one question under way. Decides nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np

from voiceserver.audio import MIC_RATE, Samples
from voiceserver.engines.base import TurnEnds, Withdraw

HEARD_S = 8  # all that smart-turn takes


class TurnSound:
    """The sound of one turn after the other.

    Args:
        ends: The model; None where there is none, and nothing is kept.
    """

    def __init__(self, ends: TurnEnds | None) -> None:
        self._ends = ends
        self._blocks: deque[Samples] = deque()
        self._n_samples = 0
        self._withdraw: Withdraw | None = None

    def begin(self, before: Samples) -> None:
        """A turn begins.

        Args:
            before: Its audio up to now, what came before its first voice included.
        """
        self.forget()
        self.add(before)

    def add(self, samples: Samples) -> None:
        """The turn goes on."""
        if self._ends is None:
            return
        self._blocks.append(samples)
        self._n_samples += len(samples)
        while self._n_samples - len(self._blocks[0]) >= HEARD_S * MIC_RATE:
            self._n_samples -= len(self._blocks.popleft())

    def ask(self, told: Callable[[float], None]) -> None:
        """Ask how probable it is that the turn is over; an older question is withdrawn.

        Args:
            told: Called with the probability, unless the question is withdrawn.
        """
        self.withdraw()
        if self._ends is not None and self._blocks:
            self._withdraw = self._ends.score(np.concatenate(self._blocks), told)

    def withdraw(self) -> None:
        """The question, if any, is of no use any more."""
        if self._withdraw is not None:
            self._withdraw()
        self._withdraw = None

    def forget(self) -> None:
        """The turn is over."""
        self.withdraw()
        self._blocks.clear()
        self._n_samples = 0
