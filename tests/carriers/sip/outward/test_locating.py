"""Names of SIP, asked of a name server on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator
from typing import Any

import dns.asyncresolver
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from voiceserver.carriers.sip.outward.locating import Locator, Way, named
from voiceserver.errors import CallRefused

pytestmark = pytest.mark.net

ZONE = {
    ("_sip._udp.example.org.", "SRV"): (
        "20 0 5080 localhost.",
        "10 0 5070 localhost.",
        "30 0 5090 nowhere.invalid.",
    ),
    ("_sip._tcp.example.org.", "SRV"): ("10 0 5072 localhost.",),
    ("_sips._tcp.example.org.", "SRV"): ("10 0 5073 localhost.",),
    ("example.org.", "NAPTR"): (
        '20 0 "s" "SIP+D2U" "" _sip._udp.example.org.',
        '10 0 "s" "SIPS+D2T" "" _sips._tcp.example.org.',
        '5 0 "s" "SIP+D2S" "" _sip._sctp.example.org.',
        '1 0 "u" "E2U+sip" "!^.*$!sip:a@example.org!" .',
    ),
    ("_sip._tcp.bare.example.", "SRV"): ("10 0 5074 localhost.",),
    ("_sip._udp.closed.example.", "SRV"): ("0 0 0 .",),
}


class Clock:
    """Stands still."""

    at_s = 0.0

    def now_ns(self) -> int:
        return round(self.at_s * 1e9)


@pytest.fixture(autouse=True)
def _no_other_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses are this machine's; no name leaves it."""
    real = socket.getaddrinfo

    def known(host: str, *more: Any, **options: Any) -> Any:
        if host not in ("localhost", "127.0.0.1"):
            raise socket.gaierror(f"not here: {host}")
        return real(host, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", known)


class Zone(asyncio.DatagramProtocol):
    """Answers for the zone; what it was asked it keeps."""

    def __init__(self, answers: bool) -> None:
        self.asked: list[tuple[str, str]] = []
        self.transport: asyncio.DatagramTransport
        self._answers = answers

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, kind = question.name.to_text(), question.rdtype.name
        self.asked.append((name, kind))
        if not self._answers:
            return
        response = dns.message.make_response(query)
        response.flags |= dns.flags.AA | dns.flags.RA
        found = ZONE.get((name, kind))
        if found is None:
            response.set_rcode(dns.rcode.NXDOMAIN)
        else:
            response.answer = [dns.rrset.from_text(name, 60, "IN", kind, *found)]
        self.transport.sendto(response.to_wire(), addr)


@contextlib.asynccontextmanager
async def name_server(
    answers: bool = True,
) -> AsyncGenerator[tuple[Locator, Zone, Clock], None]:
    loop = asyncio.get_running_loop()
    transport, zone = await loop.create_datagram_endpoint(
        lambda: Zone(answers), ("127.0.0.1", 0)
    )
    zone.transport = transport
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers = ["127.0.0.1"]
    resolver.port = transport.get_extra_info("sockname")[1]
    clock = Clock()
    try:
        yield Locator(clock.now_ns, resolver), zone, clock
    finally:
        transport.close()


def way(port: int, transport: str = "udp") -> Way:
    return Way(("127.0.0.1", port), transport)


async def ways(locator: Locator, host: str, transport: str = "udp") -> list[Way]:
    return list(await locator.find(host, transport, socket.AF_INET))


async def test_servers_are_in_the_order_of_their_records() -> None:
    """What has no address is left out; who failed goes last, for a minute."""
    async with name_server() as (locator, _, clock):
        assert await ways(locator, "example.org") == [way(5070), way(5080)]
        locator.shun(way(5070))
        assert await ways(locator, "example.org") == [way(5080), way(5070)]
        clock.at_s += 60
        assert await ways(locator, "example.org") == [way(5070), way(5080)]


async def test_the_host_may_say_by_what_it_is_reached() -> None:
    """NAPTR, of what we speak; else whatever has servers; else UDP at the name."""
    async with name_server() as (locator, _, _clock):
        secure, *rest = await ways(locator, "example.org", "auto")
        assert (secure, rest) == (way(5073, "tls"), [way(5070), way(5080)])
        assert await ways(locator, "bare.example", "auto") == [way(5074, "tcp")]
        assert await ways(locator, "localhost", "auto") == [way(5060)]


@pytest.mark.parametrize(
    ("host", "transport", "port"),
    [
        ("localhost", "udp", 5060),
        ("localhost", "tls", 5061),
        ("localhost:5099", "udp", 5099),
        ("127.0.0.1", "tcp", 5060),
        ("127.0.0.1:5099", "tls", 5099),
    ],
)
async def test_a_port_or_an_address_is_not_looked_up(
    host: str, transport: str, port: int
) -> None:
    """And neither is a name of this network."""
    async with name_server() as (locator, zone, _):
        assert await ways(locator, host, transport) == [way(port, transport)]
        assert not zone.asked


@pytest.mark.parametrize(
    "host", ["nowhere.invalid", "closed.example", "a..b", "x" * 99]
)
async def test_a_host_that_is_not_there_is_refused(host: str) -> None:
    """Whatever it is that is wrong with it."""
    async with name_server() as (locator, _, _clock):
        with pytest.raises(CallRefused):
            await ways(locator, host)


async def test_a_name_server_that_is_silent_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The name itself is tried."""
    monkeypatch.setattr("voiceserver.carriers.sip.outward.locating.DNS_LIMIT_S", 0.05)
    async with name_server(answers=False) as (locator, zone, _):
        with pytest.raises(CallRefused, match=r"no host 'nowhere\.invalid'"):
            await ways(locator, "nowhere.invalid")
        assert zone.asked


def test_names_and_ports() -> None:
    """Brackets are of addresses."""
    assert named("pbx.example.org") == ("pbx.example.org", 0)
    assert named("pbx:5070") == ("pbx", 5070)
    assert named("[::1]:5070") == ("::1", 5070)
    assert named("[::1]") == ("::1", 0)
