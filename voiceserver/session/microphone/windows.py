"""Windows of the microphone, as voice activity is asked about them.

Cut from audio of any length; one is looked at by itself, or with others where nothing
depends on when. It decides neither that somebody speaks nor whose turn it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from voiceserver.audio import Samples
from voiceserver.engines.base import VoiceActivity
from voiceserver.session.microphone.own_sound import OwnSound
from voiceserver.turns.echo import Echo
from voiceserver.turns.gate import WINDOW, hop_levels_db
from voiceserver.turns.quiet import TOGETHER, Quiet


@dataclass(frozen=True, slots=True)
class Window:
    """A window that voice activity was asked about.

    Attributes:
        at: Its first sample.
        probability: Of speech in it.
        levels_db: Of its hops.
        echo: Whether it may be our own.
    """

    at: int
    probability: float
    levels_db: Sequence[float]
    echo: Echo


@dataclass(frozen=True, slots=True)
class _Unseen:
    """One that it was not asked about yet; ``made_up`` if most of it did not arrive."""

    at: int
    samples: Samples
    levels_db: Sequence[float]
    echo: Echo
    made_up: bool


class Windows:
    """Of one call.

    Args:
        activity: Tells how likely speech is.
        own: Says what may be the echo of what is played.
        idle: Returns whether nobody speaks and nothing depends on the next window:
            what is quiet may wait then.
    """

    def __init__(
        self, activity: VoiceActivity, own: OwnSound, idle: Callable[[], bool]
    ) -> None:
        self._activity = activity
        self._own = own
        self._idle = idle
        self._pending = np.zeros(0, np.float32)  # not yet a full window
        self._waiting: list[_Unseen] = []  # quiet ones
        self._quiet = Quiet()
        self._made_up = 0  # samples of the next windows that did not arrive
        self._probability = 0.0  # of speech in the last window

    @property
    def rest_db(self) -> Sequence[float]:
        """Levels of the hops after the last full window."""
        return hop_levels_db(self._pending)

    def heard(self, samples: Samples, made_up: int, now: int) -> Iterator[Window]:
        """Take audio; go through the windows whose turn it is, one after the other.

        What is done about one is done before the next is looked at.

        Args:
            samples: 16 kHz, of any length.
            made_up: How many of what came in did not arrive.
            now: Samples that came in so far.
        """
        self._made_up += made_up
        self._pending = np.concatenate([self._pending, samples])
        while len(self._pending) >= WINDOW:
            window, self._pending = self._pending[:WINDOW], self._pending[WINDOW:]
            at = now - len(self._pending) - WINDOW
            levels_db = hop_levels_db(window)
            missing = 2 * self._made_up >= WINDOW
            self._made_up = max(0, self._made_up - WINDOW)
            echo = self._own.explains(at, levels_db)
            self._waiting.append(_Unseen(at, window, levels_db, echo, missing))
            may_wait = self._idle() and self._quiet.may_wait(levels_db)
            if not may_wait or len(self._waiting) >= TOGETHER:
                yield from self.look()

    def look(self) -> Iterator[Window]:
        """Look at all that wait, in their order."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        found = self._activity.probabilities([unseen.samples for unseen in waiting])
        for unseen, probability in zip(waiting, found, strict=True):
            if unseen.made_up:  # it adds no voice
                probability = min(probability, self._probability)
            self._probability = probability
            self._quiet.looked(unseen.levels_db, probability)
            yield Window(unseen.at, probability, unseen.levels_db, unseen.echo)

    def skip(self, n_samples: int) -> int:
        """Let audio pass that is not to be heard, and what is no full window yet.

        Returns:
            Windows that went by; they are as long as ever.
        """
        n_windows, rest = divmod(len(self._pending) + n_samples, WINDOW)
        self._pending = np.zeros(rest, np.float32)
        self._made_up = 0
        return n_windows
