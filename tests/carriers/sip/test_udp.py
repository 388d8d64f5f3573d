"""UDP sockets, and the ports of calls."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable

import pytest
import uvloop

from voiceserver.carriers.sip import udp
from voiceserver.carriers.sip.udp import (
    Address,
    PortRange,
    UdpSocket,
    address_towards,
    bound_udp,
    listening_udp,
)
from voiceserver.errors import ConfigError, Overloaded
from voiceserver.loop_turns import LoopTurn

pytestmark = pytest.mark.net


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_packets_come_and_go_on_any_loop(
    loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    """A library's transports may be of asyncio alone, and the server runs on uvloop."""
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(_come_and_go())


async def _come_and_go() -> None:
    """And none after it was closed; what cannot be sent is counted."""
    got: list[tuple[bytes, Address]] = []
    came = asyncio.Event()

    def receive(packet: bytes, source: Address) -> None:
        got.append((packet, source))
        came.set()

    one, other = (UdpSocket(bound_udp("127.0.0.1", 0)) for _ in range(2))
    one.start(receive)
    other.send(b"hello", one.address)
    async with asyncio.timeout(5):
        await came.wait()
    assert got == [(b"hello", other.address)]
    other.send(b"x", ("127.0.0.1", 0))
    assert other.n_unsent == 1
    one.close()
    one.close()
    other.close()


async def test_a_flood_leaves_others_their_turn() -> None:
    """A bounded number of packets at a time."""
    sizes: list[int] = []
    one, other = (UdpSocket(bound_udp("127.0.0.1", 0)) for _ in range(2))
    for _ in range(100):
        other.send(b"x", one.address)
    got: list[bytes] = []
    one.start(lambda packet, _source: got.append(packet))
    async with asyncio.timeout(5):
        while len(got) < 100:
            await asyncio.sleep(0)
            sizes.append(len(got))
    assert all(b - a <= 32 for a, b in itertools.pairwise(sizes))
    one.close()
    other.close()


async def test_what_a_turn_has_no_room_for_waits_in_the_sockets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One packet a turn, from whatever socket; none is lost, each in its order."""
    monkeypatch.setattr(udp, "READING", LoopTurn(part_ms=0))
    sender = UdpSocket(bound_udp("127.0.0.1", 0))
    sockets = [UdpSocket(bound_udp("127.0.0.1", 0)) for _ in range(3)]
    got: list[tuple[int, bytes]] = []
    for number, each in enumerate(sockets):
        for content in (b"1", b"2", b"3"):
            sender.send(content, each.address)

        def receive(packet: bytes, _source: Address, number: int = number) -> None:
            got.append((number, packet))

        each.start(receive)
    sizes = [0]
    async with asyncio.timeout(5):
        while len(got) < 9:
            await asyncio.sleep(0)
            sizes.append(len(got))
    assert all(b - a <= 1 for a, b in itertools.pairwise(sizes))
    for number in range(3):
        assert [packet for of, packet in got if of == number] == [b"1", b"2", b"3"]
    for each in (sender, *sockets):
        each.close()


def test_an_address_in_use_is_said() -> None:
    """With what to change."""
    taken = bound_udp("127.0.0.1", 0)
    port = taken.getsockname()[1]
    with pytest.raises(ConfigError, match=r"choose another \[sip\]"):
        listening_udp("127.0.0.1", port)
    taken.close()


def test_pairs_are_even_and_odd_until_there_are_none() -> None:
    """And a port that is given back is used again, last."""
    ports = PortRange("127.0.0.1", 31_001, 31_005)
    first, second = ports.pair(), ports.pair()
    assert [each.address[1] for each in (*first, *second)] == [
        31_002,
        31_003,
        31_004,
        31_005,
    ]
    with pytest.raises(Overloaded):
        ports.pair()
    for each in first:
        each.close()
    again = ports.pair()
    assert again[0].address[1] == 31_002
    for each in (*second, *again):
        each.close()


def test_this_machine_has_an_address_towards_itself() -> None:
    """Where nothing is known of the way, too."""
    assert address_towards("127.0.0.1", 0) == "127.0.0.1"
