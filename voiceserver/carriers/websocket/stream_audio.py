"""Binary messages to samples and back: what ``/v1/stream`` carries.

PCM is 16-bit little-endian mono, a message any whole number of samples; Opus is one
packet a message. Knows nothing of sockets and conversations.
"""

from __future__ import annotations

from dataclasses import dataclass

from voiceserver.audio import (
    MIC_RATE,
    SPEECH_RATE,
    AudioFrame,
    Resampler,
    Samples,
    from_int16,
    to_int16,
)
from voiceserver.errors import BadAudio, BadRequest
from voiceserver.media.codecs import OpusDecoder, OpusEncoder

PCM, OPUS = "pcm_s16le", "opus"
RATES = (8_000, 16_000, 24_000, 48_000)  # Hz
LONGEST_OPUS = 8_000  # bytes of a packet; the codec's largest is 7,656 (RFC 6716, 3.2)


@dataclass(frozen=True, slots=True)
class StreamFormat:
    """How a connection carries audio, both ways.

    Attributes:
        name: ``"pcm_s16le"`` or ``"opus"``.
        rate: Hz; of PCM only.
    """

    name: str = PCM
    rate: int = 16_000


def read_format(name: str, rate: str) -> StreamFormat:
    """Read a format from what a client wrote.

    Raises:
        BadRequest: If there is none such.
    """
    if name not in (PCM, OPUS):
        raise BadRequest(f"'format' must be {PCM} or {OPUS}.", "invalid_value")
    known = {str(known): known for known in RATES}
    if rate not in known:
        raise BadRequest(f"'rate' must be one of {', '.join(known)}.", "invalid_value")
    return StreamFormat(name, known[rate])


class MessageDecoder:
    """The microphone's messages to 16 kHz; one object per call.

    Args:
        form: What the messages hold.
    """

    def __init__(self, form: StreamFormat) -> None:
        self._opus = OpusDecoder() if form.name == OPUS else None
        self._resampler = Resampler(form.rate, MIC_RATE)

    def decode(self, message: bytes) -> Samples:
        """Decode a message; lengths vary by a few samples.

        Raises:
            BadAudio: If it is not what the format says.
        """
        if self._opus is not None:
            return self._packet(self._opus, message)
        if len(message) % 2:
            raise BadAudio("a message of PCM must hold whole samples of 2 bytes")
        return self._resampler.push(from_int16(message))

    def _packet(self, opus: OpusDecoder, message: bytes) -> Samples:
        if not 0 < len(message) <= LONGEST_OPUS:
            raise BadAudio("a message must be one packet of Opus")
        try:
            return opus.decode(message)
        except BadAudio:
            raise BadAudio("a message is no packet of Opus") from None


class MessageEncoder:
    """The reply's frames to messages; one object per call.

    Args:
        form: What the messages shall hold.
    """

    def __init__(self, form: StreamFormat) -> None:
        self._opus = OpusEncoder() if form.name == OPUS else None
        self._resampler = Resampler(SPEECH_RATE, form.rate)

    def encode(self, frame: AudioFrame) -> bytes:
        """Encode 20 ms; PCM of other rates varies by a few samples."""
        if self._opus is not None:
            return self._opus.encode(frame.samples)
        return to_int16(self._resampler.push(frame.samples)).astype("<i2").tobytes()
