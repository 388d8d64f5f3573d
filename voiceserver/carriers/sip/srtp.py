"""Audio encrypted by keys that the signalling carried: RFC 4568 over libsrtp.

The arithmetic is pylibsrtp's. Knows neither sockets nor what is in a packet.
"""

from __future__ import annotations

from pylibsrtp import Error, Policy, Session

from voiceserver.carriers.sip.description import SUITES, Keys

_PROFILES = (
    Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
)
# A packet beyond its buffer is a ValueError of the binding's own.
REFUSED = (Error, ValueError)


class Cipher:
    """Both directions of one call.

    Args:
        keys: Agreed on.
    """

    def __init__(self, keys: Keys) -> None:
        profile = _PROFILES[SUITES.index(keys.suite)]
        self._out = Session(
            Policy(keys.ours, Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile)
        )
        self._in = Session(
            Policy(keys.theirs, Policy.SSRC_ANY_INBOUND, srtp_profile=profile)
        )

    def protect(self, packet: bytes) -> bytes:
        """Encrypt an RTP packet."""
        protected: bytes = self._out.protect(packet)
        return protected

    def unprotect(self, packet: bytes) -> bytes | None:
        """Decrypt a packet; None if it is not authentic, or was here before."""
        try:
            clear: bytes = self._in.unprotect(packet)
        except REFUSED:
            return None
        return clear

    def protect_report(self, packet: bytes) -> bytes:
        """Encrypt an RTCP packet."""
        protected: bytes = self._out.protect_rtcp(packet)
        return protected

    def unprotect_report(self, packet: bytes) -> bytes | None:
        """Decrypt one; None if it is not authentic, or was here before."""
        try:
            clear: bytes = self._in.unprotect_rtcp(packet)
        except REFUSED:
            return None
        return clear
