"""The carrier's row: its sockets, bound first, and the agent that answers at them.

Knows nothing of what is said there.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from functools import partial

from voiceserver.carriers.base import Exchange, Wanted
from voiceserver.carriers.sip.agent import Agent
from voiceserver.carriers.sip.connections import Connections, tls_context
from voiceserver.carriers.sip.outward.dialler import without_port
from voiceserver.carriers.sip.outward.links import Home, Links
from voiceserver.carriers.sip.outward.trial import Trial
from voiceserver.carriers.sip.udp import (
    Address,
    PortRange,
    UdpSocket,
    address_towards,
    family_of,
    listening_udp,
)
from voiceserver.carriers.sip.wire import Flow
from voiceserver.clock import Clock, MonotonicClock
from voiceserver.config import Config, SipConfig
from voiceserver.errors import CallRefused, ConfigError

RESOLVE_LIMIT_S = 5.0
ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # all addresses, and one of them


class UdpNetwork:
    """All sides that are reached by one UDP socket.

    Args:
        config: ``[sip]``.
        udp: Bound.
    """

    reliable = False
    transport = "UDP"

    def __init__(self, config: SipConfig, udp: UdpSocket) -> None:
        self._config = config
        self._udp = udp

    def send(self, packet: bytes, to: Address) -> None:
        """Send, or drop what cannot be sent."""
        self._udp.send(packet, to)

    def contact(self, towards: Address) -> tuple[str, int]:
        """Host and port at which that side reaches us."""
        host, port = self._udp.address
        if self._config.public_ip:
            return self._config.public_ip, port
        if host in ANY:
            return address_towards(*towards), port
        return host, port


class SipListener:
    """Takes calls by SIP.

    Args:
        config: Of the server.
        clock: Monotonic clock.
    """

    name = "sip"

    def __init__(self, config: Config, clock: Clock | None = None) -> None:
        self._config = sip = config.sip
        self._server = config.server
        self._udp: UdpSocket | None = None
        self._connections: list[Connections] = []
        ports = PortRange(sip.host, sip.rtp_port_min, sip.rtp_port_max)
        now_ns = (clock or MonotonicClock()).now_ns
        self.agent = Agent(config, now_ns, ports.pair, self)
        home = Home(sip.public_ip, sip.port, sip.tls_port)
        self._links = Links(home, self.agent.receive)

    def bind(self) -> None:
        """Take the address.

        Raises:
            ConfigError: If it is in use, or TLS has no certificate; says which.
        """
        sip, server = self._config, self._server
        self._udp = UdpSocket(listening_udp(sip.host, sip.port))
        self._connections.append(Connections(sip.host, sip.port, sip.public_ip, None))
        if not sip.tls_port:
            return
        if not server.tls_cert:
            raise ConfigError("[sip] tls_port needs [server] tls_cert and tls_key")
        tls = tls_context(server.tls_cert, server.tls_key)
        made = Connections(sip.host, sip.tls_port, sip.public_ip, tls)
        self._connections.append(made)

    async def run(self, exchange: Exchange) -> None:
        """Take calls until cancelled; those in progress stay when it stops."""
        udp = self._udp
        assert udp is not None
        network = UdpNetwork(self._config, udp)
        async with asyncio.TaskGroup() as group:
            takers = [
                group.create_task(each.run(self.agent.knows, self.agent.receive))
                for each in self._connections
            ]
            udp.start(partial(self._received, network))
            self._links.open(group)
            try:
                await self.agent.run(exchange)  # to its goodbye at registrars
            finally:
                for each in takers:
                    each.cancel()
                self._links.close()
                udp.pause()
                self.agent.stop()

    async def trials(self) -> Sequence[Trial]:
        """Try what can be tried without a call; bound before, and not run."""
        udp = self._udp
        assert udp is not None
        network = UdpNetwork(self._config, udp)
        host, port = udp.address
        here = ANY.get(host, host), port
        udp.start(partial(self._received, network))
        found: list[Trial] = []
        try:
            async with asyncio.TaskGroup() as group:
                self._links.open(group)
                async with aclosing(self.agent.trials(here, self)) as tried:
                    found.extend([trial async for trial in tried])
                self._links.close()
        finally:
            udp.pause()
            self.agent.stop()
        return found

    async def flow_to(self, host: str, transport: str) -> Flow:
        """The way to a host, as ``outward.dialler.Ways``."""
        assert self._udp is not None
        standard = 5061 if transport == "tls" else 5060
        address = await resolved(host, family_of(self._config.host), standard)
        if transport == "udp":
            return Flow(UdpNetwork(self._config, self._udp), address, address)
        name = without_port(host).strip("[]")
        return Flow(await self._links.to(address, name, transport), address, address)

    async def dial(self, wanted: Wanted) -> Mapping[str, object]:
        """Make a call, as ``carriers.base.Dialler``."""
        return await self.agent.dialler.dial(wanted)

    def find(self, call_id: str) -> Mapping[str, object] | None:
        """A call that was made, as ``carriers.base.Dialler``."""
        return self.agent.dialler.find(call_id)

    def states(self, call_id: str) -> AsyncGenerator[Mapping[str, object], None]:
        """Its states, as ``carriers.base.Dialler``."""
        return self.agent.dialler.states(call_id)

    def close(self) -> None:
        """Give the address back."""
        if self._udp is not None:
            self._udp.close()
        for each in self._connections:
            each.close()

    def _received(self, network: UdpNetwork, packet: bytes, source: Address) -> None:
        self.agent.receive(packet, network, source)


async def resolved(
    host: str, family: socket.AddressFamily, standard: int = 5060
) -> Address:
    """The address of a host and port; the standard one where there is none.

    Raises:
        CallRefused: If there is none of that name.
    """
    name, _, port = (
        host.rpartition(":") if re.search(r":\d+\Z", host) else (host, "", "")
    )
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(RESOLVE_LIMIT_S):
            found = await loop.getaddrinfo(
                name.strip("[]"),
                int(port or standard),
                family=family,
                type=socket.SOCK_DGRAM,
            )
    except (OSError, TimeoutError, OverflowError, UnicodeError):
        raise CallRefused(f"There is no host '{name}'.", 502) from None
    address = found[0][4]
    return str(address[0]), int(address[1])


def listener(config: Config) -> SipListener:
    """The listener of a server."""
    return SipListener(config)
