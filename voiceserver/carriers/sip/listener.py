"""The carrier's row: its sockets, bound first, and the agent that answers at them.

Knows nothing of what is said there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from functools import partial

from voiceserver.carriers.base import Exchange, Wanted
from voiceserver.carriers.sip.agent import Agent
from voiceserver.carriers.sip.connections import Connections, tls_context
from voiceserver.carriers.sip.outward.links import Home, Links
from voiceserver.carriers.sip.outward.locating import Locator, Way, named
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
        self._locator = Locator(now_ns)
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
        way = Flow(network, here, here)
        udp.start(partial(self._received, network))
        found: list[Trial] = []
        try:
            async with asyncio.TaskGroup() as group:
                self._links.open(group)
                async with aclosing(self.agent.trials(here, self)) as tried:
                    found.extend([trial async for trial in tried])
                if found[0].good:
                    found.insert(1, await self.agent.rings_itself(here, way))
                self._links.close()
        finally:
            udp.pause()
            self.agent.stop()
        return found

    async def flow_to(self, host: str, transport: str) -> Flow:
        """The way to a host, as ``outward.dialler.Ways``."""
        family = family_of(self._config.host)
        ways = await self._locator.find(host, transport, family)
        for way in ways[:-1]:
            try:
                return await self._flow(way, host)
            except CallRefused:
                self._locator.shun(way)
        return await self._flow(ways[-1], host)

    async def _flow(self, way: Way, host: str) -> Flow:
        assert self._udp is not None
        address = way.address
        if way.transport == "udp":
            return Flow(UdpNetwork(self._config, self._udp), address, address)
        # The certificate is for what was asked for, whatever DNS said (RFC 5922, 4).
        name = named(host)[0]
        link = await self._links.to(address, name, way.transport)
        return Flow(link, address, address)

    def failed(self, flow: Flow) -> None:
        """Nobody answers there, as ``outward.dialler.Ways``."""
        self._locator.shun(Way(flow.source, flow.network.transport.lower()))

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


def listener(config: Config) -> SipListener:
    """The listener of a server."""
    return SipListener(config)
