"""What two sides remember of a call between its messages: RFC 3261, section 12.

Makes the requests within a call and says which of the other side's are in order. Pure.
Knows neither sockets nor transactions.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from urllib.parse import quote

from aiosipua import SipRequest, SipResponse

from voiceserver.carriers.sip.message import ALLOW, SDP, cseq, tag, tag_in, uri_in

Key = tuple[str, str, str]  # call id, our tag, their tag


def new_tag() -> str:
    """A tag for our side."""
    return secrets.token_hex(8)


class Dialog:
    """One call's.

    Args:
        call_id: Of the call.
        local: Our ``From`` or ``To``, tag included.
        remote: Theirs, tag included.
        target: Their ``Contact``.
        route: Proxies on the way, nearest first.
        contact: Our ``Contact``.
        sequence: Number of our last request.
        remote_sequence: Number of their last request; None if there was none.
    """

    def __init__(
        self,
        call_id: str,
        local: str,
        remote: str,
        target: str,
        route: Iterable[str],
        contact: str,
        sequence: int = 0,
        remote_sequence: int | None = None,
    ) -> None:
        self.call_id = call_id
        self._local, self._remote = local, remote
        self._target = target
        self._route = tuple(route)
        self.contact = contact
        self._sequence = sequence
        self._remote_sequence = remote_sequence

    @classmethod
    def invited(cls, invite: SipRequest, local_tag: str, contact: str) -> Dialog:
        """The dialog of a call that comes in."""
        return cls(
            invite.get_header("call-id") or "",
            f"{invite.get_header('to')};tag={local_tag}",
            invite.get_header("from") or "",
            _target(invite) or uri_in(invite.get_header("from") or ""),
            invite.get_header_values("record-route"),
            contact,
            remote_sequence=cseq(invite)[0],
        )

    @classmethod
    def accepted(cls, invite: SipRequest, response: SipResponse) -> Dialog:
        """The dialog of a call that goes out, by who took it."""
        return cls(
            invite.get_header("call-id") or "",
            invite.get_header("from") or "",
            response.get_header("to") or "",
            _target(response) or invite.uri,
            reversed(response.get_header_values("record-route")),
            invite.get_header("contact") or "",
            sequence=cseq(invite)[0],
        )

    @property
    def remote_host(self) -> str:
        """Host of the other side's own address, port included."""
        address = uri_in(self._remote).partition(":")[2]
        return address.rpartition("@")[2].partition(";")[0]

    @property
    def replaced(self) -> str:
        """The other side's address, for a call that takes this one's place there.

        RFC 3891, section 3: ``to-tag`` is that of the side which reads it.
        """
        tags = f"to-tag={self.remote_tag};from-tag={tag_in(self._local)}"
        named = quote(f"{self.call_id};{tags}", safe="")
        return f"{self._target.partition('?')[0]}?Replaces={named}"

    @property
    def remote_tag(self) -> str:
        """The other side's."""
        return tag_in(self._remote)

    def takes(self, request: SipRequest) -> bool:
        """Whether a request is newer than those before; it is the last from now on."""
        number, _ = cseq(request)
        if self._remote_sequence is not None and number <= self._remote_sequence:
            return False
        self._remote_sequence = number
        return True

    def retarget(self, message: SipRequest | SipResponse) -> None:
        """The other side may have moved (section 12.2)."""
        self._target = _target(message) or self._target

    def request(
        self,
        method: str,
        via: str,
        body: str = "",
        headers: Iterable[tuple[str, str]] = (),
        kind: str = SDP,
        number: int | None = None,
    ) -> SipRequest:
        """Make our next request, or the ACK of one.

        Args:
            method: Of it.
            via: Our ``Via``, branch included.
            body: To be sent along.
            headers: Further ones.
            kind: Media type of the body.
            number: Of the INVITE that an ACK is for; None is our last request.
        """
        if method != "ACK":
            self._sequence += 1
        uri, route = self._target, list(self._route)
        if route and ";lr" not in route[0].lower():
            # A strict router of RFC 2543 (section 12.2.1.1).
            uri, route = uri_in(route[0]), [*route[1:], f"<{self._target}>"]
        made = SipRequest(method=method, uri=uri)
        made.add_header("Via", via)
        for each in route:
            made.add_header("Route", each)
        made.add_header("Max-Forwards", "70")
        made.add_header("From", self._local)
        made.add_header("To", self._remote)
        made.add_header("Call-ID", self.call_id)
        made.add_header("CSeq", f"{number or self._sequence} {method}")
        if method in ("INVITE", "UPDATE", "REFER"):
            made.add_header("Contact", self.contact)
            made.add_header("Allow", ALLOW)
        for name, value in headers:
            made.add_header(name, value)
        if body:
            made.add_header("Content-Type", kind)
            made.text = body
        return made


def key_of(request: SipRequest) -> Key:
    """Which dialog a request of the other side belongs to."""
    return (
        request.get_header("call-id") or "",
        tag(request, "to"),
        tag(request, "from"),
    )


def _target(message: SipRequest | SipResponse) -> str:
    values = message.get_header_values("contact")
    uri = uri_in(values[0]) if values else ""
    return uri if uri.lower().startswith(("sip:", "sips:")) else ""
