"""Who took a call that went out: a person, or a machine with a greeting and a tone.

A person says a word or two and waits; a machine speaks on, and ends with a tone. Judged
by times and levels alone, so it holds in any language. Pure: no clock, time is counted
in samples at 16 kHz. Knows no telephone, and nothing of what is said.
"""

from __future__ import annotations

from enum import Enum

import numpy as np

from voiceserver.audio import MIC_FRAME, MIC_RATE, PTIME_MS, Samples, level_db

# Speech for so long is no "hello". Twilio's default too, by its documentation
# (MachineDetectionSpeechThreshold, 2026-11).
GREETING_MS = 2400
WAITS_MS = 800  # of silence: whoever spoke waits for an answer
NOBODY_MS = 5000  # without a voice: nothing can be said of who it is
STARTS_MS = 60  # of sound, or it is a click
# A tone: one frequency alone, for longer than a vowel is held so still.
TONE_MS = 160
LOWEST_HZ, HIGHEST_HZ = 400, 2600
TONE_SHARE = 0.9  # of the power, within 50 Hz
TONE_DB = -40.0
# A message may be left after so much silence where no tone comes.
TONELESS_MS = 2500

_LEAST_DB, _ABOVE_FLOOR_DB = -45.0, 12.0
_FLOOR_DB, _RISE_DB = -75.0, 0.05  # of the noise: least, and how fast it rises a frame
_SPAN = 2 * MIC_FRAME  # samples of a spectrum: 40 ms, 25 Hz apart
_HZ = MIC_RATE / _SPAN
_AUDIBLE = round(100 / _HZ)  # below it is hum
_LOWEST, _HIGHEST = round(LOWEST_HZ / _HZ), round(HIGHEST_HZ / _HZ)
_WINDOW = np.hanning(_SPAN).astype(np.float32)


class AnsweredBy(Enum):
    """Who it is."""

    HUMAN = "human"
    MACHINE = "machine"
    UNKNOWN = "unknown"


class Answerer:
    """Listens to who took one call.

    Attributes:
        who: Once that is known; it may become a machine later, by its tone.
        ready: A machine's greeting is over: a message may be left.
    """

    def __init__(self) -> None:
        self.who: AnsweredBy | None = None
        self.ready = False
        self._rest = np.zeros(0, np.float32)  # less than a frame
        self._before = np.zeros(MIC_FRAME, np.float32)
        self._floor_db = -60.0
        self._n_loud = 0  # frames of sound in a row
        self._spoken_ms = 0  # from the first voice to the newest
        self._silent_ms = 0
        self._peak = 0  # of the newest spectrum
        self._tone_ms = 0

    def push(self, samples: Samples) -> None:
        """Take audio at 16 kHz, a block of any length."""
        line = np.concatenate([self._rest, samples], dtype=np.float32)
        n_frames = len(line) // MIC_FRAME
        for frame in line[: n_frames * MIC_FRAME].reshape(n_frames, MIC_FRAME):
            self._take(frame)
        self._rest = line[n_frames * MIC_FRAME :]

    def _take(self, frame: Samples) -> None:
        toned = self._tone_ms >= TONE_MS
        self._follow_tone(frame)
        if self._tone_ms >= TONE_MS:
            self.who = AnsweredBy.MACHINE
            return
        if toned:
            self.ready = True
        self._follow_voice(level_db(frame))
        if self.who is None:
            self.who = self._judged()
        elif self.who is AnsweredBy.MACHINE and self._silent_ms >= TONELESS_MS:
            self.ready = True

    def _follow_voice(self, frame_db: float) -> None:
        floor_db = max(_FLOOR_DB, min(frame_db, self._floor_db + _RISE_DB))
        loud = frame_db > max(_LEAST_DB, self._floor_db + _ABOVE_FLOOR_DB)
        self._floor_db = floor_db
        self._n_loud = self._n_loud + 1 if loud else 0
        if self._n_loud * PTIME_MS >= STARTS_MS:
            # Pauses within a greeting are part of it.
            first = self._spoken_ms == 0
            self._spoken_ms += STARTS_MS if first else self._silent_ms + PTIME_MS
            self._silent_ms = 0
        else:
            self._silent_ms += PTIME_MS

    def _judged(self) -> AnsweredBy | None:
        if self._spoken_ms >= GREETING_MS:
            return AnsweredBy.MACHINE
        if self._spoken_ms and self._silent_ms >= WAITS_MS:
            return AnsweredBy.HUMAN
        if not self._spoken_ms and self._silent_ms >= NOBODY_MS:
            return AnsweredBy.UNKNOWN
        return None

    def _follow_tone(self, frame: Samples) -> None:
        """How long one frequency has sounded alone."""
        span, self._before = np.concatenate([self._before, frame]), frame
        power = np.abs(np.fft.rfft(span * _WINDOW)) ** 2
        peak = _LOWEST + int(power[_LOWEST:_HIGHEST].argmax())
        share = float(
            power[peak - 2 : peak + 3].sum() / (power[_AUDIBLE:].sum() + 1e-9)
        )
        alone = share >= TONE_SHARE and level_db(frame) > TONE_DB
        still = alone and abs(peak - self._peak) <= 1
        self._tone_ms = self._tone_ms + PTIME_MS if still else 0
        self._peak = peak if alone else 0
