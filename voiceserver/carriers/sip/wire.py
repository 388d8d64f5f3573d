"""Between sockets and calls: every message to the transaction that it belongs to.

Sends requests and sees to their repetition, takes each request once however often it
comes, and answers at once what needs no call. Knows nothing of what calls are.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from aiosipua import SipRequest, SipResponse

from voiceserver.carriers.sip.message import (
    MAGIC,
    Refusal,
    TopVia,
    cseq,
    response,
    tag,
    top_via,
)
from voiceserver.carriers.sip.transactions.client import (
    ClientTransaction,
    InviteClient,
    OtherClient,
)
from voiceserver.carriers.sip.transactions.server import (
    InviteServer,
    OtherServer,
    ServerTransaction,
)
from voiceserver.carriers.sip.udp import Address

MOST = 4096  # transactions of either kind at a time; more requests are dropped
Key = tuple[str, ...]


class Network(Protocol):
    """One way to another side: UDP, or a connection."""

    reliable: bool
    transport: str

    def send(self, packet: bytes, to: Address) -> None:
        """Send, or drop what cannot be sent."""

    def contact(self, towards: Address) -> tuple[str, int]:
        """Host and port at which that side reaches us."""


@dataclass(frozen=True, slots=True)
class Flow:
    """Where a message came from and its answers go.

    Attributes:
        network: That it came by.
        source: Address and port that it came from.
        to: Where answers go, by the ``Via`` of a request: never another host.
    """

    network: Network
    source: Address
    to: Address

    def send(self, packet: bytes) -> None:
        """Send to the other side."""
        self.network.send(packet, self.to)

    @property
    def contact(self) -> str:
        """Our ``Contact`` there."""
        host, port = self.network.contact(self.source)
        named = f"[{host}]" if ":" in host else host
        kind = self.network.transport
        by = "" if kind == "UDP" else f";transport={kind.lower()}"
        return f"<sip:{named}:{port}{by}>"

    def via(self, branch: str) -> str:
        """Our ``Via`` there."""
        host, port = self.network.contact(self.source)
        named = f"[{host}]" if ":" in host else host
        return f"SIP/2.0/{self.network.transport} {named}:{port};branch={branch};rport"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that came for the first time.

    Attributes:
        request: It.
        transaction: That answers it.
        flow: Where it came from.
        to_tag: Of our answers.
    """

    request: SipRequest
    transaction: ServerTransaction
    flow: Flow
    to_tag: str

    def respond(
        self,
        status: int,
        headers: tuple[tuple[str, str], ...] = (),
        body: str = "",
        why: str = "",
        unacknowledged: Callable[[], None] = lambda: None,
    ) -> None:
        """Send a response.

        Args:
            status: Of it.
            headers: Further ones.
            body: A session description.
            why: Reason phrase; empty takes the status' own.
            unacknowledged: Called if no ACK comes to the final one.
        """
        made = response(self.request, status, self.to_tag, headers, why)
        if body:
            made.add_header("Content-Type", "application/sdp")
            made.text = body
        self.transaction.respond(made, unacknowledged)

    @property
    def answered(self) -> bool:
        """Whether there was a final response."""
        return self.transaction.answered

    def acknowledged(self) -> None:
        """The ACK of a 2xx came."""
        if isinstance(self.transaction, InviteServer):
            self.transaction.acknowledged()

    def refuse(self, refusal: Refusal) -> None:
        """Answer with a refusal."""
        self.respond(refusal.status, refusal.headers, why=refusal.why)


class User(Protocol):
    """Who uses the transactions: the server's calls."""

    def asked(self, asked: Asked) -> None:
        """A request came that is no ACK and no CANCEL."""

    def acknowledged(self, ack: SipRequest) -> None:
        """The ACK of a 2xx came."""

    def cancelled(self, invite: Asked) -> None:
        """An INVITE without a final answer was cancelled."""


class Wire:
    """All transactions.

    Args:
        user: Gets what comes.
    """

    def __init__(self, user: User) -> None:
        self._user = user
        self._servers: dict[Key, ServerTransaction] = {}
        self._invites: dict[Key, Asked] = {}
        self._clients: dict[tuple[str, str], ClientTransaction] = {}
        self._merged: dict[Key, Key] = {}

    def __len__(self) -> int:
        return len(self._servers) + len(self._clients)

    def responded(self, message: SipResponse) -> None:
        """Take a response; one that nobody waits for is dropped."""
        client = self._clients.get((top_via(message).branch, cseq(message)[1]))
        if client is not None:
            client.receive(message)

    def requested(
        self, message: SipRequest, refusal: Refusal | None, flow: Flow
    ) -> None:
        """Take a request.

        Args:
            message: It.
            refusal: How it is to be refused, whatever it is for.
            flow: Where it came from.
        """
        via = top_via(message)
        flow = _answerable(message, via, flow)
        key = _key(message, via, flow)
        before = self._servers.get(key)
        if message.method == "ACK":
            if isinstance(before, InviteServer) and not _is_2xx_ack(before):
                before.acknowledged()
            elif refusal is None:
                self._user.acknowledged(message)
        elif before is not None:
            before.copied()
        elif len(self._servers) < MOST:
            self._first(message, refusal, flow, key)

    def ask(
        self,
        request: SipRequest,
        flow: Flow,
        answered: Callable[[SipResponse | None], None],
    ) -> ClientTransaction:
        """Send a request, and again where it may be lost.

        Args:
            request: With a ``Via`` by ``flow``, its branch new.
            flow: Where to.
            answered: Called with responses, or None if there is none in time.
        """
        key = (top_via(request).branch, request.method)

        def over() -> None:
            self._clients.pop(key, None)

        invites = request.method == "INVITE"
        kind: type[ClientTransaction] = InviteClient if invites else OtherClient
        made = kind(
            request,
            flow.send,
            flow.network.reliable,
            answered,
            over,
        )
        self._clients[key] = made
        made.start()
        return made

    def stop(self) -> None:
        """Repeat nothing any more."""
        for each in [*self._servers.values(), *self._clients.values()]:
            each.stop()

    def _first(
        self, message: SipRequest, refusal: Refusal | None, flow: Flow, key: Key
    ) -> None:
        merged = _merging(message)
        ended = self._ended(key, merged)
        reliable = flow.network.reliable
        invites = message.method == "INVITE"
        kind: type[ServerTransaction] = InviteServer if invites else OtherServer
        made = kind(flow.send, reliable, ended)
        asked = Asked(message, made, flow, secrets.token_hex(8))
        self._servers[key] = made
        if invites:
            self._invites[key] = asked
        if not tag(message, "to") and self._merged.setdefault(merged, key) != key:
            asked.respond(482)
        elif refusal is not None:
            asked.refuse(refusal)
        elif message.method == "CANCEL":
            self._cancel(asked, (*key[:-1], "INVITE"))
        else:
            self._user.asked(asked)

    def _ended(self, key: Key, merged: Key) -> Callable[[], None]:
        def ended() -> None:
            self._servers.pop(key, None)
            self._invites.pop(key, None)
            if self._merged.get(merged) == key:
                del self._merged[merged]

        return ended

    def _cancel(self, asked: Asked, key: Key) -> None:
        invite = self._invites.get(key)
        if invite is None:
            asked.respond(481)
            return
        asked.respond(200)
        if not invite.answered:  # else it is too late: a BYE may end the call
            self._user.cancelled(invite)


def new_branch() -> str:
    """The branch of a new transaction."""
    return MAGIC + secrets.token_hex(12)


def _answerable(message: SipRequest, via: TopVia, flow: Flow) -> Flow:
    """Where answers go (RFC 3261, section 18.2.2; RFC 3581), noted in the ``Via``."""
    host, port = flow.source
    values = message.get_header_values("via")
    stamped = values[0]
    if via.rport:
        parts = stamped.split(";")
        parts = [f"rport={port}" if p.strip() == "rport" else p for p in parts]
        stamped = ";".join(parts)
    message.headers.remove("via")
    for value in (f"{stamped};received={host}", *values[1:]):
        message.add_header("Via", value)
    if flow.network.reliable or via.rport:
        return replace(flow, to=flow.source)
    return replace(flow, to=(host, via.port))


def _key(message: SipRequest, via: TopVia, flow: Flow) -> Key:
    """Which transaction a request belongs to (section 17.2.3).

    Its source is part of it, so that nobody else can take part.
    """
    number, named = cseq(message)
    method = "INVITE" if message.method == "ACK" else message.method
    host = flow.source[0]
    if via.branch:
        return (host, via.sent_by, via.branch, method)
    # Without a branch of RFC 3261; what CANCEL has in common with its INVITE.
    del named
    call_id = message.get_header("call-id") or ""
    return (host, via.sent_by, call_id, tag(message, "from"), str(number), method)


def _merging(message: SipRequest) -> Key:
    """What two copies have in common that came by two ways (section 8.2.2.2)."""
    number, method = cseq(message)
    call_id = message.get_header("call-id") or ""
    return (call_id, tag(message, "from"), str(number), method)


def _is_2xx_ack(transaction: InviteServer) -> bool:
    """An old client's ACK of a 2xx has its INVITE's key; it is for the dialog."""
    return transaction.accepted
