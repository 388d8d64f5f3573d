"""Whose packets are looked at, and how many of them: listed trunks, bounded rates.

What is turned away here costs a look-up and is answered with nothing, so that nobody
learns that there is a server. Pure but for its clock.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable, Sequence

from voiceserver.config import SipTrunk

# A call is some ten messages; a trunk may bring ten calls a second, and in bursts.
MESSAGES_PER_S, BURST = 200, 1000
SOURCES = 1024  # addresses whose rates are known at a time
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Rate:
    """So many in a second, and a burst beyond.

    Args:
        per_s: In the long run.
        burst: At once.
        now_ns: Monotonic clock.
    """

    def __init__(self, per_s: float, burst: float, now_ns: Callable[[], int]) -> None:
        self._per_ns = per_s / 1e9
        self._burst = self._left = float(burst)
        self._now_ns = now_ns
        self._at_ns = now_ns()

    def take(self) -> bool:
        """Count one; whether it is within the rate."""
        now_ns = self._now_ns()
        gained = (now_ns - self._at_ns) * self._per_ns
        self._left = min(self._burst, self._left + gained)
        self._at_ns = now_ns
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Gate:
    """Lets the trunks in.

    Args:
        trunks: Who may call.
        now_ns: Monotonic clock.
    """

    def __init__(self, trunks: Sequence[SipTrunk], now_ns: Callable[[], int]) -> None:
        self._networks: list[tuple[_Network, SipTrunk]] = [
            (ipaddress.ip_network(each, strict=False), trunk)
            for trunk in trunks
            for each in trunk.cidr
        ]
        self._now_ns = now_ns
        self._rates: OrderedDict[str, Rate] = OrderedDict()
        self._known: OrderedDict[str, SipTrunk | None] = OrderedDict()
        self._learnt: OrderedDict[str, SipTrunk] = OrderedDict()

    def learn(self, host: str, trunk: SipTrunk) -> None:
        """An address is a trunk's, as its name says now: calls go there and come."""
        if self.trunk_at(host) is None:
            self._learnt[host] = trunk
            if len(self._learnt) > SOURCES:
                self._learnt.popitem(last=False)

    def trunk_at(self, host: str) -> SipTrunk | None:
        """Whose address it is; None if nobody's."""
        if host in self._learnt:
            return self._learnt[host]
        if host not in self._known:
            self._known[host] = self._find(host)
            if len(self._known) > SOURCES:
                self._known.popitem(last=False)
        return self._known[host]

    def in_time(self, host: str) -> bool:
        """Count a message; whether there were not too many from there."""
        rate = self._rates.get(host)
        if rate is None:
            rate = self._rates[host] = Rate(MESSAGES_PER_S, BURST, self._now_ns)
            if len(self._rates) > SOURCES:
                self._rates.popitem(last=False)
        return rate.take()

    def _find(self, host: str) -> SipTrunk | None:
        try:
            address = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return None
        mapped = getattr(address, "ipv4_mapped", None) or address
        for network, trunk in self._networks:
            if mapped in network:
                return trunk
        return None
