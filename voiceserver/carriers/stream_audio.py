"""Binary messages to samples and back: what ``/v1/stream`` carries.

PCM is 16-bit little-endian mono, a message any whole number of samples; Opus is one
packet a message. Knows nothing of sockets and conversations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import av
import numpy as np

from voiceserver.audio import SPEECH_RATE, AudioFrame, Samples, to_int16
from voiceserver.carriers.media import MicrophoneConverter, OpusEncoder
from voiceserver.errors import BadAudio, BadRequest

PCM, OPUS = "pcm_s16le", "opus"
RATES = (8_000, 16_000, 24_000, 48_000)  # Hz
OPUS_RATE = 48_000  # Hz that packets are decoded at
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
        self._form = form
        self._converter = MicrophoneConverter()
        self._opus: Any = _opus_decoder() if form.name == OPUS else None

    def decode(self, message: bytes) -> Samples:
        """Decode a message; lengths vary by a few samples.

        Raises:
            BadAudio: If it is not what the format says.
        """
        frames = self._packet(message) if self._opus else self._pcm(message)
        parts = [self._converter.convert(frame) for frame in frames]
        return np.concatenate([np.zeros(0, np.float32), *parts])

    def _pcm(self, message: bytes) -> list[Any]:
        if len(message) % 2:
            raise BadAudio("a message of PCM must hold whole samples of 2 bytes")
        if not message:
            return []
        pcm = np.frombuffer(message, "<i2").astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout="mono")
        frame.sample_rate = self._form.rate
        return [frame]

    def _packet(self, message: bytes) -> list[Any]:
        if not 0 < len(message) <= LONGEST_OPUS:
            raise BadAudio("a message must be one packet of Opus")
        try:
            frames: list[Any] = self._opus.decode(av.Packet(message))
        except av.FFmpegError:
            raise BadAudio("a message is no packet of Opus") from None
        return frames


def _opus_decoder() -> Any:
    decoder: Any = av.CodecContext.create("libopus", "r")
    decoder.sample_rate = OPUS_RATE
    decoder.layout = "mono"
    return decoder


class MessageEncoder:
    """The reply's frames to messages; one object per call.

    Args:
        form: What the messages shall hold.
    """

    def __init__(self, form: StreamFormat) -> None:
        self._opus = OpusEncoder() if form.name == OPUS else None
        self._resampler: Any = None
        if form.name == PCM and form.rate != SPEECH_RATE:
            self._resampler = av.AudioResampler("s16", "mono", form.rate)
        self._index = 0

    def encode(self, frame: AudioFrame) -> bytes:
        """Encode 20 ms; PCM of other rates varies by a few samples."""
        if self._opus is not None:
            self._index += 1
            return bytes(self._opus.encode(frame, self._index))
        pcm = to_int16(frame.samples)
        if self._resampler is None:
            return pcm.astype("<i2").tobytes()
        given = av.AudioFrame.from_ndarray(pcm[None], format="s16", layout="mono")
        given.sample_rate = frame.sample_rate
        parts = [part.to_ndarray()[0] for part in self._resampler.resample(given)]
        return b"".join(part.astype("<i2").tobytes() for part in parts)
