"""RTP headers."""

from __future__ import annotations

import pytest
from aiortc import rtp as reference
from hypothesis import given, settings
from hypothesis import strategies as st

from voiceserver.media import rtp
from voiceserver.media.rtp import RtpPacket

PACKETS = st.builds(
    RtpPacket,
    st.integers(0, 127),
    st.integers(0, 65_535),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.binary(max_size=100),
    st.booleans(),
)


@given(PACKETS)
def test_what_is_put_together_comes_apart(packet: RtpPacket) -> None:
    """All fields, any payload."""
    assert rtp.parse(rtp.serialize(packet)) == packet


@settings(max_examples=500)
@given(st.binary(max_size=64), st.sampled_from([0x80, 0x90, 0xA0, 0x81, 0xBF, None]))
def test_it_reads_what_another_implementation_reads(
    junk: bytes, first: int | None
) -> None:
    """And refuses what that refuses."""
    packet = junk if first is None else bytes([first]) + junk
    try:
        wanted = reference.RtpPacket.parse(packet)
    except ValueError:
        assert rtp.parse(packet) is None
        return
    found = rtp.parse(packet)
    assert found is not None
    assert found.payload == wanted.payload
    assert (found.sequence, found.timestamp, found.ssrc) == (
        wanted.sequence_number,
        wanted.timestamp,
        wanted.ssrc,
    )


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"\x80" * 11,
        b"\x40" + bytes(20),  # version 1
        b"\x8f" + bytes(20),  # 15 contributing sources, none there
        b"\x90" + bytes(11),  # an extension without its header
        b"\x90" + bytes(13) + b"\xff\xff",  # an extension longer than the packet
        b"\xa0" + bytes(12) + b"\xff",  # more padding than packet
    ],
)
def test_what_is_no_packet_is_none(packet: bytes) -> None:
    """Nothing raises."""
    assert rtp.parse(packet) is None


@given(st.binary(max_size=60), st.booleans())
def test_no_bytes_hurt(packet: bytes, looks_right: bool) -> None:
    """They are a packet within what came, or none."""
    if looks_right and packet:
        packet = bytes([0x80 | packet[0] & 0x3F]) + packet[1:]
    found = rtp.parse(packet)
    assert found is None or found.payload in packet
