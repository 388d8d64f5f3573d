"""G.722: 16 kHz in 64 kbit/s, the wideband of desk telephones; libavcodec's, by PyAV.

Its RTP clock is 8 kHz though its sound is 16 kHz (RFC 3551, section 4.5.2): an octet is
a tick and two samples. The decoder and the encoder of a call have the faces of
``codecs``.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

import av
import numpy as np

from voiceserver.audio import (
    MIC_FRAME,
    MIC_RATE,
    PTIME_MS,
    SPEECH_RATE,
    Resampler,
    Samples,
    from_int16,
    to_int16,
)
from voiceserver.errors import BadAudio

G722_CLOCK = 8_000  # Hz of RTP timestamps
G722_RATE = 16_000  # Hz of its sound
_FRAME = G722_RATE * PTIME_MS // 1000
assert MIC_RATE == G722_RATE


def _context(mode: Literal["r", "w"]) -> av.AudioCodecContext:
    made = av.CodecContext.create("g722", mode)
    assert isinstance(made, av.AudioCodecContext)
    made.format = "s16"
    made.layout = "mono"
    made.sample_rate = G722_RATE
    return made


class G722Decoder:
    """What is missing repeats what was, fading by 6 dB a frame."""

    clock_rate = G722_CLOCK

    def __init__(self) -> None:
        self._codec = _context("r")
        self._last = np.zeros(MIC_FRAME, np.float32)

    def duration_ticks(self, payload: bytes) -> int:
        """An octet is a tick."""
        return len(payload)

    def repairs(self, _payload: bytes) -> bool:
        """Never."""
        return False

    def pauses(self, _payload: bytes) -> bool:
        """Never."""
        return False

    def decode(self, payload: bytes) -> Samples:
        """Decode a packet.

        Raises:
            BadAudio: If it cannot be.
        """
        try:
            frames = self._codec.decode(av.Packet(payload))
        except (av.FFmpegError, ValueError) as error:
            raise BadAudio(f"G.722: {error}") from None
        pcm = [frame.to_ndarray().ravel() for frame in frames]
        samples = from_int16(np.concatenate(pcm) if pcm else np.zeros(0, np.int16))
        if len(samples):
            self._last = samples
        return samples

    def recover(self, successor: bytes, n_samples: int) -> Samples:
        """There is no copy: as ``conceal``."""
        del successor
        return self.conceal(n_samples)

    def conceal(self, n_samples: int) -> Samples:
        """Repeat the last packet, fainter each time."""
        self._last = np.resize(self._last * np.float32(0.5), n_samples)
        return self._last


class G722Encoder:
    """Encodes the reply, 20 ms at a time."""

    ticks = G722_CLOCK * PTIME_MS // 1000

    def __init__(self) -> None:
        self._codec = _context("w")
        self._codec.time_base = Fraction(1, G722_RATE)
        self._resampler = Resampler(SPEECH_RATE, G722_RATE)
        # For the 12 samples that the resampler withholds.
        self._pending = np.zeros(16, np.float32)
        self._n_samples = 0

    def encode(self, samples: Samples) -> bytes:
        """Encode 480 samples at 24 kHz to 160 octets."""
        self._pending = np.concatenate([self._pending, self._resampler.push(samples)])
        pcm, self._pending = self._pending[:_FRAME], self._pending[_FRAME:]
        frame = av.AudioFrame.from_ndarray(
            to_int16(pcm).reshape(1, -1), format="s16", layout="mono"
        )
        frame.sample_rate = G722_RATE
        frame.time_base = Fraction(1, G722_RATE)
        frame.pts = self._n_samples
        self._n_samples += _FRAME
        return b"".join(bytes(packet) for packet in self._codec.encode(frame))

    def expect_loss(self, percent: int) -> None:
        """There is no correction."""
        del percent

    def settled(self) -> None:
        """That changes nothing."""
