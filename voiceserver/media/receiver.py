"""The microphone of a call: RTP packets in, 16 kHz mono out.

Runs where packets arrive, on the event loop, with no thread, task or queue: a jitter
buffer says what comes next, a decoder makes it audio. One timer wakes it where nothing
comes. Knows nothing of aiortc, nor of what is said.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from voiceserver.audio import MIC_RATE, Samples
from voiceserver.clock import Clock
from voiceserver.errors import BadAudio
from voiceserver.loop_turns import READING
from voiceserver.media.codecs import Decoder, decoder_for
from voiceserver.media.jitter import Counts, Frame, JitterBuffer, Origin, Packet
from voiceserver.media.rtp import RtpPacket

log = logging.getLogger(__name__)

# A timer this late means that the loop stood still: packets wait in the socket, and
# are read before anything is made up in their place, as are those that wait here.
STALLED_MS = 10.0
COMFORT_NOISE = "audio/cn"  # MIME type
MADE_UP_MS = 100.0  # concealed by the codec; beyond it silence is as good

Take = Callable[[Samples, bool], None]


@dataclass(frozen=True, slots=True)
class Reception:
    """How a microphone's audio has arrived.

    Attributes:
        counts: Packets and time by what became of them, of all streams of the call.
        undecodable: Packets that no codec could make anything of.
        n_samples: Audio handed on, at 16 kHz, made up or not.
        clock_rate: Ticks a second of the counts of time.
        jitter_ms: Of RFC 3550.
        wait_ms: How long a missing packet is waited for now.
        held_ms: Mean time that packets were kept here.
        drift_ppm: By how much the client's clock is slow.
    """

    counts: Counts
    undecodable: int
    n_samples: int
    clock_rate: int
    jitter_ms: float
    wait_ms: float
    held_ms: float
    drift_ppm: float


class AudioReceiver:
    """Receives the audio of one call. None of its methods raises.

    Args:
        take: Takes audio and whether it is made up.
        clock: Monotonic clock.
    """

    def __init__(self, take: Take, clock: Clock) -> None:
        self._take = take
        self._clock = clock
        self._codecs: Mapping[int, str] = {}
        self._stream: tuple[int, int] | None = None  # SSRC, payload type
        self._decoder: Decoder | None = None
        self._buffer: JitterBuffer | None = None
        self._counts = Counts()  # of streams that are over
        self._timer: asyncio.TimerHandle | None = None
        self._due_ms = 0.0
        self._made_up_ms = 0.0  # in a row
        self._held_ms = 0.0
        self._n_held = 0
        self._n_samples_taken = 0
        self._undecodable = 0
        self._faulty = self._stopped = False
        self.n_received = 0

    def start(self, codecs: Mapping[int, str]) -> None:
        """Take packets from now on.

        Args:
            codecs: What was negotiated: MIME types by payload type.
        """
        self._codecs = codecs

    def stop(self) -> None:
        """Take nothing any more."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()

    def receive(self, packet: RtpPacket) -> None:
        """Take a packet."""
        if self._stopped or packet.payload_type not in self._codecs:
            return
        self.n_received += 1
        try:
            self._put(packet)
        except Exception:  # noqa: BLE001 - a fault of ours; the call goes on without it
            self._fault()

    @property
    def buffer(self) -> JitterBuffer | None:
        """That of the present stream."""
        return self._buffer

    def report(self) -> Reception | None:
        """Tell how audio has arrived; None if none has."""
        if self._buffer is None or self._decoder is None:
            return None
        arrivals = self._buffer.arrivals
        return Reception(
            _sum(self._counts, self._buffer.counts),
            self._undecodable,
            self._n_samples_taken,
            self._decoder.clock_rate,
            arrivals.jitter_ms,
            self._buffer.wait_ms,
            self._held_ms / max(1, self._n_held),
            arrivals.drift_ppm,
        )

    def _put(self, packet: RtpPacket) -> None:
        if self._codecs[packet.payload_type] == COMFORT_NOISE:
            self._pause(packet)
            return
        if self._stream != (packet.ssrc, packet.payload_type):
            self._begin(packet)
        if self._buffer is None or self._decoder is None:
            return  # telephone events and the like
        payload = packet.payload
        n_ticks = self._decoder.duration_ticks(payload)
        if not n_ticks:
            self._undecodable += bool(payload)  # an empty one keeps a line open
            return
        put = Packet(
            packet.sequence,
            packet.timestamp,
            payload,
            n_ticks,
            self._decoder.repairs(payload),
            self._decoder.pauses(payload),
        )
        now_ms = self._clock.now_ns() / 1e6
        self._play(self._buffer.put(put, now_ms))
        self._wake(now_ms)

    def _pause(self, packet: RtpPacket) -> None:
        """The sender says that nothing is to be heard for a while (RFC 3389)."""
        if self._stream is None or self._stream[0] != packet.ssrc:
            return
        assert self._buffer is not None
        now_ms = self._clock.now_ns() / 1e6
        silent = Packet(packet.sequence, packet.timestamp, b"", 1, pauses=True)
        self._play(self._buffer.put(silent, now_ms))
        self._wake(now_ms)

    def _begin(self, packet: RtpPacket) -> None:
        decoder = decoder_for(self._codecs[packet.payload_type])
        if decoder is None:
            return
        if self._buffer is not None:
            self._counts = _sum(self._counts, self._buffer.counts)
        self._stream = (packet.ssrc, packet.payload_type)
        self._decoder = decoder
        self._buffer = JitterBuffer(decoder.clock_rate)

    def _wake(self, now_ms: float) -> None:
        """Have the timer run no later than the buffer wants it."""
        assert self._buffer is not None
        if self._timer is not None and not self._buffer.gap:
            return  # packets in order only put it off; it runs, and asks again
        wake_ms = self._buffer.wake_ms
        if wake_ms is None or (self._timer is not None and self._due_ms <= wake_ms):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._due_ms = wake_ms
        after_s = max(0.0, wake_ms - now_ms) / 1000
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(after_s, self._woken)

    def _woken(self) -> None:
        self._timer = None
        if self._stopped or self._buffer is None:
            return
        now_ms = self._clock.now_ns() / 1e6
        if READING.behind or now_ms - self._due_ms > STALLED_MS:
            self._due_ms = now_ms + STALLED_MS
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(STALLED_MS / 1000, self._woken)
            return
        try:
            self._play(self._buffer.advance(now_ms))
        except Exception:  # noqa: BLE001 - likewise
            self._fault()
        self._wake(now_ms)

    def _play(self, frames: list[Frame]) -> None:
        for frame in frames:
            try:
                samples = self._samples(frame)
            except BadAudio:
                self._undecodable += 1
                samples = self._silence(frame)
            self._n_samples_taken += len(samples)
            self._take(samples, frame.origin is Origin.CONCEALED)

    def _samples(self, frame: Frame) -> Samples:
        assert self._decoder is not None
        n_samples = self._n_samples(frame)
        match frame.origin:
            case Origin.RECEIVED:
                self._made_up_ms = 0.0
                self._held_ms += frame.held_ms
                self._n_held += 1
                if not frame.payload:  # of comfort noise
                    return self._silence(frame)
                return self._decoder.decode(frame.payload)
            case Origin.RECOVERED:
                return self._decoder.recover(frame.payload, n_samples)
            case Origin.CONCEALED if self._made_up_ms < MADE_UP_MS:
                self._made_up_ms += n_samples * 1000 / MIC_RATE
                return self._decoder.conceal(n_samples)
            case _:
                return self._silence(frame)

    def _silence(self, frame: Frame) -> Samples:
        return np.zeros(self._n_samples(frame), np.float32)

    def _n_samples(self, frame: Frame) -> int:
        assert self._decoder is not None
        return max(1, frame.n_ticks * MIC_RATE // self._decoder.clock_rate)

    def _fault(self) -> None:
        self._undecodable += 1
        if not self._faulty:  # told once a call, not 50 times a second
            self._faulty = True
            log.exception("packets of a microphone are lost to a fault")


def _sum(one: Counts, other: Counts) -> Counts:
    names = Counts.__slots__
    return Counts(**{name: getattr(one, name) + getattr(other, name) for name in names})
