"""Samples to packets and back: what WebRTC's tracks carry.

The reply is encoded here, mono, from 24 kHz directly: Opus takes that rate, and its
time stamps count 48 kHz whatever it is given (RFC 7587). The microphone arrives
decoded, in whatever form the codec has, and leaves as 16 kHz mono.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import av
import numpy as np
from aiortc import MediaStreamTrack

from voiceserver.audio import (
    MIC_RATE,
    PTIME_MS,
    SPEECH_RATE,
    AudioFrame,
    Resampler,
    Samples,
    to_int16,
)

OPUS_CLOCK = 48_000  # Hz, always
BIT_RATE = 32_000  # bit/s; transparent for speech in mono
COMPLEXITY = 5  # of 10: half the CPU, no difference heard in speech
EXPECTED_LOSS = 10  # percent; how much redundancy in-band FEC gets
PTIME_S = PTIME_MS / 1000
# Later than this, frames are left out instead of sent in a burst.
LATEST_S = 0.1


class OpusEncoder:
    """Encodes the reply, 20 ms at a time."""

    def __init__(self) -> None:
        codec: Any = av.CodecContext.create("libopus", "w")
        codec.sample_rate = SPEECH_RATE
        codec.layout = "mono"
        codec.format = av.AudioFormat("s16")
        codec.bit_rate = BIT_RATE
        codec.time_base = Fraction(1, SPEECH_RATE)
        codec.options = {
            "application": "voip",
            "frame_duration": str(PTIME_MS),
            "compression_level": str(COMPLEXITY),
            "fec": "1",
            "packet_loss": str(EXPECTED_LOSS),
        }
        self._codec = codec

    def encode(self, frame: AudioFrame, index: int) -> av.Packet[Any]:
        """Encode one frame.

        Args:
            frame: 480 samples at 24 kHz.
            index: Number of the frame on the wire, which gives its time stamp.
        """
        [packet] = self._codec.encode(_audio_frame(frame, index))
        packet.pts = index * OPUS_CLOCK * PTIME_MS // 1000
        packet.time_base = Fraction(1, OPUS_CLOCK)
        encoded: av.Packet[Any] = packet
        return encoded


def _audio_frame(frame: AudioFrame, index: int) -> av.AudioFrame:
    pcm = to_int16(frame.samples)[None]
    made = av.AudioFrame.from_ndarray(pcm, format="s16", layout="mono")
    made.sample_rate = frame.sample_rate
    made.pts = index * len(frame.samples)
    made.time_base = Fraction(1, frame.sample_rate)
    return made


class ReplyTrack(MediaStreamTrack):
    """The reply as a track: pulls a frame every 20 ms, by absolute deadlines.

    Args:
        pull: Gives the next 20 ms.
        dropped: Called with the number of frames left out because the loop was late.
    """

    kind = "audio"

    def __init__(
        self, pull: Callable[[], AudioFrame], dropped: Callable[[int], None]
    ) -> None:
        super().__init__()
        self._pull = pull
        self._dropped = dropped
        self._encoder: OpusEncoder | None = None
        self._index = 0
        self._due_s = 0.0

    def encode_opus(self) -> None:
        """Give packets from now on, encoded here; else frames for aiortc to encode."""
        self._encoder = OpusEncoder()

    async def recv(self) -> Any:
        """Return the next 20 ms at its time."""
        now_s = time.perf_counter()
        if self._due_s == 0.0:
            self._due_s = now_s
        if self._due_s > now_s:
            await asyncio.sleep(self._due_s - now_s)
        elif now_s - self._due_s > LATEST_S:
            late = int((now_s - self._due_s) / PTIME_S)
            self._dropped(late)
            self._index += late  # the gap shows in the time stamps
            self._due_s += late * PTIME_S
        self._due_s += PTIME_S
        index, self._index = self._index, self._index + 1
        frame = self._pull()
        if self._encoder is None:
            return _audio_frame(frame, index)
        return self._encoder.encode(frame, index)


class MicrophoneConverter:
    """Decoded frames of any rate and layout to 16 kHz mono; one object per call."""

    def __init__(self) -> None:
        self._resampler: Resampler | None = None
        self._rate = 0

    def convert(self, frame: Any) -> Samples:
        """Convert one decoded ``av.AudioFrame``."""
        samples = _mono(frame)
        if self._resampler is None or frame.sample_rate != self._rate:
            self._rate = frame.sample_rate
            self._resampler = Resampler(self._rate, MIC_RATE)
        return self._resampler.push(samples)


def _mono(frame: Any) -> Samples:
    """Mix a frame to one channel of float32."""
    pcm = frame.to_ndarray()
    channels = len(frame.layout.channels)
    if not frame.format.is_planar:
        pcm = pcm.reshape(-1, channels).T
    scale = 1 / 32768 if pcm.dtype == np.int16 else 1.0
    mixed = pcm[0] if channels == 1 else pcm.mean(axis=0)
    return np.asarray(mixed * np.float32(scale), np.float32)
