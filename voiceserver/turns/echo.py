"""Which of what is heard is the echo of our own voice, told by its level. Pure.

A loudspeaker and a microphone in one room make an echo that follows what was played
after some time, and is softer by so many dB: both are found by correlating levels, no
sample is compared. Once they are known, voice that is no louder than the echo has to
be is our own, and whatever is louder is somebody else's. Where nothing correlates,
nothing is explained: a headset has no echo.

Knows levels and their times; no model, no audio, no clock.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray

from voiceserver.audio import MIC_RATE
from voiceserver.turns.gate import WINDOW

FRAME = WINDOW // 2  # samples at 16 kHz = 16 ms, the step of delays
PER_S = MIC_RATE / WINDOW
# An echo is heard so much later than its sound is sent: the network there and back, a
# client's buffer, the room.
DELAYS = round(0.48 * MIC_RATE / FRAME)
PAUSE = round(0.5 * MIC_RATE / FRAME)  # in what is played; longer ones tell nothing
KEPT = 512  # frames of what is played: 8 s, of which 5 may lie ahead (``reply.ahead``)
RANGE_DB = 35.0  # below the loudest of late, what is played is silence
FLOOR_DB, SILENCE_DB = -75.0, -60.0
MEMORY_S = 2.5  # of what is played: the correlation is that of about so long
# Correlation at which an echo is believed in, by the seconds of playing that it rests
# on. Echoes have 0.7 to 0.97 after a second; people who speak over a reply without one
# at most 0.46 then, but anything in its first half second.
SURE = ((1.6, 0.55), (0.9, 0.7), (0.6, 0.85), (0.35, 0.93))
LEAST_S = SURE[-1][0]
# And not yet believed in. With 0.8, and nothing suspected before there is one, 4 of 48
# first replies were stopped by their own echo, without words to tell; now 1.
SUSPECTED = 0.6
# So much of a call's own voice has to be played before it can be told that there is no
# echo of it: what is heard over the first reply until then may well be one.
UNTRIED_S = 0.7
LOST = 0.4  # below it is not believed in any more
FADE = math.exp(-1 / (MEMORY_S * PER_S))
MARGIN_DB = 6.0  # that an echo may be louder than it should be
SURPRISE_DB = 12.0  # what is louder still is not taken for an echo that has grown
DECAY_DB = 3.0  # a window: no room falls silent sooner (60 dB in 0.64 s)
HANGOVER = 3  # windows after a louder one that belong to it


class Echo(Enum):
    """What a window of sound is, by its level."""

    UNKNOWN = auto()  # no echo is known of
    SUSPECTED = auto()  # there seems to be one; a moment later it is known
    ALL = auto()  # it may all be echo
    LOUDER = auto()  # there is an echo, and this is louder


@dataclass(frozen=True, slots=True)
class Path:
    """From what is played to what is heard of it.

    Attributes:
        delay: Frames.
        gain_db: Mostly far below 0.
    """

    delay: int
    gain_db: float


def _decibels(power: float) -> float:
    return max(10 * math.log10(power + 1e-12), FLOOR_DB)


class EchoPath:
    """The echo of one call. Time is counted in samples of its microphone.

    Attributes:
        path: As far as it is known; None where there is no echo.
        correlation: Of what is heard with what is played, at the best delay.
    """

    def __init__(self) -> None:
        self.path: Path | None = None
        self.correlation = 0.0
        self._power = [0.0] * KEPT
        self._parts = [0.0] * KEPT
        self._frames = [-1] * KEPT  # whose each place is
        self._levels = np.full(DELAYS + PAUSE, FLOOR_DB)  # as ``_played_before`` tells
        self._levels_at = -1 << 40  # frame that they are before
        self._stale = -1 << 40  # frame from which on what is played was told since
        self._newest = -1 << 40
        self._loudest_db = FLOOR_DB
        # Of each delay: weight, played, heard, their squares and product.
        self._sums = np.zeros((6, DELAYS))
        self._added = np.zeros((6, DELAYS))  # by a window
        self._parts_added = [*self._added]  # its rows
        self._loud = np.zeros(DELAYS + PAUSE + 1, np.int64)  # windows up to each
        self._tail_db = FLOOR_DB
        self._others = 0

    def played(self, at: int, powers: Iterable[float], step: int) -> None:
        """Take what is played, or will be.

        Args:
            at: When its first part sounds.
            powers: Of parts that follow on each other.
            step: Length of a part, at most a frame.
        """
        for n, power in enumerate(powers):
            frame = (at + n * step) // FRAME
            place = frame % KEPT
            if self._frames[place] != frame:
                self._frames[place] = frame
                self._power[place] = self._parts[place] = 0.0
            self._power[place] += power
            self._parts[place] += 1
            self._stale = min(self._stale, frame)
            self._newest = max(self._newest, frame)

    def stopped(self, at: int) -> None:
        """What should have been played from there on is not."""
        frame = at // FRAME
        self._frames = [-1 if one >= frame else one for one in self._frames]
        self._stale = min(self._stale, frame)
        self._newest = min(self._newest, frame)

    def heard(self, at: int, levels_db: Sequence[float]) -> Echo:
        """Hear a window.

        Args:
            at: Its first sample.
            levels_db: Of its parts, dB below full scale.
        """
        frame = at // FRAME
        if frame > self._newest + DELAYS + PAUSE:
            return Echo.UNKNOWN
        played = self._played_before(frame)
        heard_db = _mean_db(levels_db)
        loudest = float(played[:DELAYS].max())
        self._loudest_db = max(self._loudest_db - 0.1, loudest)
        silence_db = max(self._loudest_db - RANGE_DB, SILENCE_DB)
        sounds = loudest > silence_db
        if sounds:
            self._learn(played, heard_db, silence_db)
            if heard_db > SILENCE_DB:  # in silence nobody asks, and it can wait
                self._judge()
        return self._explained(played, heard_db, sounds)

    def _played_before(self, frame: int) -> NDArray[np.float64]:
        """Levels of windows, ``(DELAYS + PAUSE,)``, each a frame earlier.

        Only those are worked out that were not known when this was last asked.
        """
        levels, passed = self._levels, frame - self._levels_at
        # A window's level is that of its frame and of the next.
        n = max(passed, frame - self._stale + 2)
        if passed < 0 or n >= len(levels):
            passed, n = 0, len(levels)
        elif passed:
            levels[passed:] = levels[:-passed]
        before = self._power_of(frame + 1)
        for ago in range(n):
            power = self._power_of(frame - ago)
            levels[ago] = _decibels((power + before) / 2)
            before = power
        self._levels_at, self._stale = frame, frame + 2
        return levels

    def _power_of(self, frame: int) -> float:
        """Mean power of what is played in a frame; 0 where nothing is."""
        place = frame % KEPT
        if self._frames[place] != frame:
            return 0.0
        return self._power[place] / max(1.0, self._parts[place])

    def _learn(
        self, played: NDArray[np.float64], heard_db: float, silence_db: float
    ) -> None:
        # The silence before all that is played tells nothing: that somebody begins to
        # speak just when a reply begins is no sign of an echo.
        loud = self._loud
        np.cumsum(played > silence_db, out=loud[1:])
        y = heard_db
        if self.path is not None:
            y = min(y, self._tail_db + SURPRISE_DB)
        y = max(y, FLOOR_DB)
        counted, of_x, of_y, of_xx, of_yy, of_xy = self._parts_added
        counted[:] = loud[PAUSE : PAUSE + DELAYS] > loud[:DELAYS]
        x = np.maximum(played[:DELAYS], silence_db)
        np.multiply(x, counted, out=of_x)
        np.multiply(counted, y, out=of_y)
        np.multiply(x, of_x, out=of_xx)
        np.multiply(of_y, y, out=of_yy)
        np.multiply(of_x, y, out=of_xy)
        self._sums *= 1.0 - (1.0 - FADE) * counted
        self._sums += self._added

    def _judge(self) -> None:
        weight, x, y, xx, yy, xy = self._sums
        n = np.maximum(weight, 1e-9)
        mean_x = x / n
        of_x = xx - x * mean_x
        both = xy - y * mean_x
        of_y = yy - y * y / n
        found = of_x * of_y
        np.maximum(found, 1e-6, out=found)
        np.sqrt(found, out=found)
        np.divide(both, found, out=found)
        found[weight < LEAST_S * PER_S] = 0.0  # a few windows always correlate
        best = int(found.argmax())
        self.correlation = float(found[best])
        rests_s = float(weight[best]) / PER_S
        least = next((r for seconds, r in SURE if rests_s >= seconds), math.inf)
        if self.path is not None:
            least = min(least, LOST)
        if self.correlation < least:
            self.path = None
            return
        # Where it is loud the noise of the room counts less than on the average.
        slope = float(both[best] / max(of_x[best], 1e-6))
        deviation = math.sqrt(max(0.0, float(of_x[best] / n[best])))
        gain_db = float((y[best] - x[best]) / n[best]) + (slope - 1) * deviation
        self.path = Path(best, gain_db)

    def _explained(
        self, played: NDArray[np.float64], heard_db: float, sounds: bool
    ) -> Echo:
        if self.path is None:
            self._tail_db, self._others = FLOOR_DB, 0
            untried = float(self._sums[0].max()) < UNTRIED_S * PER_S
            suspected = (sounds and untried) or self.correlation >= SUSPECTED
            return Echo.SUSPECTED if suspected else Echo.UNKNOWN
        delay = self.path.delay
        near = float(played[max(0, delay - 1) : delay + 2].max())
        expected = near + self.path.gain_db if near > FLOOR_DB else FLOOR_DB
        self._tail_db = max(expected, self._tail_db - DECAY_DB, FLOOR_DB)
        if heard_db > self._tail_db + MARGIN_DB:
            self._others = HANGOVER
            return Echo.LOUDER
        self._others = max(0, self._others - 1)
        return Echo.LOUDER if self._others else Echo.ALL


def _mean_db(levels_db: Sequence[float]) -> float:
    power = sum(10 ** (level / 10) for level in levels_db) / len(levels_db)
    return 10 * math.log10(power + 1e-12)
