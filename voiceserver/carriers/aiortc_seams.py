"""The one place that touches the inside of aiortc and aioice.

Everything else uses their public interface. ``tests/carriers/test_aiortc_seams.py``
fails when an upgrade changes what is touched here. Versions: aiortc 1.16, aioice 0.13.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import aioice.ice
import av
import numpy as np
from aiortc import RTCRtpReceiver, RTCRtpTransceiver, codecs, rtcrtpreceiver, rtp
from aiortc.codecs.opus import OpusDecoder
from aiortc.jitterbuffer import JitterBuffer

log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
# aiortc's buffer counts packets and has no clock: a frame leaves when the buffer holds
# `prefetch` more, and a lost packet holds everything up until `capacity` are in, after
# which the delay stays. Stock 16/4 is 80 ms always and 280 ms for the rest of the call
# after one loss; 4/0 is 20 ms and 60 ms, for less tolerance of reordering.
JITTER_CAPACITY, JITTER_PREFETCH = 4, 0
# Datagrams that nobody has read yet. aioice keeps any number, from anybody, from the
# answer on; the reader of a live call leaves none. 1,024 are 1.5 MB, and more than a
# client's largest event in one burst.
MAX_UNREAD_DATAGRAMS = 1_024

_original_addresses = aioice.ice.get_host_addresses
_original_received = aioice.ice.StunProtocol.datagram_received
_original_worker = rtcrtpreceiver.decoder_worker


def include_loopback() -> None:
    """Offer 127.0.0.1 as a host candidate: aioice leaves it out.

    Without it a machine with no network has no candidate at all.
    """
    aioice.ice.get_host_addresses = _addresses


def install(malformed: Callable[[], None] = lambda: None) -> None:
    """Patch what cannot be had otherwise; may be called again.

    Args:
        malformed: Called for each datagram that is dropped: it made the STUN parser
            raise, is empty, or came while too many were unread.
    """
    include_loopback()

    def datagram_received(self: Any, data: Any, address: Any) -> None:
        # aiortc reads the first byte of every datagram: an empty one, which anybody
        # can send, would end the call.
        if not data or self.receiver._queue.qsize() >= MAX_UNREAD_DATAGRAMS:
            malformed()
            return
        try:
            _original_received(self, data, address)
        except Exception:  # noqa: BLE001 - whatever a stranger's bytes provoke
            malformed()

    protocol: Any = aioice.ice.StunProtocol
    protocol.datagram_received = datagram_received
    # Stock loops over samples in Python on the event loop: 0.1 to 0.3 ms a frame.
    rtp.compute_audio_level_dbov = _level_dbov
    module: Any = rtcrtpreceiver
    module.decoder_worker = _worker


class InlineDecoder:
    """Decodes a receiver's audio where it arrives, in place of aiortc's thread.

    A thread for each call costs 270 us of hand-overs for 40 us of decoding, and its
    end is waited for on the event loop. Stands where aiortc has the thread's queue,
    so frames never wait in a queue at all. ``put`` never raises: what is raised there
    would close the connection.

    Args:
        take: Takes each decoded ``av.AudioFrame``.
        ended: Called once, when the client said that its audio is over.
        spoilt: Called for each packet that could not be decoded.
    """

    def __init__(
        self,
        take: Callable[[Any], None],
        ended: Callable[[], None],
        spoilt: Callable[[], None],
    ) -> None:
        self._take = take
        self._ended: Callable[[], None] | None = ended
        self._spoilt = spoilt
        self._codec = ""
        self._decoder: Any = None
        self._faulty = False

    def put(self, item: Any) -> None:
        """Decode ``(codec, frame)``; ``None`` is the end."""
        if item is None:
            ended, self._ended = self._ended, None
            if ended is not None:
                ended()
            return
        try:
            for frame in self._decoder_for(item[0]).decode(item[1]):
                self._take(frame)
        except av.FFmpegError:
            self._spoilt()
        except Exception:  # a fault of ours; the call goes on without the packet
            self._spoilt()
            if not self._faulty:  # told once a call, not 50 times a second
                self._faulty = True
                log.exception("packets of a microphone are lost to a fault")

    def _decoder_for(self, codec: Any) -> Any:
        if codec.name != self._codec:
            self._codec = codec.name
            self._decoder = codecs.get_decoder(codec)
            if isinstance(self._decoder, OpusDecoder):
                self._decoder.codec.layout = "mono"  # half the work of stereo
        return self._decoder


def decode_inline(receiver: RTCRtpReceiver, decoder: InlineDecoder) -> None:
    """Give an audio receiver that has not started ``decoder`` for its thread."""
    name = "_RTCRtpReceiver__decoder_queue"
    getattr(receiver, name)
    setattr(receiver, name, decoder)


def _worker(loop: Any, packets: Any, *rest: Any) -> None:
    """aiortc's decoder thread; with an inline decoder it has nothing to do."""
    if not isinstance(packets, InlineDecoder):
        _original_worker(loop, packets, *rest)


def lower_jitter_buffer(receiver: RTCRtpReceiver) -> None:
    """Take the 80 ms of waiting out of an audio receiver that has not started."""
    name = "_RTCRtpReceiver__jitter_buffer"
    getattr(receiver, name)  # fails here, not silently, if an upgrade renames it
    setattr(receiver, name, JitterBuffer(JITTER_CAPACITY, JITTER_PREFETCH))


def sends_opus(transceiver: RTCRtpTransceiver) -> bool:
    """Whether Opus was negotiated first; once the remote description is set."""
    codecs = transceiver._codecs
    return bool(codecs) and codecs[0].mimeType.lower() == "audio/opus"


def answer_with_fec(transceiver: RTCRtpTransceiver) -> None:
    """Put Opus' parameters into the answer: aiortc leaves them out.

    RFC 7587: without ``useinbandfec=1`` the client sends no error correction.
    """
    for codec in transceiver._codecs:
        if codec.mimeType.lower() == "audio/opus":
            codec.parameters = {"minptime": 10, "useinbandfec": 1}


def _addresses(use_ipv4: bool, use_ipv6: bool) -> list[str]:
    found = _original_addresses(use_ipv4, use_ipv6)
    return [*found, LOOPBACK] if use_ipv4 and LOOPBACK not in found else found


def _level_dbov(frame: Any) -> int:
    """Level as RFC 6464 wants it: 0 loudest, -127 silence."""
    samples = frame.to_ndarray().astype(np.float32)
    power = float(np.mean(samples**2)) / 32768**2
    return max(-127, round(10 * np.log10(power))) if power > 0 else -127
