"""Where a host of SIP is: RFC 3263, by NAPTR, SRV, and the name itself.

Several servers may be behind one name: they are in the order that their records say
(RFC 2782), those that failed a short while ago last. Names are asked of the system's
resolvers. Knows nothing of what is sent there.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import dns.asyncresolver
import dns.exception
import dns.rdtypes.IN.NAPTR
import dns.rdtypes.IN.SRV
import dns.resolver

from voiceserver.carriers.sip.udp import Address
from voiceserver.errors import CallRefused

AUTO = "auto"
RESOLVE_LIMIT_S = 5.0
DNS_LIMIT_S = 2.0  # for each kind of record; without an answer the name itself is it
MOST_TARGETS = 8
SHUNNED_S = 60.0
PORTS = {"udp": 5060, "tcp": 5060, "tls": 5061}
# RFC 3263, section 4.1, and how each is named in SRV records.
SERVICES = {"SIP+D2U": "udp", "SIP+D2T": "tcp", "SIPS+D2T": "tls"}
PREFIXES = {"udp": "_sip._udp.", "tcp": "_sip._tcp.", "tls": "_sips._tcp."}


@dataclass(frozen=True, slots=True)
class Way:
    """One place to send to.

    Attributes:
        address: Host and port.
        transport: ``"udp"``, ``"tcp"`` or ``"tls"``.
    """

    address: Address
    transport: str


@dataclass(frozen=True, slots=True)
class Target:
    """A host before its address is known."""

    host: str
    port: int
    transport: str


def named(host: str) -> tuple[str, int]:
    """Name and port; 0 where there is none."""
    found = re.search(r":(\d{1,5})\Z", host)
    name = host[: found.start()] if found else host
    return name.strip("[]"), int(found[1]) if found else 0


class Locator:
    """Finds hosts.

    Args:
        now_ns: Monotonic clock.
        resolver: Of names; None is the system's.
    """

    def __init__(
        self,
        now_ns: Callable[[], int],
        resolver: dns.asyncresolver.Resolver | None = None,
    ) -> None:
        self._now_ns = now_ns
        self._resolver = resolver
        self._shunned: dict[Way, int] = {}  # until when

    def shun(self, way: Way) -> None:
        """It has failed: others go before it for a minute."""
        now_ns = self._now_ns()
        kept = {each: end for each, end in self._shunned.items() if end > now_ns}
        self._shunned = kept | {way: now_ns + round(SHUNNED_S * 1e9)}

    async def find(
        self, host: str, transport: str, family: socket.AddressFamily
    ) -> Sequence[Way]:
        """All places of a host, the best first; there is at least one.

        Args:
            host: Name or address; with a port there is nothing to look up but that.
            transport: ``"auto"`` is as the host's records say, else UDP.
            family: Of addresses.

        Raises:
            CallRefused: If there is none.
        """
        targets = await self._targets(host, transport)
        async with asyncio.TaskGroup() as group:
            asked = [
                group.create_task(_addressed(each, family))
                for each in targets[:MOST_TARGETS]
            ]
        found = [way for each in asked if (way := each.result()) is not None]
        if not found:
            raise CallRefused(f"There is no host '{named(host)[0]}'.", 502)
        now_ns = self._now_ns()
        return sorted(found, key=lambda each: self._shunned.get(each, 0) > now_ns)

    async def _targets(self, host: str, transport: str) -> list[Target]:
        name, port = named(host)
        plain = "udp" if transport == AUTO else transport
        itself = [Target(name, port or PORTS[plain], plain)]
        # A name without a dot is this network's own, or this machine.
        if port or _is_address(name) or "." not in name.strip("."):
            return itself
        wanted = [(transport, PREFIXES.get(transport, "") + name)]
        if transport == AUTO:
            wanted = await self._services(name)
            wanted = wanted or [(each, PREFIXES[each] + name) for each in PREFIXES]
        found: list[Target] = []
        for each, record in wanted:
            found += await self._servers(record, each)
        if [each.host for each in found] == [""]:  # RFC 2782: decidedly not there
            raise CallRefused(f"'{name}' takes no calls by SIP.", 502)
        return [each for each in found if each.host] or itself

    async def _services(self, name: str) -> list[tuple[str, str]]:
        """What the host prefers: transports, and the names of their SRV records."""
        found: list[tuple[str, str]] = []
        for each in await self._asked(name, "NAPTR"):
            assert isinstance(each, dns.rdtypes.IN.NAPTR.NAPTR)
            service = each.service.decode(errors="replace").upper()
            if service in SERVICES and each.flags.upper() == b"S":
                record = each.replacement.to_text(omit_final_dot=True)
                found.append((SERVICES[service], record))
        return found

    async def _servers(self, record: str, transport: str) -> list[Target]:
        found: list[Target] = []
        for each in await self._asked(record, "SRV"):
            assert isinstance(each, dns.rdtypes.IN.SRV.SRV)
            target = each.target.to_text(omit_final_dot=True)
            found.append(Target("" if target == "." else target, each.port, transport))
        return found

    async def _asked(self, name: str, kind: str) -> Sequence[object]:
        """Records in the order that they are to be used; none is none."""
        try:
            if self._resolver is None:
                self._resolver = dns.asyncresolver.Resolver()
                self._resolver.cache = dns.resolver.LRUCache(100)
            answer = await self._resolver.resolve(
                name, kind, search=False, lifetime=DNS_LIMIT_S
            )
        except (dns.exception.DNSException, OSError, UnicodeError):
            return ()
        return answer.rrset.processing_order() if answer.rrset is not None else ()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


async def _addressed(target: Target, family: socket.AddressFamily) -> Way | None:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(RESOLVE_LIMIT_S):
            found = await loop.getaddrinfo(
                target.host, target.port, family=family, type=socket.SOCK_DGRAM
            )
    except (OSError, TimeoutError, OverflowError, UnicodeError):
        return None
    address = found[0][4]
    return Way((str(address[0]), int(address[1])), target.transport)
