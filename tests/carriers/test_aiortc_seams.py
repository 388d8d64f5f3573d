"""What we touch inside aiortc and aioice is still there, and still does that."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import aioice.ice
import av
import numpy as np
import pytest
from aiortc import (
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpCodecParameters,
    rtcrtpreceiver,
    rtp,
)
from aiortc.jitterbuffer import JitterFrame

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


async def test_strangers_datagrams_are_bounded() -> None:
    """An empty one would end a call; unread ones would fill the memory."""
    counted = []
    aiortc_seams.install(lambda: counted.append(1))
    connection = aioice.ice.Connection(ice_controlling=False)
    await connection.gather_candidates()
    protocol = connection._protocols[0]
    protocol.datagram_received(b"", ("127.0.0.1", 1))
    assert (counted, connection._queue.qsize()) == ([1], 0)
    for _ in range(aiortc_seams.MAX_UNREAD_DATAGRAMS + 5):
        protocol.datagram_received(b"\x80junk", ("127.0.0.1", 1))
    assert connection._queue.qsize() == aiortc_seams.MAX_UNREAD_DATAGRAMS
    assert len(counted) == 1 + 5
    await connection.close()
    aiortc_seams.install()


class Taken:
    """An inline decoder and what came out of it."""

    def __init__(self) -> None:
        self.frames: list[Any] = []
        self.ends = self.spoilt = 0
        self.decoder = aiortc_seams.InlineDecoder(
            self.frames.append, self._ended, self._spoil
        )

    def _ended(self) -> None:
        self.ends += 1

    def _spoil(self) -> None:
        self.spoilt += 1


@pytest.mark.parametrize(
    ("mime", "clock", "payload", "samples"),
    [
        ("audio/opus", 48_000, b"\xf8\xff\xfe", 960),  # RFC 6716: 20 ms of silence
        ("audio/PCMU", 8_000, b"\xff" * 160, 160),
        ("audio/PCMA", 8_000, b"\xd5" * 160, 160),
    ],
)
def test_a_packet_is_decoded_at_once_and_mono(
    mime: str, clock: int, payload: bytes, samples: int
) -> None:
    """Every codec that is answered."""
    codec = RTCRtpCodecParameters(mimeType=mime, clockRate=clock)
    taken = Taken()
    taken.decoder.put((codec, JitterFrame(payload, 0)))
    [frame] = taken.frames
    assert (frame.samples, len(frame.layout.channels)) == (samples, 1)


def test_no_packet_raises_out_of_the_decoder(caplog: pytest.LogCaptureFixture) -> None:
    """Not a broken one, nor a fault of ours, which is told once."""
    codec = RTCRtpCodecParameters(mimeType="audio/opus", clockRate=48_000)
    taken = Taken()
    taken.decoder.put((codec, JitterFrame(b"\xff" * 7, 0)))
    assert (taken.spoilt, caplog.records) == (1, [])

    def fail(_frame: Any) -> None:
        raise ZeroDivisionError

    taken.decoder._take = fail
    for _ in range(3):
        taken.decoder.put((codec, JitterFrame(b"\xf8\xff\xfe", 0)))
    assert (taken.spoilt, len(caplog.records)) == (4, 1)


def test_the_end_is_told_once() -> None:
    """aiortc says it at the client's goodbye and again when it closes."""
    taken = Taken()
    taken.decoder.put(None)
    taken.decoder.put(None)
    assert taken.ends == 1


async def test_a_receiver_takes_the_decoder() -> None:
    """The private name exists, and aiortc's thread leaves the decoder alone."""
    aiortc_seams.install()
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    receiver = peer.addTransceiver("audio").receiver
    taken = Taken()
    aiortc_seams.decode_inline(receiver, taken.decoder)
    queue = getattr(receiver, "_RTCRtpReceiver__decoder_queue")  # noqa: B009
    assert queue is taken.decoder
    worker: Any = rtcrtpreceiver.decoder_worker
    worker(asyncio.get_running_loop(), taken.decoder, None, None)  # returns at once
    source = inspect.getsource(rtcrtpreceiver.RTCRtpReceiver)
    assert "target=decoder_worker" in source  # looked up by name when it starts
    assert "self.__decoder_queue.put((codec, encoded_frame))" in source
    await peer.close()


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
