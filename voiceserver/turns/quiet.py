"""Which windows may wait to be listened to: those as quiet as what was no voice. Pure.

Somebody who listens is quiet most of the time. Windows of that are cheaper looked at
together, and nothing is lost by it: each is looked at, in its order, and the first that
is louder has all before it looked at with it, at once. So what is decided, and when, is
the same, unless a voice begins no louder than the room.

Knows levels and probabilities of windows; no audio, no clock.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

# Windows that are looked at together: 256 ms. With 16 a voice as soft as the noise is
# noticed later: one beginning of 251, over recordings in ten kinds of noise.
TOGETHER = 8
NO_VOICE = 0.1  # probability of speech that is surely none
CALM = 6  # such windows in a row before any may wait: the model's hangover is over
# Over the level of the room: a hop of steady noise varies by so much, and what is
# louder may be a voice.
MARGIN_DB = 4.0
RISE_DB = 0.3  # a window, of the room; it is as quiet as its quietest of late
# No room is quieter than its microphone. After digital silence, as of a telephone that
# is muted, it would be six seconds until noise is the room's again; so it is one.
FLOOR_DB = -75.0


class Quiet:
    """How quiet it is around one microphone."""

    def __init__(self) -> None:
        self._room_db: float | None = None
        self._calm = 0

    def may_wait(self, levels_db: Sequence[float]) -> bool:
        """Whether a window may be looked at later.

        Args:
            levels_db: Of its hops, dB below full scale.
        """
        if self._room_db is None or self._calm < CALM:
            return False
        most_db = self._room_db + MARGIN_DB
        return all(level_db <= most_db for level_db in levels_db)

    def looked(self, levels_db: Sequence[float], probability: float) -> None:
        """Take what a window turned out to be.

        Args:
            levels_db: Of its hops.
            probability: Of speech.
        """
        if not probability < NO_VOICE:
            self._calm = 0
            return
        self._calm += 1
        level_db = _mean_db(levels_db)
        if not math.isfinite(level_db):
            return
        level_db = max(FLOOR_DB, level_db)
        if self._room_db is None:
            self._room_db = level_db
        else:
            self._room_db = min(level_db, self._room_db + RISE_DB)


def _mean_db(levels_db: Sequence[float]) -> float:
    power = sum(10 ** (level_db / 10) for level_db in levels_db) / len(levels_db)
    return FLOOR_DB if power == 0 else 10 * math.log10(power)
