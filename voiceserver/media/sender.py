"""The reply of a call: 20 ms pulled, encoded and sent every 20 ms.

Pulling is playout's time, ``pacing`` keeps the pace. Error correction is encoded where
the client reports loss, or nothing yet.

Silence is encoded once, and repeated as long as it lasts. What is said again and again,
fillers and fixed lines, is encoded twice, then never more, as they are the same samples
in every call. A payload depends on all that its encoder has heard, so what is kept is
kept by that: by the frames since the encoder was last *settled*, in long silence, which
leaves the same state behind in every call. Knows nothing of aiortc.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict, deque
from collections.abc import Callable
from functools import cache
from typing import Protocol

from voiceserver.audio import PTIME_MS, AudioFrame, Samples
from voiceserver.clock import Clock
from voiceserver.media.codecs import Encoder
from voiceserver.media.pacing import Pacer
from voiceserver.media.packing import Packed, Packing
from voiceserver.media.rtp import RtpPacket
from voiceserver.media.telephone_events import EventWriter

# Frames of silence until the codec has nothing of what was before in its memory.
SETTLED = 10
# Error correction goes on for so long after the last report of loss, and is for at
# least and at most so many percent: a report covers some seconds, and loss is bursty.
CORRECTED_NS = 15_000_000_000
LEAST_LOSS, MOST_LOSS = 10, 30
LONGEST_LINE = 250  # frames: 5 s; what goes on for longer is no line that was prepared
KEPT = 3_000  # payloads: a minute of audio, some 600 kB
NOTICED = 10_000  # frames that were heard once, some 1.5 MB
# Frames from which an encoder that was left out picks up: 100 ms is more than its
# longest memory that matters, the pitch of the voice (RFC 6716: 18 ms and a frame).
PICKED_UP = 5


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
        self._packing: Packing | None = None  # where packets are not frames
        self._pacer = Pacer(self._send_next, self._leave_out, clock)
        self._index = 0  # of the next frame, those left out included
        # Low: SRTP counts wrap-arounds, and a lost first packet must not be one.
        self._sequence = secrets.randbelow(1 << 15)
        self._origin = secrets.randbelow(1 << 32)
        self._n_silent = SETTLED  # frames of silence in a row, at most SETTLED
        self._silence: bytes | None = None
        self._corrected_until_ns = 0
        self._events: EventWriter | None = None  # digits that are being sent
        self._events_type = 0
        self._event_at = 0  # index of the frame that a digit began with
        self.n_sent = 0

    def start(
        self, sink: PacketSink, encoder: Encoder, ptime_ms: int = PTIME_MS
    ) -> None:
        """Send from now on.

        Args:
            sink: Takes the packets.
            encoder: Of the codec that was agreed on.
            ptime_ms: Of each packet; another than a frame's only where ``Packing`` can.
        """
        self._sink, self._encoder = sink, encoder
        self._packing = None if ptime_ms == PTIME_MS else Packing(ptime_ms)
        sink.watch(self._reported)
        self._pacer.start()

    def press(self, digits: str, payload_type: int, clock_rate: int) -> float:
        """Send digits (RFC 4733) in place of audio, which waits meanwhile.

        Args:
            digits: Of ``telephone_events.DIGITS``; those before are sent no more.
            payload_type: Of events.
            clock_rate: Ticks a second of theirs.

        Returns:
            How long that takes, in seconds.
        """
        self._events = EventWriter(digits, clock_rate, PTIME_MS)
        self._events_type = payload_type
        return len(self._events) * PTIME_MS / 1000

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
        if self._events is not None and self._pressed(sink, encoder, index):
            return
        frame = self._pull()
        marker = frame.turn != 0 and self._n_silent > 0
        payload = self._payload(frame, encoder)
        stamp = self._stamp(index, encoder)
        if self._packing is None:
            self._give(sink, sink.payload_type, stamp, payload, marker)
        else:
            self._give_all(sink, self._packing.add(Packed(stamp, payload, marker)))

    def _pressed(self, sink: PacketSink, encoder: Encoder, index: int) -> bool:
        """Send what of a digit is due in a frame's time; False once there is none."""
        assert self._events is not None
        tick = self._events.next()
        if tick is None:
            self._events = None
            return False
        if tick.begins:
            self._event_at = index
        if self._packing is not None:
            self._give_all(sink, self._packing.rest())
        timestamp = self._stamp(self._event_at, encoder)
        for payload, marker in tick.payloads:
            self._give(sink, self._events_type, timestamp, payload, marker)
        return True

    def _give_all(self, sink: PacketSink, packed: list[Packed]) -> None:
        for each in packed:
            self._give(
                sink, sink.payload_type, each.timestamp, each.payload, each.marker
            )

    def _give(
        self,
        sink: PacketSink,
        payload_type: int,
        timestamp: int,
        payload: bytes,
        marker: bool,
    ) -> None:
        packet = RtpPacket(
            payload_type, self._sequence, timestamp, sink.ssrc, payload, marker
        )
        self._sequence = (self._sequence + 1) & 0xFFFF
        self.n_sent += 1
        sink.send(packet)

    def _stamp(self, index: int, encoder: Encoder) -> int:
        return (self._origin + index * encoder.ticks) & 0xFFFFFFFF

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


class RepeatedAudio:
    """What was encoded before, by all that came before it.

    One object serves all calls of a process; bounded.
    """

    def __init__(self) -> None:
        self._payloads: OrderedDict[bytes, bytes] = OrderedDict()
        self._noticed: OrderedDict[bytes, None] = OrderedDict()

    def get(self, key: bytes) -> bytes | None:
        """Return a payload; None if it is not kept."""
        payload = self._payloads.get(key)
        if payload is not None:
            self._payloads.move_to_end(key)
        return payload

    def put(self, key: bytes, payload: bytes) -> None:
        """Keep a payload from the second time on; the oldest are forgotten."""
        if key not in self._noticed:
            self._noticed[key] = None
            if len(self._noticed) > NOTICED:
                self._noticed.popitem(last=False)
            return
        self._payloads[key] = payload
        if len(self._payloads) > KEPT:
            self._payloads.popitem(last=False)


class SparingEncoder:
    """An encoder that encodes nothing a third time. One object per call.

    Args:
        encoder: Does the work.
        memory: Shared by the calls whose encoders are of the same kind.
    """

    def __init__(self, encoder: Encoder, memory: RepeatedAudio) -> None:
        self._encoder = encoder
        self._memory = memory
        self._expected = b"?"
        self._key: bytes | None = None  # of the last frame; None: of no known past
        self._n_frames = 0  # since it was settled
        self._missed: deque[Samples] = deque(maxlen=PICKED_UP)
        self.ticks = encoder.ticks

    def settled(self) -> None:
        """The last frames were silence, enough to forget what was before."""
        self._key = b"settled" + self._expected
        self._n_frames = 0
        self._missed.clear()  # the encoder has stayed in the silence before them

    def encode(self, samples: Samples) -> bytes:
        """Encode 480 samples at 24 kHz, or remember how they were."""
        self._n_frames += 1
        if self._key is None or self._n_frames > LONGEST_LINE:
            return self._encoded(samples)
        state = hashlib.blake2b(self._key, digest_size=16)
        state.update(samples.tobytes())
        self._key = state.digest()
        payload = self._memory.get(self._key)
        if payload is not None:
            self._missed.append(samples)
            return payload
        payload = self._encoded(samples)
        self._memory.put(self._key, payload)
        return payload

    def expect_loss(self, percent: int) -> None:
        """Spend on error correction what a line is worth that loses so much."""
        expected = str(percent).encode()
        if expected != self._expected:
            silent = self._key is not None and self._n_frames == 0
            self._expected = expected
            # What was encoded otherwise is no past of this; silence is.
            self._key = b"settled" + expected if silent else None
        self._encoder.expect_loss(percent)

    def _encoded(self, samples: Samples) -> bytes:
        while self._missed:
            self._encoder.encode(self._missed.popleft())
        return self._encoder.encode(samples)


@cache
def shared(mime_type: str) -> RepeatedAudio:
    """Return the memory of this process for a codec.

    What is found in it has the asker's own samples behind it, so calls learn nothing
    of each other.
    """
    del mime_type
    return RepeatedAudio()
