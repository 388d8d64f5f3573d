"""The listener's sockets."""

from __future__ import annotations

import asyncio

import pytest

from tests.carriers.sip.phone import THERE, FakeExchange
from tests.e2e.running import free_port
from voiceserver.carriers.sip.listener import SipListener, UdpNetwork, listener
from voiceserver.carriers.sip.udp import UdpSocket, bound_udp
from voiceserver.carriers.table import listeners
from voiceserver.config import Config, SipConfig, SipTrunk
from voiceserver.errors import ConfigError

pytestmark = pytest.mark.net

OPTIONS = (
    "OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1;rport\r\n"
    "From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\n\r\n"
)


async def test_it_answers_while_it_runs() -> None:
    """And gives its address back."""
    it = SipListener(Config(sip=SipConfig(port=free_port())))
    it.bind()
    with pytest.raises(ConfigError):
        SipListener(Config(sip=it._config)).bind()
    answered = asyncio.Event()
    client = UdpSocket(bound_udp("127.0.0.1", 0))
    client.start(lambda packet, _: answered.set() if b" 200 OK" in packet else None)
    async with asyncio.TaskGroup() as group:
        exchange = FakeExchange(Config(), group)
        running = group.create_task(it.run(exchange))
        client.send(OPTIONS.encode(), ("127.0.0.1", it._config.port))
        async with asyncio.timeout(5):
            await answered.wait()
        running.cancel()
    client.close()
    it.close()
    it.close()


def test_it_says_where_it_is_reached() -> None:
    """Its own address, the one towards the caller, or the one that it was given."""
    for config, host in (
        (SipConfig(), "127.0.0.1"),
        (SipConfig(host="0.0.0.0"), "127.0.0.1"),
        (SipConfig(public_ip="203.0.113.7"), "203.0.113.7"),
    ):
        udp = UdpSocket(bound_udp(config.host, 0))
        network = UdpNetwork(config, udp)
        assert network.contact(("127.0.0.1", THERE[1])) == (host, udp.address[1])
        udp.close()


def test_it_is_off_unless_it_is_asked_for() -> None:
    """A port of 0."""
    assert not listeners(Config())
    on = Config(sip=SipConfig(port=5060, trunk=(SipTrunk(("192.0.2.7",)),)))
    assert [each.name for each in listeners(on)] == ["sip"]
    assert listener(on).name == "sip"
