"""A telephone line's octets to samples and back, in whole frames.

Knows nothing of messages and packets. What is withheld is a filter's length, 1.5 ms at
8 kHz, and what of a frame is not full yet.
"""

from __future__ import annotations

import numpy as np

from voiceserver.audio import (
    MIC_RATE,
    SPEECH_RATE,
    Resampler,
    Samples,
    from_int16,
    to_int16,
)
from voiceserver.carriers.telephony.messages import LineForm
from voiceserver.errors import BadAudio
from voiceserver.media import g711

RATES = (8_000, 12_000, 16_000, 24_000, 32_000, 44_100, 48_000)  # Hz
LONGEST_S = 10.0  # of one message
_LAWS = {"pcmu": g711.Law.MU, "pcma": g711.Law.A}


class LineDecoder:
    """The caller's octets to 16 kHz; one object per call.

    Args:
        form: Of the line.
    """

    def __init__(self, form: LineForm) -> None:
        self._law = _LAWS.get(form.codec)
        self._resampler = Resampler(form.rate, MIC_RATE)
        self._most = int(LONGEST_S * form.rate) * (1 if self._law else 2)

    def decode(self, payload: bytes) -> Samples:
        """Decode a message.

        Raises:
            BadAudio: If it holds half a sample, or too much.
        """
        if len(payload) > self._most:
            raise BadAudio(f"a message may hold {LONGEST_S:.0f} s of audio at most")
        if self._law is not None:
            return self._resampler.push(g711.decode(self._law, payload))
        if len(payload) % 2:
            raise BadAudio("a message of PCM must hold whole samples of 2 bytes")
        return self._resampler.push(from_int16(payload))


class LineEncoder:
    """The reply to octets, in whole frames; one object per call.

    Args:
        form: Of the line.
        frame_ms: Length of a frame.
    """

    def __init__(self, form: LineForm, frame_ms: int = 20) -> None:
        self._law = _LAWS.get(form.codec)
        self._rate = form.rate
        self._frame = form.rate * frame_ms // 1000
        self.clear()

    def clear(self) -> None:
        """Forget what was kept: what comes next follows silence."""
        self._resampler = Resampler(SPEECH_RATE, self._rate)
        self._kept = np.zeros(0, np.float32)

    def encode(self, samples: Samples) -> bytes:
        """Encode samples at 24 kHz; what fills no frame is kept for the next."""
        line = np.concatenate([self._kept, self._resampler.push(samples)])
        whole = len(line) - len(line) % self._frame
        self._kept = line[whole:]
        return self._octets(line[:whole])

    def rest(self) -> bytes:
        """Encode what was kept, filled up with silence to a whole frame."""
        line = np.concatenate([self._kept, self._resampler.flush()])
        line = np.pad(line, (0, -len(line) % self._frame))
        self.clear()
        return self._octets(line)

    def _octets(self, samples: Samples) -> bytes:
        if self._law is not None:
            return g711.encode(self._law, samples)
        return to_int16(samples).astype("<i2").tobytes()
