"""Requests outside of any call: RFC 3261, section 8.1.1. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from aiosipua import SipRequest

from voiceserver.carriers.sip.message import SDP
from voiceserver.config import SipTrunk


def route(trunk: SipTrunk) -> tuple[tuple[str, str], ...]:
    """The header that names the trunk's proxy, if it has one (section 8.1.2)."""
    return (("Route", f"<sip:{trunk.proxy};lr>"),) if trunk.proxy else ()


def outside(
    method: str,
    uri: str,
    via: str,
    ours: str,
    theirs: str,
    sequence: tuple[str, int],
    headers: Iterable[tuple[str, str]] = (),
    body: str = "",
) -> SipRequest:
    """Make one.

    Args:
        method: Of it.
        uri: For the request line.
        via: Our ``Via``, branch included.
        ours: Our ``From``, tag included.
        theirs: ``To``.
        sequence: Call id, and the number of the request.
        headers: Further ones.
        body: A session description.
    """
    call_id, number = sequence
    made = SipRequest(method=method, uri=uri)
    for name, value in (
        ("Via", via),
        ("Max-Forwards", "70"),
        ("From", ours),
        ("To", theirs),
        ("Call-ID", call_id),
        ("CSeq", f"{number} {method}"),
        *headers,
    ):
        made.add_header(name, value)
    if body:
        made.add_header("Content-Type", SDP)
        made.text = body
    return made
