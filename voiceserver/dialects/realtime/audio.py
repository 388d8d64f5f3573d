"""Audio inside events, as the Realtime protocol carries it over WebSocket.

Base64 of 16-bit PCM at 24 kHz, or of G.711 at 8 kHz, to samples and back; each stream
keeps the state of its rate converter. Knows nothing of events and conversations.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import numpy as np

from voiceserver.audio import (
    MIC_RATE,
    SPEECH_RATE,
    Resampler,
    Samples,
    from_int16,
    to_int16,
)
from voiceserver.errors import BadRequest
from voiceserver.media.g711 import G711_RATE, Law, decode, encode

Format = Mapping[str, Any]  # the protocol's object, checked
_LAWS = {"audio/pcmu": Law.MU, "audio/pcma": Law.A}
PCM_RATE = 24_000  # Hz; the only one that the protocol has


class MicrophoneDecoder:
    """Reads what a client appends; one object per call."""

    def __init__(self) -> None:
        self._format = ""
        self._converter = Resampler(PCM_RATE, MIC_RATE)

    def decode(self, audio: str, audio_format: Format) -> Samples:
        """Return shape ``(n,)`` at 16 kHz; lengths vary by one around the exact.

        Raises:
            BadRequest: If it is no base64, or a sample is incomplete.
        """
        try:
            octets = base64.b64decode(audio, validate=True)
        except (binascii.Error, ValueError):
            raise _bad("audio is not valid base64") from None
        kind = audio_format["type"]
        if kind != self._format:
            self._format = kind
            rate = PCM_RATE if kind == "audio/pcm" else G711_RATE
            self._converter = Resampler(rate, MIC_RATE)
        if kind != "audio/pcm":
            return self._converter.push(decode(_LAWS[kind], octets))
        if len(octets) % 2:
            raise _bad("audio has an odd number of bytes; samples have 16 bits")
        return self._converter.push(from_int16(octets))


def _bad(message: str) -> BadRequest:
    return BadRequest(message, "invalid_audio", "audio")


class VoiceEncoder:
    """Writes the audio of one reply.

    Args:
        audio_format: Of the response that it belongs to.
    """

    def __init__(self, audio_format: Format) -> None:
        self._law = _LAWS.get(audio_format["type"])
        self._converter = Resampler(SPEECH_RATE, G711_RATE)
        self._n_samples = 0

    @property
    def sent_ms(self) -> int:
        """Length of what was encoded, rounded up."""
        return -(-self._n_samples * 1000 // SPEECH_RATE)

    def encode(self, samples: Samples) -> str:
        """Return base64 of the next samples at 24 kHz; may be ``""``."""
        self._n_samples += len(samples)
        if self._law is None:
            octets = to_int16(samples).astype("<i2").tobytes()
        else:
            octets = encode(self._law, np.asarray(self._converter.push(samples)))
        return base64.b64encode(octets).decode("ascii")
