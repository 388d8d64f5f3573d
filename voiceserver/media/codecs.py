"""The codecs of a WebRTC call, each with the same two faces.

A decoder turns payloads into 16 kHz mono and makes up what is missing; an encoder turns
the reply's frames into payloads. Knows nothing of packets' order or time.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from voiceserver.audio import (
    MIC_FRAME,
    MIC_RATE,
    PTIME_MS,
    SPEECH_RATE,
    Resampler,
    Samples,
)
from voiceserver.media import g711, libopus
from voiceserver.media.g711 import G711_RATE, Law


class Decoder(Protocol):
    """Decodes one stream to 16 kHz mono."""

    clock_rate: int

    def duration_ticks(self, payload: bytes) -> int:
        """Duration of a packet in ticks of ``clock_rate``; 0 if it is none."""

    def repairs(self, payload: bytes) -> bool:
        """Whether it carries a copy of the packet before it."""

    def pauses(self, payload: bytes) -> bool:
        """Whether its sender may leave out what follows."""

    def decode(self, payload: bytes) -> Samples:
        """Decode a packet.

        Raises:
            BadAudio: If it cannot be decoded.
        """

    def recover(self, successor: bytes, n_samples: int) -> Samples:
        """Decode what was lost from the packet after it.

        Raises:
            BadAudio: If it cannot be decoded.
        """

    def conceal(self, n_samples: int) -> Samples:
        """Make up what is not there."""


class Encoder(Protocol):
    """Encodes the reply, 20 ms at a time."""

    ticks: int

    def encode(self, samples: Samples) -> bytes:
        """Encode 480 samples at 24 kHz."""

    def expect_loss(self, percent: int) -> None:
        """Spend on error correction what a line is worth that loses so much."""

    def settled(self) -> None:
        """Learn that only silence was encoded for long."""


class OpusDecoder(libopus.OpusDecoder):
    """Opus, as a decoder of a call."""

    clock_rate = libopus.OPUS_CLOCK
    duration_ticks = staticmethod(libopus.duration_ticks)
    repairs = staticmethod(libopus.repairs)
    pauses = staticmethod(libopus.pauses)


class OpusEncoder(libopus.OpusEncoder):
    """Opus, as an encoder of a call."""

    ticks = libopus.OPUS_CLOCK * PTIME_MS // 1000

    def settled(self) -> None:
        """That changes nothing."""


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
        samples = self._resampler.push(g711.decode(self._law, payload))
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
        return g711.encode(self._law, frame)

    def expect_loss(self, percent: int) -> None:
        """There is no correction."""
        del percent

    def settled(self) -> None:
        """That changes nothing."""


_LAWS = {"audio/pcmu": Law.MU, "audio/pcma": Law.A}
SPOKEN = frozenset({"audio/opus", *_LAWS})  # MIME types, in lower case


def decoder_for(mime_type: str) -> Decoder | None:
    """Make a decoder; None for what is no audio, such as telephone events."""
    if mime_type.lower() == "audio/opus":
        return OpusDecoder()
    law = _LAWS.get(mime_type.lower())
    return None if law is None else G711Decoder(law)


def encoder_for(mime_type: str) -> Encoder | None:
    """Make an encoder; None for what is no audio."""
    if mime_type.lower() == "audio/opus":
        return OpusEncoder()
    law = _LAWS.get(mime_type.lower())
    return None if law is None else G711Encoder(law)
