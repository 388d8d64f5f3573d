"""The jitter buffer: order, gaps, time."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from voiceserver.media.jitter import (
    MAX_FILL_MS,
    MAX_WAITING,
    MOST_WAIT_MS,
    STALL_MS,
    Arrivals,
    Frame,
    JitterBuffer,
    Origin,
    Packet,
    SlidingMax,
)

TICKS = 960  # 20 ms at 48 kHz
RECEIVED, RECOVERED = Origin.RECEIVED, Origin.RECOVERED
CONCEALED, PAUSED = Origin.CONCEALED, Origin.PAUSED


def packet(
    number: int, repairs: bool = True, pauses: bool = False, first: int = 0
) -> Packet:
    """The packet of time ``number * 20 ms``; its payload names it."""
    return Packet(
        (first + number) % 65536,
        (first * 7919 + number * TICKS) % 2**32,
        str(number).encode(),
        TICKS,
        repairs,
        pauses,
    )


class Line:
    """A buffer at the end of a network, woken as a carrier would wake it."""

    def __init__(self) -> None:
        self.buffer = JitterBuffer(48_000)
        self.frames: list[tuple[float, Frame]] = []
        self.most_at_once = 0

    def until(self, now_ms: float) -> None:
        """Let time pass."""
        while (wake_ms := self.buffer.wake_ms) is not None and wake_ms <= now_ms:
            self._take(wake_ms + 0.001, self.buffer.advance(wake_ms + 0.001))

    def arrive(self, packet: Packet, now_ms: float) -> None:
        """Deliver a packet."""
        self.until(now_ms)
        self._take(now_ms, self.buffer.put(packet, now_ms))

    def carry(
        self, arrivals: Iterable[tuple[float, int]], make: Callable[[int], Packet]
    ) -> Line:
        """Deliver packets ``(at_ms, number)`` in order of time."""
        for at_ms, number in sorted(arrivals):
            self.arrive(make(number), at_ms)
        return self

    def origins(self) -> list[Origin]:
        return [frame.origin for _, frame in self.frames]

    def numbers(self) -> list[int]:
        """Of the received packets, as they left."""
        return [int(f.payload) for _, f in self.frames if f.origin is RECEIVED]

    def n_ticks(self) -> int:
        return sum(frame.n_ticks for _, frame in self.frames)

    def delays_ms(self) -> list[float]:
        """From the sending of each received packet to its leaving."""
        return [
            at_ms - int(frame.payload) * 20
            for at_ms, frame in self.frames
            if frame.origin is RECEIVED
        ]

    def _take(self, now_ms: float, frames: list[Frame]) -> None:
        self.most_at_once = max(self.most_at_once, len(frames))
        self.frames += [(now_ms, frame) for frame in frames]


def network(
    n: int, delay_ms: float, jitter_ms: float, loss: float, seed: int, fifo: bool = True
) -> list[tuple[float, int]]:
    """When packets sent every 20 ms arrive, if they do."""
    rng, last, arrivals = random.Random(seed), 0.0, []
    for number in range(n):
        lost = rng.random() < loss
        at_ms = number * 20 + max(0.0, rng.gauss(delay_ms, jitter_ms))
        if fifo:
            at_ms = last = max(last, at_ms)
        if not lost:
            arrivals.append((at_ms, number))
    return arrivals


def test_what_is_in_order_leaves_at_once() -> None:
    """A clean network costs no delay at all."""
    line = Line().carry([(n * 20 + 30, n) for n in range(100)], packet)
    assert line.origins() == [RECEIVED] * 100
    assert {at - 30 - 20 * n for n, (at, _) in enumerate(line.frames)} == {0}


@pytest.mark.parametrize("first", [0, 65_530, 30_000])
def test_sequence_numbers_and_timestamps_wrap_around(first: int) -> None:
    """65535 is followed by 0, in the midst of a loss too."""
    line = Line()
    for number in (0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11):
        line.arrive(packet(number, first=first), number * 20)
    assert line.numbers() == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11]
    assert line.buffer.counts.resyncs == 0
    assert line.n_ticks() == 12 * TICKS


def test_a_lost_packet_is_recovered_from_the_next() -> None:
    """10 ms after the next has come, and nothing is late afterwards."""
    line = Line().carry([(n * 20, n) for n in range(10) if n != 5], packet)
    assert line.origins() == [RECEIVED] * 5 + [RECOVERED] + [RECEIVED] * 4
    at_ms, frame = line.frames[5]
    assert frame.payload == b"6"
    assert at_ms == pytest.approx(130, abs=0.01)
    assert line.delays_ms()[-1] == 0


def test_without_error_correction_it_is_concealed() -> None:
    """The same, made up."""
    line = Line()
    line.carry([(n * 20, n) for n in range(10) if n != 5], lambda n: packet(n, False))
    assert line.origins()[5] is CONCEALED
    assert line.n_ticks() == 10 * TICKS


def test_of_a_burst_the_last_is_recovered() -> None:
    """The copy covers one packet; the others are concealed."""
    line = Line().carry([(n * 20, n) for n in (0, 1, 2, 5, 6)], packet)
    assert line.origins()[3:5] == [CONCEALED, RECOVERED]
    assert line.buffer.counts.lost == 2


def test_a_swap_is_put_right() -> None:
    """The second of two that overtook each other by 4 ms waits for the first."""
    line = Line().carry([(0, 0), (20, 1), (40, 3), (44, 2), (80, 4)], packet)
    assert line.numbers() == [0, 1, 2, 3, 4]
    assert [round(frame.held_ms) for _, frame in line.frames] == [0, 0, 0, 4, 0]


def test_a_network_that_reorders_is_learnt() -> None:
    """The first packet 30 ms behind its successor is late, the following are not."""
    arrivals: list[tuple[float, int]] = []
    for n in range(0, 100, 2):
        arrivals += [(n * 20 + 50, n), (n * 20 + 20, n + 1)]
    line = Line().carry(arrivals, packet)
    assert line.buffer.counts.late <= 2
    assert len(line.numbers()) >= 98


def test_duplicates_are_dropped() -> None:
    """At once, and later."""
    line = Line().carry([(0, 0), (1, 0), (20, 1), (21, 0), (40, 2)], packet)
    assert line.numbers() == [0, 1, 2]
    assert (line.buffer.counts.duplicates, line.buffer.counts.late) == (2, 0)


def test_silence_goes_on_while_nothing_comes() -> None:
    """Two seconds of blackout are two seconds of the timeline, filled by the clock."""
    line = Line().carry([(n * 20, n) for n in range(50)], packet)
    line.until(3_000)
    assert line.n_ticks() / 48 == pytest.approx(3_000 - STALL_MS, abs=21)
    line.carry([(n * 20, n) for n in range(150, 200)], packet)
    assert line.delays_ms()[-1] == 0
    assert line.n_ticks() == 200 * TICKS
    assert line.buffer.counts.lost == 100


def test_a_pause_of_the_sender_is_no_loss() -> None:
    """DTX: sequence numbers go on, timestamps jump."""
    line = Line()
    for number in range(10):
        line.arrive(packet(number, pauses=number == 9), number * 20)
    resumed = Packet(10, 59 * TICKS, b"59", TICKS)
    line.arrive(resumed, 59 * 20)
    assert line.n_ticks() == 60 * TICKS
    assert line.origins()[10:59] == [PAUSED] * 49
    assert (line.buffer.counts.lost, line.buffer.counts.concealed_ticks) == (0, 0)


def test_no_word_is_lost_to_a_network_that_stood_still() -> None:
    """900 ms held up and then delivered: all of it leaves, in order."""
    arrivals = [(n * 20 if n < 50 else max(n * 20, 1_900), n) for n in range(100)]
    line = Line().carry(arrivals, packet)
    assert line.numbers() == list(range(100))
    assert line.buffer.counts.lost == line.buffer.counts.late == 0
    assert line.buffer.counts.stretched_ticks == line.buffer.counts.concealed_ticks
    assert line.delays_ms()[-1] == 0


def test_a_sender_that_begins_anew_is_followed() -> None:
    """Other numbers, other timestamps, the same stream."""
    line = Line().carry([(n * 20, n) for n in range(10)], packet)
    for number in range(10):
        line.arrive(packet(number, first=40_000), 200 + number * 20)
    assert line.numbers() == [*range(10)] * 2
    assert line.buffer.counts.resyncs == 1


@pytest.mark.parametrize("fifo", [True, False])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_five_percent_loss_costs_five_percent(seed: int, fifo: bool) -> None:
    """40±10 ms: 1 % of what came is late at most; little more is made up than lost."""
    arrivals = network(3_000, 40, 10, 0.05, seed, fifo)
    line = Line().carry(arrivals, packet)
    counts = line.buffer.counts
    lost = 3_000 - len(arrivals)
    assert counts.late <= 0.01 * len(arrivals)
    assert counts.concealed_ticks + counts.recovered_ticks <= 1.2 * lost * TICKS
    assert line.n_ticks() == pytest.approx(3_000 * TICKS, abs=10 * TICKS)
    delays = sorted(line.delays_ms())
    assert delays[int(len(delays) * 0.95)] <= 120


@pytest.mark.parametrize("ppm", [-300, 300])
def test_a_drifting_clock_costs_nothing(ppm: int) -> None:
    """Ten minutes, 180 ms apart at the end: nothing made up, nothing held."""
    scale = 20 * (1 + ppm / 1e6)
    line = Line().carry([(n * scale, n) for n in range(30_000)], packet)
    assert set(line.origins()) == {RECEIVED}
    assert max(frame.held_ms for _, frame in line.frames) == 0


@settings(max_examples=200, deadline=None)
@given(
    loss=st.floats(0, 0.5),
    delay_ms=st.floats(0, 200),
    jitter_ms=st.floats(0, 60),
    doubled=st.floats(0, 0.2),
    fifo=st.booleans(),
    seed=st.integers(0, 1_000_000),
)
def test_whatever_the_network_does(
    loss: float,
    delay_ms: float,
    jitter_ms: float,
    doubled: float,
    fifo: bool,
    seed: int,
) -> None:
    """Once each, in order; a timeline without gaps; all packets accounted for."""
    arrivals = network(200, delay_ms, jitter_ms, loss, seed, fifo)
    rng = random.Random(seed)
    copies = [(at + 5, n) for at, n in arrivals if rng.random() < doubled]
    line = Line().carry([*arrivals, *copies], packet)
    line.until(200 * 20 + 1_000)
    counts, numbers = line.buffer.counts, line.numbers()
    assert numbers == sorted(set(numbers))
    assert len(numbers) == counts.received - counts.duplicates - counts.late
    if arrivals:
        begun = min(arrivals)[1]
        position = line.buffer._position - begun * TICKS
        assert line.n_ticks() == position + counts.stretched_ticks
        assert max(frame.held_ms for _, frame in line.frames) <= MOST_WAIT_MS + 1


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 65_535),
            st.integers(0, 2**32 - 1),
            st.integers(1, 5_760),
            st.booleans(),
            st.floats(0, 5_000),
        ),
        max_size=120,
    )
)
@example([(0, 0, 1, False, 0.0), (2, 73_921, 1, False, 0.0), (0, 0, 1, False, 0.0)])
def test_no_packet_whatever_hurts(
    junk: list[tuple[int, int, int, bool, float]],
) -> None:
    """Nothing raises, waits without bound, or makes up hours of audio."""
    line, now_ms = Line(), 0.0
    for sequence, timestamp, n_ticks, flag, later_ms in junk:
        now_ms += later_ms
        packet = Packet(sequence, timestamp, b"0", n_ticks, flag, not flag)
        line.arrive(packet, now_ms)
        assert len(line.buffer._waiting) < MAX_WAITING
    assert line.most_at_once <= 3 * MAX_FILL_MS / 10 + MAX_WAITING
    made_up = sum(f.n_ticks for _, f in line.frames if f.origin is not RECEIVED)
    # Filling ends with the frame that reaches the limit, of 60 ms at most.
    assert made_up / 48 <= now_ms + len(junk) * (MAX_FILL_MS + 60)


def test_the_largest_of_the_last_windows_counts() -> None:
    """And is forgotten after two of them."""
    largest = SlidingMax(100)
    largest.add(9, 0)
    largest.add(3, 100)
    assert largest.value == 9
    largest.add(2, 200)
    assert largest.value == 3


def test_an_idle_time_forgets_all() -> None:
    """What was before it says nothing of now."""
    largest = SlidingMax(100)
    largest.add(9, 0)
    largest.add(1, 1_000)
    assert largest.value == 1


def test_a_steady_network_has_neither_jitter_nor_spread() -> None:
    """However far apart the two clocks are."""
    arrivals = Arrivals()
    for index in range(100):
        arrivals.add(index * 20, index * 20 + 123_456)
    assert (arrivals.jitter_ms, arrivals.spread_ms) == (0, 0)
    assert arrivals.transit_ms == 123_456


def test_jitter_is_that_of_the_standard() -> None:
    """RFC 3550: every other packet 16 ms late settles at 16."""
    arrivals = Arrivals()
    for index in range(400):
        arrivals.add(index * 20, index * 20 + 16 * (index % 2))
    assert arrivals.jitter_ms == pytest.approx(16, abs=0.1)
    assert arrivals.spread_ms == 16


def test_one_late_packet_is_soon_forgotten() -> None:
    """Four seconds later it counts no more."""
    arrivals = Arrivals()
    for index in range(300):
        arrivals.add(index * 20, index * 20 + (150 if index == 50 else 0))
        if index == 60:
            assert arrivals.spread_ms == 150
    assert arrivals.spread_ms == 0


@pytest.mark.parametrize("ppm", [-200, 200])
def test_drift_is_measured_and_does_not_look_like_lateness(ppm: int) -> None:
    """Ten minutes at 200 ppm are 120 ms apart."""
    arrivals = Arrivals()
    for index in range(30_000):
        arrivals.add(index * 20, index * 20 * (1 + ppm / 1e6))
    assert arrivals.drift_ppm == pytest.approx(ppm, rel=0.1)
    assert arrivals.spread_ms < 3


@pytest.mark.parametrize("stalled_s", [2, 8, 30])
@pytest.mark.parametrize("at_s", [0.5, 12, 70])
def test_a_sender_that_stood_still_is_no_clock(at_s: float, stalled_s: float) -> None:
    """It sends at once what it had not: what was known of its clock stays known."""
    arrivals, ppm, over_ms = Arrivals(), 80, (at_s + stalled_s) * 1000
    for index in range(9_000):
        now_ms = index * 20 * (1 + ppm / 1e6)
        stands = at_s * 1000 <= now_ms < over_ms
        arrivals.add(index * 20, over_ms if stands else now_ms)
    assert arrivals.drift_ppm == pytest.approx(ppm, abs=10)
    assert arrivals.spread_ms < 3


def test_another_way_through_the_network_is_no_drift() -> None:
    """100 ms longer, and back again."""
    arrivals = Arrivals()
    for index in range(6_000):
        late_ms = 100 if 2_000 < index <= 4_000 else 0
        arrivals.add(index * 20, index * 20 + late_ms)
    assert arrivals.drift_ppm == pytest.approx(0, abs=1)


def test_a_longer_route_becomes_the_base() -> None:
    """After ten seconds it is how the network is."""
    arrivals = Arrivals()
    for index in range(1_000):
        late_ms = arrivals.add(index * 20, index * 20 + (100 if index > 300 else 0))
    assert late_ms == 0
