"""G.711: 8-bit mu-law and A-law samples at 8 kHz, as telephones send them.

ITU-T G.711 (11/88), tables 1a and 2a. Pure; knows nothing of packets' order or time.
The decoder and the encoder of a call have the faces of ``codecs``.
"""

from __future__ import annotations

from enum import Enum

import numpy as np
from numpy.typing import NDArray

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

G711_RATE = 8_000  # Hz


class Law(Enum):
    """Which of the two companding laws."""

    MU = "pcmu"
    A = "pcma"


def _mu_decoded() -> NDArray[np.int16]:
    code = ~np.arange(256) & 0xFF
    exponent, mantissa = (code >> 4) & 7, code & 15
    magnitude = (((mantissa << 3) + 132) << exponent) - 132
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _a_decoded() -> NDArray[np.int16]:
    code = np.arange(256) ^ 0x55
    exponent, mantissa = (code >> 4) & 7, code & 15
    linear = (mantissa << 4) + 8
    magnitude = np.where(
        exponent == 0, linear, (linear + 256) << np.maximum(exponent - 1, 0)
    )
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


_DECODED = {Law.MU: _mu_decoded(), Law.A: _a_decoded()}


def _encoded(decoded: NDArray[np.int16]) -> NDArray[np.uint8]:
    """The nearest code of each 16-bit value: 64 KiB, by ``value + 32768``."""
    order = np.argsort(decoded, kind="stable")
    levels = decoded[order].astype(np.int32)
    borders = (levels[:-1] + levels[1:]) // 2
    nearest = np.searchsorted(borders, np.arange(-32768, 32768), side="left")
    return order[nearest].astype(np.uint8)


_ENCODED = {law: _encoded(decoded) for law, decoded in _DECODED.items()}
_SAMPLES = {law: from_int16(decoded) for law, decoded in _DECODED.items()}


def decode(law: Law, octets: bytes) -> Samples:
    """Decode one octet a sample."""
    return _SAMPLES[law][np.frombuffer(octets, np.uint8)]


def encode(law: Law, samples: Samples) -> bytes:
    """Encode to the nearest levels, one octet a sample."""
    pcm = to_int16(samples).astype(np.int32) + 32768
    return _ENCODED[law][pcm].tobytes()


class G711Decoder:
    """Mu-law or A-law; what is missing repeats what was, fading by 6 dB a frame.

    Args:
        law: Which.
    """

    clock_rate = G711_RATE

    def __init__(self, law: Law) -> None:
        self._law = law
        self._resampler = Resampler(G711_RATE, MIC_RATE)
        self._last = np.zeros(MIC_FRAME, np.float32)

    def duration_ticks(self, payload: bytes) -> int:
        """An octet is a sample."""
        return len(payload)

    def repairs(self, _payload: bytes) -> bool:
        """Never."""
        return False

    def pauses(self, _payload: bytes) -> bool:
        """Never."""
        return False

    def decode(self, payload: bytes) -> Samples:
        """Decode a packet."""
        samples = self._resampler.push(decode(self._law, payload))
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


class G711Encoder:
    """Mu-law or A-law.

    Args:
        law: Which.
    """

    ticks = G711_RATE * PTIME_MS // 1000

    def __init__(self, law: Law) -> None:
        self._law = law
        self._resampler = Resampler(SPEECH_RATE, G711_RATE)
        # For the 12 samples that the resampler withholds.
        self._pending = np.zeros(16, np.float32)

    def encode(self, samples: Samples) -> bytes:
        """Encode 480 samples at 24 kHz to 160 octets."""
        self._pending = np.concatenate([self._pending, self._resampler.push(samples)])
        frame, self._pending = (
            self._pending[: self.ticks],
            self._pending[self.ticks :],
        )
        return encode(self._law, frame)

    def expect_loss(self, percent: int) -> None:
        """There is no correction."""
        del percent

    def settled(self) -> None:
        """That changes nothing."""
