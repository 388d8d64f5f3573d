"""The audio of a call over UDP: whose packets are taken, and where ours are sent.

The first packet that fits, from the address that the signalling named or that it came
from, decides where the call's audio is; from then on nobody else is listened to until
the call is negotiated anew. Digits come out beside the audio. Knows neither SIP's
messages nor codecs.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from voiceserver.carriers.sip.description import Agreed
from voiceserver.carriers.sip.srtp import Cipher
from voiceserver.carriers.sip.udp import Address, Pair
from voiceserver.media import rtp
from voiceserver.media.receiver import AudioReceiver
from voiceserver.media.rtp import RtpPacket
from voiceserver.media.telephone_events import EventReader


class AudioLine:
    """One call's sockets.

    Args:
        pair: Sockets for RTP and RTCP; taken over.
        receiver: Takes the audio.
        pressed: Takes digits, when they are over.
        strange: Called for each packet that is not taken.
    """

    def __init__(
        self,
        pair: Pair,
        receiver: AudioReceiver,
        pressed: Callable[[str], None],
        strange: Callable[[], None],
    ) -> None:
        self._rtp, self._rtcp = pair
        self._receiver = receiver
        self._pressed = pressed
        self._strange = strange
        self._agreed: Agreed | None = None
        self._hosts: frozenset[str] = frozenset()
        self._to: Address | None = None
        self._latched: Address | None = None
        self._cipher: Cipher | None = None
        self._events = EventReader()
        self.ssrc = secrets.randbits(32)
        self.payload_type = 0
        self.n_received = 0

    @property
    def port(self) -> int:
        """Where audio is received."""
        return self._rtp.address[1]

    def agree(self, agreed: Agreed, signalled_from: str) -> None:
        """Hold to what was negotiated, now and whenever it is negotiated anew.

        Args:
            agreed: By both sides.
            signalled_from: IP address that the signalling comes from.
        """
        before, self._agreed = self._agreed, agreed
        self.payload_type = agreed.payload_type
        self._hosts = frozenset({agreed.host, signalled_from} - {""})
        moved = before is None or (before.host, before.port) != (
            agreed.host,
            agreed.port,
        )
        if moved:
            self._latched = None
            self._to = (agreed.host, agreed.port) if agreed.host else None
        if agreed.keys is None:
            self._cipher = None
        elif before is None or before.keys != agreed.keys:
            self._cipher = Cipher(agreed.keys)
        self._receiver.start(agreed.codecs)

    def discard(self) -> None:
        """Nothing that comes is of use yet: before a call is taken, it may ring."""
        self._rtp.start(lambda _packet, _address: None)

    def start(self) -> None:
        """Take packets from now on."""
        self._rtp.start(self._receive)
        self._rtcp.start(lambda _packet, _address: None)  # or its buffer stays full

    def send(self, packet: RtpPacket) -> None:
        """Send a packet now, or drop it if that cannot be."""
        if self._to is None:
            return
        wire = rtp.serialize(packet)
        self._rtp.send(self._cipher.protect(wire) if self._cipher else wire, self._to)

    def watch(self, reported: Callable[[float], None]) -> None:
        """Telephones report no loss that anything could be done about."""

    def close(self) -> None:
        """Give the ports back; may be called again."""
        self._rtp.close()
        self._rtcp.close()

    def _receive(self, wire: bytes, source: Address) -> None:
        packet = self._fitting(wire, source)
        if packet is None or self._agreed is None:
            self._strange()
            return
        if self._latched is None:
            self._latched = self._to = source
        self.n_received += 1
        if packet.payload_type == self._agreed.events:
            digits = self._events.read(packet)
        else:
            digits = ""
            self._receiver.receive(packet)
        for digit in digits:
            self._pressed(digit)

    def _fitting(self, wire: bytes, source: Address) -> RtpPacket | None:
        """The packet, if it is one of this call."""
        agreed = self._agreed
        if agreed is None:
            return None
        if self._latched is None:
            if source[0] not in self._hosts:
                return None
        elif source != self._latched:
            return None
        if self._cipher is not None:
            clear = self._cipher.unprotect(wire)
            if clear is None:
                return None
            wire = clear
        packet = rtp.parse(wire)
        if packet is None:
            return None
        known = packet.payload_type in agreed.codecs
        return packet if known or packet.payload_type == agreed.events else None
