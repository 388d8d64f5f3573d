"""The carrier's row: its sockets, bound first, and the agent that answers at them.

Knows nothing of what is said there.
"""

from __future__ import annotations

import asyncio
from functools import partial

from voiceserver.carriers.base import Exchange
from voiceserver.carriers.sip.agent import Agent
from voiceserver.carriers.sip.udp import (
    Address,
    PortRange,
    UdpSocket,
    address_towards,
    listening_udp,
)
from voiceserver.clock import Clock, MonotonicClock
from voiceserver.config import Config, SipConfig


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
        if host in ("0.0.0.0", "::"):
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
        self._udp: UdpSocket | None = None
        ports = PortRange(sip.host, sip.rtp_port_min, sip.rtp_port_max)
        now_ns = (clock or MonotonicClock()).now_ns
        self.agent = Agent(config, now_ns, ports.pair)

    def bind(self) -> None:
        """Take the address.

        Raises:
            ConfigError: If it is in use; says which.
        """
        self._udp = UdpSocket(listening_udp(self._config.host, self._config.port))

    async def run(self, exchange: Exchange) -> None:
        """Take calls until cancelled; those in progress stay when it stops."""
        udp = self._udp
        assert udp is not None
        network = UdpNetwork(self._config, udp)
        running = self.agent.run(exchange)
        async with asyncio.TaskGroup() as group:
            group.create_task(running)
            udp.start(partial(self._received, network))
            try:
                await asyncio.Event().wait()
            finally:
                udp.pause()
                self.agent.stop()

    def close(self) -> None:
        """Give the address back."""
        if self._udp is not None:
            self._udp.close()

    def _received(self, network: UdpNetwork, packet: bytes, source: Address) -> None:
        self.agent.receive(packet, network, source)


def listener(config: Config) -> SipListener:
    """The listener of a server."""
    return SipListener(config)
