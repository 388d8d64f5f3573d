"""Packets of another length than frames."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.media.packing import BYTES_PER_MS, Packed, Packing

FRAME = 20 * BYTES_PER_MS


def frames(n: int, first: int = 1000, spurt_at: int = 0) -> list[Packed]:
    """Frames that follow on each other, each of another byte."""
    return [
        Packed((first + at * FRAME) & 0xFFFFFFFF, bytes([at]) * FRAME, at == spurt_at)
        for at in range(n)
    ]


@pytest.mark.parametrize(
    ("ptime_ms", "lengths"),
    [
        (10, [2, 2, 2, 2, 2, 2]),
        (20, [1, 1, 1, 1, 1, 1]),
        (30, [0, 1, 1, 0, 1, 1]),
        (40, [0, 1, 0, 1, 0, 1]),
        (60, [0, 0, 1, 0, 0, 1]),
    ],
)
def test_as_soon_as_a_packet_is_whole_it_leaves(
    ptime_ms: int, lengths: list[int]
) -> None:
    """Frame by frame, how many packets leave with it; all are of one length."""
    packing = Packing(ptime_ms)
    left = [packing.add(frame) for frame in frames(6)]
    assert [len(each) for each in left] == lengths
    packets = [packet for each in left for packet in each]
    assert {len(packet.payload) for packet in packets} == {ptime_ms * BYTES_PER_MS}
    assert [packet.marker for packet in packets] == [True] + [False] * (
        len(packets) - 1
    )


@given(
    st.sampled_from([10, 20, 30, 40, 50, 60]),
    st.integers(0, 0xFFFFFFFF),
    st.lists(st.booleans(), max_size=30),
)
def test_every_byte_leaves_once_at_its_time(
    ptime_ms: int, first: int, sent: list[bool]
) -> None:
    """Whatever frames were left out, and where timestamps wrap around."""
    packing, came, left = Packing(ptime_ms), [], []
    for frame, is_sent in zip(frames(len(sent), first), sent, strict=True):
        if is_sent:
            came.append(frame)
            left += packing.add(frame)
    left += packing.rest()
    assert packing.rest() == []

    def timed(packets: list[Packed]) -> list[tuple[int, int]]:
        return [
            ((packet.timestamp + at) & 0xFFFFFFFF, byte)
            for packet in packets
            for at, byte in enumerate(packet.payload)
        ]

    assert timed(left) == timed(came)
    assert all(0 < len(packet.payload) <= ptime_ms * BYTES_PER_MS for packet in left)
