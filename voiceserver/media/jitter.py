"""Jitter buffer: packets and time in, frames of a gapless timeline out.

The listener is a recogniser, not a loudspeaker: nobody hears the jitter. So what is in
order leaves at once, with no delay at all, and only what is *missing* is waited for:

* a packet that others have overtaken, for as long as this network has been seen to
  reorder (10 to 200 ms); then it is recovered from its successor's forward error
  correction, or concealed;
* a packet where nothing follows: after a pause that the sender announced (DTX) for as
  long as the latest of the last seconds were late (40 to 200 ms), else for 400 ms, as
  it is the network or the client that stands still and no silence. Then the clock
  fills the timeline, so that a turn ends even where no packet says so.

What the clock filled in for and still comes, in its order, leaves too: the timeline
gets longer, and no word is lost to a network that stood still for a moment.

How late packets are is what they exceed the quickest by: the sender's clock and ours
differ in origin and a little in speed, so only differences mean anything, and the least
``arrival - timestamp`` of the last seconds is the quickest way through the network. The
window makes it follow a drifting clock and a changed route by itself.

Pure: no clock, no codec, no I/O; time is passed in, in milliseconds of any monotonic
clock. Positions count ticks of the RTP clock.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple

BASE_WINDOW_MS = 5_000.0  # the quickest way is looked for in the last 5 to 10 s
SPREAD_WINDOW_MS = 2_000.0  # lateness counts for 2 to 4 s: waiting shrinks back soon
DRIFT_AFTER_MS = 20_000.0  # earlier, jitter is larger than any drift
# Of the time: between two windows no clock drifts by more, a sender that stood still or
# another way through the network moves the quickest by as much as it likes.
MOST_DRIFT = 1e-3
JITTER_GAIN = 1 / 16  # RFC 3550, section 6.4.1

LEAST_WAIT_MS = 40.0  # a packet's successor may come, and be overtaken, within it
MOST_WAIT_MS = 200.0  # beyond it a conversation suffers more than from a gap
STALL_MS = 400.0  # a shorter silence of the line must not end somebody's turn
WAIT_MARGIN_MS = 30.0  # over the latest: one packet and a little
LEAST_REORDER_MS = 10.0
REORDER_MARGIN_MS = 5.0
MAX_WAITING = 64  # packets behind a gap; 1.3 s
MAX_FILL_MS = 500.0  # at once; a longer jump of the timestamps is no gap
MAX_JUMP = 1_000  # sequence numbers; the sender began anew
MAX_JUMP_MS = 3_000.0  # between timestamps and arrival; the same
_GIVEN_UP = 128  # remembered, to tell late packets from duplicates


class SlidingMax:
    """The largest value of the last one to two windows, in constant space.

    Args:
        window_ms: Length of a window.
    """

    def __init__(self, window_ms: float) -> None:
        self._window_ms = window_ms
        self._began_ms = -math.inf
        self._now = self._before = -math.inf

    def add(self, value: float, now_ms: float) -> bool:
        """Take a value; return whether a new window began."""
        turned = now_ms - self._began_ms >= self._window_ms
        if turned:
            idle = now_ms - self._began_ms >= 2 * self._window_ms
            self._before = -math.inf if idle else self._now
            self._began_ms, self._now = now_ms, -math.inf
        if value > self._now:
            self._now = value
        return turned

    @property
    def over(self) -> float:
        """Of the window that is over; minus infinity if there was nothing in it."""
        return self._before

    @property
    def value(self) -> float:
        """The largest value; minus infinity before the first."""
        now, before = self._now, self._before
        return now if now > before else before


class Arrivals:
    """What the arrival of packets tells of the network; one object per stream.

    Attributes:
        jitter_ms: Interarrival jitter as RFC 3550 defines it.
        drift_ppm: By how much the sender's clock is slower than ours; 0 until it is
            known.
    """

    def __init__(self) -> None:
        self._quickest = SlidingMax(BASE_WINDOW_MS)  # of the negated transit
        self._spread = SlidingMax(SPREAD_WINDOW_MS)
        self._last_transit_ms: float | None = None
        self._last_window: tuple[float, float] | None = None  # time, quickest transit
        self._drifted_ms = self._watched_ms = 0.0
        self.jitter_ms = 0.0
        self.drift_ppm = 0.0

    def add(self, sent_ms: float, now_ms: float) -> float:
        """Take a packet; return by how many ms it is later than the quickest.

        Args:
            sent_ms: Its timestamp, in milliseconds of the sender's clock.
            now_ms: When it arrived.
        """
        transit_ms = now_ms - sent_ms
        if self._last_transit_ms is not None:
            change = abs(transit_ms - self._last_transit_ms)
            self.jitter_ms += (change - self.jitter_ms) * JITTER_GAIN
        self._last_transit_ms = transit_ms
        if self._quickest.add(-transit_ms, now_ms):
            self._measure_drift(now_ms)
        late_ms = transit_ms - self.transit_ms
        self._spread.add(late_ms, now_ms)
        return late_ms

    @property
    def transit_ms(self) -> float:
        """The quickest way: ``arrival - timestamp``, meaningful in differences only."""
        return -self._quickest.value

    @property
    def spread_ms(self) -> float:
        """How late packets of the last seconds were at worst."""
        return max(0.0, self._spread.value)

    def _measure_drift(self, now_ms: float) -> None:
        """A window is over: its quickest against that of the one before."""
        quickest_ms, last = -self._quickest.over, self._last_window
        if not math.isfinite(quickest_ms):
            return
        self._last_window = now_ms, quickest_ms
        if last is None:
            return
        passed_ms, change_ms = now_ms - last[0], quickest_ms - last[1]
        if abs(change_ms) > MOST_DRIFT * passed_ms:
            return
        self._drifted_ms += change_ms
        self._watched_ms += passed_ms
        if self._watched_ms >= DRIFT_AFTER_MS:
            self.drift_ppm = self._drifted_ms / self._watched_ms * 1e6


class Origin(Enum):
    """Where a frame's audio comes from."""

    RECEIVED = auto()
    RECOVERED = auto()  # from the copy that its successor carries
    CONCEALED = auto()  # made up
    PAUSED = auto()  # made up, where the sender said that nothing is to be heard


class Packet(NamedTuple):
    """One RTP packet of audio.

    Attributes:
        sequence: Sequence number, 0..65535.
        timestamp: RTP timestamp, 0..2**32-1.
        payload: Encoded audio.
        n_ticks: Duration in ticks of the RTP clock, at least 1.
        repairs: It carries a copy of what came before it (Opus in-band FEC).
        pauses: Its sender may send nothing after it until there is sound (DTX).
    """

    sequence: int
    timestamp: int
    payload: bytes
    n_ticks: int
    repairs: bool = False
    pauses: bool = False


class Frame(NamedTuple):
    """The next stretch of the timeline.

    Attributes:
        origin: Where its audio comes from.
        n_ticks: Duration in ticks of the RTP clock.
        payload: What to decode; the successor's if recovered, empty if made up.
        held_ms: How long it was kept here (received frames).
    """

    origin: Origin
    n_ticks: int
    payload: bytes = b""
    held_ms: float = 0.0


@dataclass(slots=True)
class Counts:
    """What became of packets and time, since the stream began.

    Attributes:
        received: Packets that arrived, of any use or none.
        duplicates: Of these, seen before.
        late: Of these, after they had been given up.
        lost: Given up, and not come late either.
        resyncs: Times that the sender began anew.
        recovered_ticks: Time recovered by error correction.
        concealed_ticks: Time made up for what was lost or stood still.
        paused_ticks: Time made up where the sender paused.
        stretched_ticks: Time by which the timeline grew, as packets came after all.
    """

    received: int = 0
    duplicates: int = 0
    late: int = 0
    lost: int = 0
    resyncs: int = 0
    recovered_ticks: int = 0
    concealed_ticks: int = 0
    paused_ticks: int = 0
    stretched_ticks: int = 0


@dataclass(frozen=True, slots=True)
class _Waiting:
    packet: Packet
    timestamp: int  # unwrapped
    arrived_ms: float


class JitterBuffer:
    """Puts one stream in order; one object per stream.

    Args:
        clock_rate: Ticks a second of the RTP clock.

    Attributes:
        arrivals: What is known of the network.
        counts: What became of the packets.
    """

    def __init__(self, clock_rate: int) -> None:
        self._ticks_per_ms = clock_rate / 1000
        self.arrivals = Arrivals()
        self.counts = Counts()
        self._reordered = SlidingMax(SPREAD_WINDOW_MS * 5)
        self._waiting: dict[int, _Waiting] = {}
        self._given_up: dict[int, float] = {}  # and when it could have been in order
        self._next: int | None = None  # sequence number, unwrapped
        self._position = 0  # end of the timeline so far, in unwrapped ticks
        self._least = round(10 * self._ticks_per_ms)
        self._frame_ticks = 2 * self._least
        self._paused = False

    @property
    def wait_ms(self) -> float:
        """How long a packet is waited for after its time, once a pause began."""
        spread_ms = self.arrivals.spread_ms + WAIT_MARGIN_MS
        return min(MOST_WAIT_MS, max(LEAST_WAIT_MS, spread_ms))

    @property
    def reorder_ms(self) -> float:
        """How long a packet is waited for after another has overtaken it."""
        seen_ms = self._reordered.value + REORDER_MARGIN_MS
        return min(MOST_WAIT_MS, max(LEAST_REORDER_MS, seen_ms))

    @property
    def gap(self) -> bool:
        """Whether packets wait for others that they have overtaken."""
        return bool(self._waiting)

    @property
    def highest(self) -> int:
        """The highest sequence number seen, wrap-arounds included."""
        return max(self._waiting, default=(self._next or 0) - 1)

    @property
    def wake_ms(self) -> float | None:
        """When ``advance`` has something to do; None before the first packet."""
        if self._next is None:
            return None
        due_ms = self._due_ms()
        return min(due_ms, self._overtaken_ms()) if self._waiting else due_ms

    def put(self, packet: Packet, now_ms: float) -> list[Frame]:
        """Take a packet; return what leaves now.

        Args:
            packet: Whatever the client sent; nothing in it is trusted.
            now_ms: When it arrived, on a monotonic clock.
        """
        self.counts.received += 1
        sequence, timestamp = self._unwrapped(packet, now_ms)
        assert self._next is not None
        if sequence in self._waiting:
            self.counts.duplicates += 1
            return []
        if sequence < self._next:
            self._too_late(sequence, now_ms)
            return []
        self.arrivals.add(timestamp / self._ticks_per_ms, now_ms)
        if sequence == self._next and self._waiting:
            # It had been overtaken: the network reorders by this much.
            first_ms = min(one.arrived_ms for one in self._waiting.values())
            self._reordered.add(now_ms - first_ms, now_ms)
        if sequence == self._next and not self._waiting:  # nearly always
            return self._received(packet, timestamp, 0.0)
        self._waiting[sequence] = _Waiting(packet, timestamp, now_ms)
        return self._release(now_ms)

    def advance(self, now_ms: float) -> list[Frame]:
        """Let time pass; return what leaves now: what is given up, and filled in."""
        if self._next is None:
            return []
        frames = self._release(now_ms)
        most = self._position + round(MAX_FILL_MS * self._ticks_per_ms)
        while self._due_ms() <= now_ms and self._position < most:
            frames += self._filled(self._frame_ticks, self._paused)
        if self._due_ms() <= now_ms:  # the machine slept
            behind_ms = now_ms - self._due_ms()
            self._position += math.ceil(behind_ms * self._ticks_per_ms) + 1
        return frames

    def _unwrapped(self, packet: Packet, now_ms: float) -> tuple[int, int]:
        """Return sequence number and timestamp without their wrapping around."""
        if self._next is not None:
            follows = packet.sequence == self._next & 0xFFFF
            if follows and packet.timestamp == self._position & 0xFFFFFFFF:
                return self._next, self._position  # nearly always
            sequence = _nearest(packet.sequence, self._next, 1 << 16)
            timestamp = _nearest(packet.timestamp, self._position, 1 << 32)
            transit_ms = now_ms - timestamp / self._ticks_per_ms
            off_ms = abs(transit_ms - self.arrivals.transit_ms)
            if abs(sequence - self._next) <= MAX_JUMP and off_ms <= MAX_JUMP_MS:
                return sequence, timestamp
            self.counts.resyncs += 1
            self.counts.lost += len(self._waiting)
        self._waiting.clear()
        self._given_up.clear()
        self.arrivals = Arrivals()
        self.arrivals.add(packet.timestamp / self._ticks_per_ms, now_ms)
        self._next, self._position = packet.sequence, packet.timestamp
        self._paused = False
        return packet.sequence, packet.timestamp

    def _due_ms(self) -> float:
        """When the timeline's end is filled in, if nothing comes."""
        sent_ms = self._position / self._ticks_per_ms
        wait_ms = self.wait_ms if self._paused else STALL_MS
        return sent_ms + self.arrivals.transit_ms + wait_ms

    def _overtaken_ms(self) -> float:
        """When what others have overtaken is given up."""
        first_ms = min(one.arrived_ms for one in self._waiting.values())
        return first_ms + self.reorder_ms

    def _too_late(self, sequence: int, now_ms: float) -> None:
        overtaken_ms = self._given_up.pop(sequence, None)
        if overtaken_ms is None:
            self.counts.duplicates += 1
            return
        self.counts.late += 1
        self.counts.lost -= 1
        self._reordered.add(now_ms - overtaken_ms, now_ms)

    def _release(self, now_ms: float) -> list[Frame]:
        frames: list[Frame] = []
        assert self._next is not None
        while self._waiting:
            ready = self._waiting.pop(self._next, None)
            if ready is None:
                full = len(self._waiting) >= MAX_WAITING
                if not full and now_ms < self._overtaken_ms():
                    break
                frames += self._bridged()
            else:
                held_ms = now_ms - ready.arrived_ms
                frames += self._received(ready.packet, ready.timestamp, held_ms)
        return frames

    def _received(self, packet: Packet, timestamp: int, held_ms: float) -> list[Frame]:
        assert self._next is not None
        self._next += 1
        ahead = timestamp - self._position
        frames: list[Frame] = []
        if ahead > 0:  # in order, and yet there is time between them: a pause
            frames = self._filled(self._bounded(ahead), paused=True)
        elif ahead:
            self.counts.stretched_ticks += min(-ahead, packet.n_ticks)
        self._position = max(self._position, timestamp + packet.n_ticks)
        if packet.n_ticks != self._frame_ticks:
            # Frames are made up in the sender's length, within reason.
            self._frame_ticks = min(max(packet.n_ticks, self._least), 6 * self._least)
        self._paused = packet.pauses
        frames.append(Frame(Origin.RECEIVED, packet.n_ticks, packet.payload, held_ms))
        return frames

    def _bridged(self) -> list[Frame]:
        """Give up what is missing before the first packet that waits."""
        assert self._next is not None
        first = min(self._waiting)
        after = self._waiting[first]
        overtaken_ms = min(one.arrived_ms for one in self._waiting.values())
        self.counts.lost += first - self._next
        for sequence in range(max(self._next, first - _GIVEN_UP), first):
            self._given_up[sequence] = overtaken_ms
        while len(self._given_up) > _GIVEN_UP:
            del self._given_up[next(iter(self._given_up))]
        self._next = first
        missing = self._bounded(max(0, after.timestamp - self._position))
        repaired = self._frame_ticks if after.packet.repairs else 0
        if repaired > missing:
            repaired = 0
        frames = self._filled(missing - repaired, paused=False)
        if repaired:
            self.counts.recovered_ticks += repaired
            frames.append(Frame(Origin.RECOVERED, repaired, after.packet.payload))
        self._position = max(self._position, after.timestamp)
        return frames

    def _filled(self, n_ticks: int, paused: bool) -> list[Frame]:
        """Make up ``n_ticks``, a frame at a time."""
        if paused:
            self.counts.paused_ticks += n_ticks
        else:
            self.counts.concealed_ticks += n_ticks
        self._position += n_ticks
        origin = Origin.PAUSED if paused else Origin.CONCEALED
        whole, rest = divmod(n_ticks, self._frame_ticks)
        frames = [Frame(origin, self._frame_ticks)] * whole
        return [*frames, Frame(origin, rest)] if rest else frames

    def _bounded(self, n_ticks: int) -> int:
        return min(n_ticks, round(MAX_FILL_MS * self._ticks_per_ms))


def _nearest(value: int, to: int, modulus: int) -> int:
    """Return the number nearest ``to`` that is ``value`` modulo ``modulus``."""
    half = modulus // 2
    return to + (value - to + half) % modulus - half
