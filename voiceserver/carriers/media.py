"""Samples to packets and back: what WebRTC's tracks carry.

The reply is encoded here, mono, from 24 kHz directly: Opus takes that rate, and its
time stamps count 48 kHz whatever it is given (RFC 7587). The microphone arrives
decoded, in whatever form the codec has, and leaves as 16 kHz mono.
"""

from __future__ import annotations

import asyncio
import math
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
    Samples,
    to_int16,
)
from voiceserver.session.clock import Clock

OPUS_CLOCK = 48_000  # Hz, always
BIT_RATE = 32_000  # bit/s; transparent for speech in mono
COMPLEXITY = 5  # of 10: half the CPU, no difference heard in speech
EXPECTED_LOSS = 10  # percent; how much redundancy in-band FEC gets
PTIME_NS = PTIME_MS * 1_000_000
# Frames that may follow at once after a short delay: less than any client's jitter
# buffer holds, so nothing is heard, where leaving them out would be.
CATCH_UP = 2


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

    A loop that was away never makes up for it by a burst of more than two: the time is
    left out of the stream, as its time stamps say, and the words are said later
    instead of lost.

    Args:
        pull: Gives the next 20 ms.
        dropped: Called with the number of frame times left out as the loop was late.
        clock: Monotonic clock.
    """

    kind = "audio"

    def __init__(
        self,
        pull: Callable[[], AudioFrame],
        dropped: Callable[[int], None],
        clock: Clock,
    ) -> None:
        super().__init__()
        self._pull = pull
        self._dropped = dropped
        self._clock = clock
        self._encoder: OpusEncoder | None = None
        self._index = 0
        self._due_ns = 0  # of the next frame; 0 before the first

    def encode_opus(self) -> None:
        """Give packets from now on, encoded here; else frames for aiortc to encode."""
        self._encoder = OpusEncoder()

    async def recv(self) -> Any:
        """Return the next 20 ms at its time."""
        now_ns = self._clock.now_ns()
        self._due_ns = self._due_ns or now_ns
        if self._due_ns > now_ns:
            await asyncio.sleep((self._due_ns - now_ns) / 1e9)
            now_ns = self._clock.now_ns()  # a busy loop wakes late
        late = max(0, now_ns - self._due_ns) // PTIME_NS
        if late <= CATCH_UP:
            late = 0
        else:
            self._dropped(late)
            self._index += late  # the gap shows in the time stamps
        self._due_ns += (late + 1) * PTIME_NS
        index, self._index = self._index, self._index + 1
        frame = self._pull()
        if self._encoder is None:
            return _audio_frame(frame, index)
        return self._encoder.encode(frame, index)


class MicrophoneConverter:
    """Decoded frames of any rate and layout to 16 kHz mono; one object per call.

    libswresample mixes, converts and filters in 44 us a frame; the same in numpy took
    243 us. It withholds 1 ms.
    """

    def __init__(self) -> None:
        self._resampler: Any = None
        self._gain = np.float32(1)
        self._form: tuple[int, str, str] | None = None

    def convert(self, frame: Any) -> Samples:
        """Convert one decoded ``av.AudioFrame``; lengths vary by a few samples."""
        form = (frame.sample_rate, frame.layout.name, frame.format.name)
        if form != self._form:
            self._form = form
            self._resampler = av.AudioResampler("flt", "mono", MIC_RATE)
            # libswresample adds channels up at -3 dB each; two that agree would clip.
            self._gain = np.float32(1 / math.sqrt(len(frame.layout.channels)))
        # Without time stamps it takes frames as they come; a gap is not filled here.
        frame.pts = None
        parts = [part.to_ndarray()[0] for part in self._resampler.resample(frame)]
        samples: Samples = np.concatenate([np.zeros(0, np.float32), *parts])
        return samples * self._gain
