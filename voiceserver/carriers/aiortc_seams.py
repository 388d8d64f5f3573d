"""The one place that touches the inside of aiortc and aioice.

Everything else uses their public interface. ``tests/carriers/test_aiortc_seams.py``
fails when an upgrade changes what is touched here. Versions: aiortc 1.16, aioice 0.13.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import aioice.ice
import numpy as np
from aiortc import RTCRtpReceiver, RTCRtpTransceiver, rtp
from aiortc.jitterbuffer import JitterBuffer

LOOPBACK = "127.0.0.1"
# aiortc's buffer counts packets and has no clock: a frame leaves when the buffer holds
# `prefetch` more, and a lost packet holds everything up until `capacity` are in, after
# which the delay stays. Stock 16/4 is 80 ms always and 280 ms for the rest of the call
# after one loss; 4/0 is 20 ms and 60 ms, for less tolerance of reordering.
JITTER_CAPACITY, JITTER_PREFETCH = 4, 0

_original_addresses = aioice.ice.get_host_addresses
_original_received = aioice.ice.StunProtocol.datagram_received


def include_loopback() -> None:
    """Offer 127.0.0.1 as a host candidate: aioice leaves it out.

    Without it a machine with no network has no candidate at all.
    """
    aioice.ice.get_host_addresses = _addresses


def install(malformed: Callable[[], None] = lambda: None) -> None:
    """Patch what cannot be had otherwise; may be called again.

    Args:
        malformed: Called for each datagram that is no STUN message and made the
            parser raise; it is dropped.
    """
    include_loopback()

    def datagram_received(self: Any, data: Any, address: Any) -> None:
        try:
            _original_received(self, data, address)
        except Exception:  # noqa: BLE001 - whatever a stranger's bytes provoke
            malformed()

    protocol: Any = aioice.ice.StunProtocol
    protocol.datagram_received = datagram_received
    # Stock loops over samples in Python on the event loop: 0.1 to 0.3 ms a frame.
    rtp.compute_audio_level_dbov = _level_dbov


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
