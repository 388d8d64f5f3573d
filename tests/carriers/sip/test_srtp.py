"""Encryption of a call's audio."""

from __future__ import annotations

import pytest

from voiceserver.carriers.sip.description import SUITES, Keys
from voiceserver.carriers.sip.srtp import Cipher
from voiceserver.media.rtp import RtpPacket, serialize

ONE, OTHER = bytes(range(30)), bytes(range(30, 60))
PACKET = serialize(RtpPacket(0, 7, 160, 3, b"audio"))


@pytest.mark.parametrize("suite", SUITES)
def test_what_one_side_encrypts_the_other_reads(suite: str) -> None:
    """Once; a copy, another key and a changed byte are refused."""
    ours = Cipher(Keys(suite, ONE, OTHER, "1"))
    theirs = Cipher(Keys(suite, OTHER, ONE, "1"))
    wire = ours.protect(PACKET)
    assert b"audio" not in wire
    changed = wire[:-1] + bytes([wire[-1] ^ 1])
    assert theirs.unprotect(changed) is None
    assert theirs.unprotect(wire) == PACKET
    assert theirs.unprotect(wire) is None
    assert ours.unprotect(wire) is None
    for strange in (b"x", b"", wire.ljust(9000, b"x")):
        assert ours.unprotect(strange) is None
        assert ours.unprotect_report(strange) is None
