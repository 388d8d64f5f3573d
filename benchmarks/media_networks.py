"""Networks, simulated packet by packet, and what two receivers make of them.

The receivers are given the same arrivals: the server's jitter buffer, woken when it
asks to be, and aiortc's own.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from aiortc.jitterbuffer import JitterBuffer as StockBuffer
from aiortc.rtp import RtpPacket as StockPacket

from voiceserver.media.jitter import Frame, JitterBuffer, Origin, Packet

PTIME_MS = 20
TICKS = 960  # of 20 ms at 48 kHz


@dataclass(frozen=True, slots=True)
class Network:
    """What happens to packets on their way.

    Attributes:
        name: For the table.
        loss: Share lost, each for itself.
        delay_ms: Mean delay.
        jitter_ms: Its standard deviation.
        ordered: Packets do not overtake each other.
        burst: Gilbert-Elliott: chance to turn bad, to turn good, loss while bad.
        lost: Numbers of packets that are lost besides.
    """

    name: str
    loss: float = 0.0
    delay_ms: float = 40.0
    jitter_ms: float = 0.0
    ordered: bool = True
    burst: tuple[float, float, float] | None = None
    lost: range = range(0)


NETWORKS = (
    Network("clean"),
    Network("one packet lost", lost=range(500, 501)),
    Network("40±10 ms", jitter_ms=10),
    Network("40±10 ms, 1 % lost", loss=0.01, jitter_ms=10),
    Network("40±10 ms, 5 % lost", loss=0.05, jitter_ms=10),
    Network("40±10 ms, 5 % lost, reordered", loss=0.05, jitter_ms=10, ordered=False),
    Network("bursts", delay_ms=20, jitter_ms=3, burst=(0.02, 0.3, 0.9)),
    Network("2 s of blackout", jitter_ms=5, lost=range(500, 600)),
)


def arrivals(network: Network, n_packets: int, seed: int) -> list[tuple[float, int]]:
    """Return ``(at_ms, number)`` of the packets that arrive, in order of time."""
    rng, latest_ms, bad = random.Random(seed), 0.0, False
    found: list[tuple[float, int]] = []
    for number in range(n_packets):
        at_ms = float(number * PTIME_MS)
        at_ms += max(0.0, rng.gauss(network.delay_ms, network.jitter_ms))
        if network.ordered:
            at_ms = latest_ms = max(latest_ms, at_ms)
        gone = rng.random() < network.loss or number in network.lost
        if network.burst:
            to_bad, to_good, loss = network.burst
            bad = rng.random() >= to_good if bad else rng.random() < to_bad
            gone = gone or (bad and rng.random() < loss)
        if not gone:
            found.append((at_ms, number))
    return sorted(found)


@dataclass(frozen=True, slots=True)
class Played:
    """A stretch of 20 ms as it left a receiver.

    Attributes:
        at_ms: When.
        origin: Where its audio comes from.
        number: Of the packet it is decoded from; -1 if made up.
    """

    at_ms: float
    origin: Origin
    number: int = -1


Receiver = Callable[[list[tuple[float, int]], Callable[[int], bool]], list[Played]]


def ours(
    arriving: list[tuple[float, int]], repairs: Callable[[int], bool]
) -> list[Played]:
    """Receive by the server's jitter buffer.

    Args:
        arriving: What arrives, and when.
        repairs: Whether a packet carries a copy of the one before it.
    """
    buffer, played = JitterBuffer(48_000), []

    def take(at_ms: float, frames: list[Frame]) -> None:
        for frame in frames:
            number = int(frame.payload) if frame.payload else -1
            played.append(Played(at_ms, frame.origin, number))

    for at_ms, number in arriving:
        while (wake_ms := buffer.wake_ms) is not None and wake_ms <= at_ms:
            take(wake_ms + 0.001, buffer.advance(wake_ms + 0.001))
        packet = Packet(
            number & 0xFFFF,
            number * TICKS,
            str(number).encode(),
            TICKS,
            repairs(number),
        )
        take(at_ms, buffer.put(packet, at_ms))
    return played


def stock(
    arriving: list[tuple[float, int]], _repairs: Callable[[int], bool]
) -> list[Played]:
    """Receive by aiortc's jitter buffer, as its audio receiver sets it up."""
    buffer, played = StockBuffer(capacity=16, prefetch=4), []
    for at_ms, number in arriving:
        packet = StockPacket(sequence_number=number & 0xFFFF, timestamp=number * TICKS)
        packet._data = str(number).encode()  # type: ignore[attr-defined]
        _, frame = buffer.add(packet)
        if frame is not None:
            origin = Origin.RECEIVED
            played.append(Played(at_ms, origin, frame.timestamp // TICKS))
    return played


RECEIVERS: dict[str, Receiver] = {"ours": ours, "stock": stock}
