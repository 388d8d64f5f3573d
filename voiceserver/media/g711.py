"""G.711: 8-bit mu-law and A-law samples at 8 kHz, as telephones send them.

ITU-T G.711 (11/88), tables 1a and 2a. Pure; knows nothing of rates or packets.
"""

from __future__ import annotations

from enum import Enum

import numpy as np
from numpy.typing import NDArray

from voiceserver.audio import Samples, from_int16, to_int16

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


def decode(law: Law, octets: bytes) -> Samples:
    """Decode one octet a sample."""
    return from_int16(_DECODED[law][np.frombuffer(octets, np.uint8)])


def encode(law: Law, samples: Samples) -> bytes:
    """Encode to the nearest levels, one octet a sample."""
    pcm = to_int16(samples).astype(np.int32) + 32768
    return _ENCODED[law][pcm].tobytes()
