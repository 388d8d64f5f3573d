"""Audio inside events, as the Realtime protocol carries it over WebSocket.

Base64 of 16-bit PCM at 24 kHz, or of G.711 at 8 kHz, to samples and back; each stream
keeps the state of its rate converter. Knows nothing of events and conversations.
"""

from __future__ import annotations

import base64
import string
from collections.abc import Iterator, Mapping
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
MAX_EVENT_S = 60  # of audio in one event
SLICE_MS = 500  # converted at a time: 2 ms of work
_LETTERS = (string.ascii_letters + string.digits + "+/").encode()
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_SPACE = b" \t\r\n"


class MicrophoneDecoder:
    """Reads what a client appends; one object per call."""

    def __init__(self) -> None:
        self._format = ""
        self._converter = Resampler(PCM_RATE, MIC_RATE)

    def slices(self, audio: str, audio_format: Format) -> Iterator[Samples]:
        """Check the audio of an event, whole; return it slice by slice.

        A slice is made when it is asked for, so that others can have their turn
        between two; take all of them before the next event.

        Returns:
            Shapes ``(n,)`` at 16 kHz; their sum varies by one around the exact.

        Raises:
            BadRequest: If it is no base64, a sample is incomplete, or there is more
                than ``MAX_EVENT_S`` of it.
        """
        kind = audio_format["type"]
        pcm = kind == "audio/pcm"
        rate = PCM_RATE if pcm else G711_RATE
        octets_per_s = rate * 2 if pcm else rate
        letters, n_octets = _letters(audio)
        if n_octets > MAX_EVENT_S * octets_per_s:
            raise _bad(f"an event holds at most {MAX_EVENT_S} s of audio; send several")
        if pcm and n_octets % 2:
            raise _bad("audio has an odd number of bytes; samples have 16 bits")
        if kind != self._format:
            self._format = kind
            self._converter = Resampler(rate, MIC_RATE)
        # Four letters are three octets: of whole ones, and of whole samples.
        size = octets_per_s * SLICE_MS // 1000 // 6 * 8
        return self._converted(letters, size, kind)

    def _converted(self, letters: bytes, size: int, kind: str) -> Iterator[Samples]:
        for at in range(0, len(letters), size):
            octets = base64.b64decode(letters[at : at + size])
            law = _LAWS.get(kind)
            samples = from_int16(octets) if law is None else decode(law, octets)
            yield self._converter.push(samples)


def _letters(audio: str) -> tuple[bytes, int]:
    """The letters of base64, as its standard has them; how many octets they are.

    A whole decoder takes ten times as long to find what is wrong.

    Raises:
        BadRequest: If they are none.
    """
    letters = audio.encode("ascii", "replace").translate(_URL_SAFE, _SPACE)
    n_padding = 0 if not letters else len(letters[-2:]) - len(letters[-2:].rstrip(b"="))
    body = letters[: len(letters) - n_padding]
    if len(letters) % 4 or body.translate(None, _LETTERS):
        raise _bad("audio is not valid base64")
    return letters, len(letters) // 4 * 3 - n_padding


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
