"""Requests outside of any call."""

from __future__ import annotations

from voiceserver.carriers.sip.message import read
from voiceserver.carriers.sip.outward.requests import outside


def test_what_is_made_can_be_read() -> None:
    """With all that RFC 3261 asks for, and nothing refused."""
    made = outside(
        "OPTIONS",
        "sip:pbx",
        "SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK1;rport",
        "<sip:us@here>;tag=1",
        "<sip:pbx>",
        ("a", 7),
        [("Contact", "<sip:us@here>")],
    )
    message, refusal = read(bytes(made))
    assert refusal is None
    assert message.get_header("cseq") == "7 OPTIONS"
    assert message.get_header("max-forwards") == "70"
    assert message.get_header("content-type") is None
