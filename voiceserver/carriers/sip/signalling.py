"""What a call by SIP knows of its other side: its signalling, and where it is.

Whose leg that is may change while the conversation goes on. Knows neither messages nor
audio.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from voiceserver.carriers.sip.outward.transfer import Counterpart
from voiceserver.carriers.sip.udp import Pair
from voiceserver.carriers.sip.wire import Flow
from voiceserver.config import SipTrunk

SETUP_LIMIT_S = 40.0  # from the 180 to the call; an ACK may take 32


class Signalling(Protocol):
    """The leg, as the call sees it."""

    async def end(self) -> None:
        """End the call, if the other side has not; within a limit."""

    async def refer(self, wanted: str, told: Callable[[str], None]) -> None:
        """Have the other side call somebody else; errors as ``Leg.refer``."""

    async def connect(self, to: Counterpart, told: Callable[[str], None]) -> None:
        """Have the other side take the place of another call; as ``Leg.connect``."""

    @property
    def counterpart(self) -> Counterpart:
        """Who the other side is, as ``Leg.counterpart``."""

    async def renegotiate(self, offer: str) -> str:
        """Offer other audio; return the answer.

        Raises:
            CallRefused: If the other side will not.
        """

    async def send_digits(self, digits: str) -> None:
        """Send digits beside the audio."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a call is.

    Attributes:
        host: IP address at which we receive its audio.
        peer: IP address that the signalling comes from.
        bind: Gives a pair of bound sockets.
        setup_s: Longest time until it is taken.
        trunk: That it came by, or goes out by; in metrics.
        way: ``"in"`` or ``"out"``, in metrics.
        secure: Where the first offer is ours, it is of encrypted audio alone.
    """

    host: str
    peer: str
    bind: Callable[[], Pair]
    setup_s: float = SETUP_LIMIT_S
    trunk: str = ""
    way: str = "in"
    secure: bool = False

    @classmethod
    def by(
        cls,
        flow: Flow,
        trunk: SipTrunk,
        bind: Callable[[], Pair],
        out_s: float | None = None,
    ) -> Place:
        """That of a call by a flow of a trunk.

        Args:
            flow: Where the other side is.
            trunk: It.
            bind: Gives a pair of bound sockets.
            out_s: For a call that goes out, the longest time until it is taken.
        """
        host, peer = flow.network.contact(flow.source)[0], flow.source[0]
        if out_s is None:
            return cls(host, peer, bind, trunk=trunk.name)
        return cls(host, peer, bind, out_s, trunk.name, "out", trunk.srtp)
