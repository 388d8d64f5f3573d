"""What we touch inside aiortc and aioice is still there, and still does that."""

from __future__ import annotations

import aioice.ice
import av
import numpy as np
from aiortc import RTCConfiguration, RTCPeerConnection, rtp

from voiceserver.carriers import aiortc_seams

# No STUN message, though its first bytes look like one: aioice's parser raises
# struct.error on it, which nobody catches.
MALFORMED = bytes.fromhex("a0100004e1666a66666666660c66666666000000000d0000")


def test_loopback_is_a_host_address() -> None:
    """And stays one, once, however often it is asked for."""
    aiortc_seams.include_loopback()
    aiortc_seams.include_loopback()
    addresses = aioice.ice.get_host_addresses(use_ipv4=True, use_ipv6=False)
    assert addresses.count("127.0.0.1") == 1


async def test_malformed_stun_is_dropped_and_counted() -> None:
    """The reproducer raised out of the event loop before."""
    counted = []
    aiortc_seams.install(lambda: counted.append(1))
    connection = aioice.ice.Connection(ice_controlling=False)
    await connection.gather_candidates()
    protocol = connection._protocols[0]
    protocol.datagram_received(MALFORMED, ("127.0.0.1", 1))
    assert counted == [1]
    await connection.close()
    aiortc_seams.install()


async def test_the_jitter_buffer_is_lowered() -> None:
    """The private name exists; a frame leaves when the next one arrives."""
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    transceiver = peer.addTransceiver("audio")
    aiortc_seams.lower_jitter_buffer(transceiver.receiver)
    buffer = getattr(transceiver.receiver, "_RTCRtpReceiver__jitter_buffer")  # noqa: B009
    assert buffer.capacity == aiortc_seams.JITTER_CAPACITY
    left = []
    for number in range(5):
        packet = rtp.RtpPacket(sequence_number=number, timestamp=number * 960)
        packet._data = b"x"  # type: ignore[attr-defined]
        _, frame = buffer.add(packet)
        left.append(frame is not None)
    assert left == [False, True, True, True, True]
    await peer.close()


def test_the_level_is_that_of_the_standard() -> None:
    """RFC 6464: 0 is the loudest square, -127 silence."""
    aiortc_seams.install()
    for amplitude, want in ((32767, 0), (3277, -20), (0, -127)):
        pcm = np.full((1, 960), amplitude, np.int16)
        frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout="mono")
        assert rtp.compute_audio_level_dbov(frame) == want
