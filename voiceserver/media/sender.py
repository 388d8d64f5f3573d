"""The reply of a call: 20 ms pulled, encoded and sent every 20 ms.

Pulling is playout's time. Where the loop was away, time is left out of the stream, as
its timestamps say, and the words are said later instead of lost. Silence is encoded
once, and repeated as long as it lasts. Error correction is encoded where the client
reports loss, or nothing yet. Knows nothing of aiortc.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Protocol

from voiceserver.audio import AudioFrame
from voiceserver.clock import Clock
from voiceserver.media.codecs import Encoder
from voiceserver.media.pacer import Pacer
from voiceserver.media.rtp import RtpPacket

# Frames of silence until the codec has nothing of what was before in its memory.
SETTLED = 10
# Error correction goes on for so long after the last report of loss, and is for at
# least and at most so many percent: a report covers some seconds, and loss is bursty.
CORRECTED_NS = 15_000_000_000
LEAST_LOSS, MOST_LOSS = 10, 30


class PacketSink(Protocol):
    """Where packets are sent to."""

    ssrc: int
    payload_type: int

    def send(self, packet: RtpPacket) -> None:
        """Send a packet now, or drop it if that cannot be."""

    def watch(self, reported: Callable[[float], None]) -> None:
        """Call ``reported`` with the share lost that each report of the client tells.

        It must not raise.
        """


class AudioSender:
    """Sends the reply of one call.

    Args:
        pull: Gives the next 20 ms; its ``turn`` is 0 where nothing is said.
        dropped: Called with the number of frame times left out as the loop was late.
        clock: Monotonic clock.
    """

    def __init__(
        self,
        pull: Callable[[], AudioFrame],
        dropped: Callable[[int], None],
        clock: Clock,
    ) -> None:
        self._pull = pull
        self._dropped = dropped
        self._clock = clock
        self._encoder: Encoder | None = None
        self._sink: PacketSink | None = None
        self._pacer = Pacer(self._send_next, self._leave_out, clock)
        self._index = 0  # of the next frame, those left out included
        # Low: SRTP counts wrap-arounds, and a lost first packet must not be one.
        self._sequence = secrets.randbelow(1 << 15)
        self._origin = secrets.randbelow(1 << 32)
        self._n_silent = SETTLED  # frames of silence in a row, at most SETTLED
        self._silence: bytes | None = None
        self._corrected_until_ns = 0
        self.n_sent = 0

    def start(self, sink: PacketSink, encoder: Encoder) -> None:
        """Send from now on."""
        self._sink, self._encoder = sink, encoder
        sink.watch(self._reported)
        self._pacer.start()

    def stop(self) -> None:
        """Send nothing any more."""
        self._sink = None
        self._pacer.stop()

    def _send_next(self) -> None:
        if self._sink is not None and self._encoder is not None:
            self._send(self._sink, self._encoder)

    def _leave_out(self, n_frames: int) -> None:
        self._dropped(n_frames)
        self._index += n_frames  # the gap shows in the timestamps

    def _reported(self, lost: float) -> None:
        """Take a report of the client: the share it has lost since the last."""
        if self._sink is None or self._encoder is None:
            return
        now_ns = self._clock.now_ns()
        if lost > 0:
            self._corrected_until_ns = now_ns + CORRECTED_NS
            percent = min(MOST_LOSS, max(LEAST_LOSS, round(lost * 100)))
            self._encoder.expect_loss(percent)
        elif now_ns >= self._corrected_until_ns:
            self._encoder.expect_loss(0)

    def _send(self, sink: PacketSink, encoder: Encoder) -> None:
        index, self._index = self._index, self._index + 1
        frame = self._pull()
        marker = frame.turn != 0 and self._n_silent > 0
        packet = RtpPacket(
            sink.payload_type,
            self._sequence,
            (self._origin + index * encoder.ticks) & 0xFFFFFFFF,
            sink.ssrc,
            self._payload(frame, encoder),
            marker,
        )
        self._sequence = (self._sequence + 1) & 0xFFFF
        self.n_sent += 1
        sink.send(packet)

    def _payload(self, frame: AudioFrame, encoder: Encoder) -> bytes:
        if frame.turn:
            self._n_silent = 0
            return encoder.encode(frame.samples)
        if self._n_silent >= SETTLED and self._silence is not None:
            return self._silence
        self._n_silent = min(SETTLED, self._n_silent + 1)
        payload = encoder.encode(frame.samples)
        if self._n_silent >= SETTLED:
            self._silence = payload
            encoder.settled()
        return payload
