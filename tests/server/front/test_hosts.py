"""This host among the others, in time that is told."""

from __future__ import annotations

import logging
import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.server.front.hosted import SECRET
from voiceserver.cluster.directory import Peer, Refused, Standing, View
from voiceserver.cluster.registry import RegistryLost
from voiceserver.cluster.secret import Secrets
from voiceserver.errors import Overloaded
from voiceserver.metrics import Metrics
from voiceserver.server.front.host import Host
from voiceserver.server.front.hosts import (
    MAX_KNOWN,
    SHUNNED_S,
    ClusterRoom,
    Hosts,
    Membership,
)

SHARED = Secrets(SECRET)


@dataclass
class ScriptedRegistry:
    """Says what it is told to."""

    says: View | Exception = field(default_factory=View)
    told: list[Standing] = field(default_factory=list)

    async def run(self) -> None:
        raise NotImplementedError

    async def beat(self, standing: Standing) -> View:
        self.told.append(standing)
        if isinstance(self.says, Exception):
            raise self.says
        return self.says

    def leave(self, name: str, boot: str) -> None:
        raise NotImplementedError


@dataclass
class Alone:
    """Host ``a``, and what it depends on."""

    hosts: Hosts
    registry: ScriptedRegistry
    room: ClusterRoom
    now_s: float = 100.0
    able: bool = True

    def names(self) -> list[str]:
        """Who is asked."""
        return ["a" if one is None else one.host for one in self.hosts.order()]


def peer(name: str, free: int = 5, draining: bool = False) -> Peer:
    return Peer(name, f"http://{name}:80", free, 0, draining)


@asynccontextmanager
async def alone(max_calls: int = 4) -> AsyncGenerator[Alone, None]:
    room = ClusterRoom(max_calls, 2, Metrics(), 0, SHARED)
    registry = ScriptedRegistry()
    me = Membership("a", "http://a:80", SHARED, registry)
    hosts = Hosts(
        me, room, lambda: it.able, random.Random(1), lambda: it.now_s, lambda: 7.0
    )
    it = Alone(hosts, registry, room)
    async with hosts:
        yield it


async def test_it_tells_how_it_stands() -> None:
    """How many calls more it would take, and why none."""
    async with alone() as it:
        assert it.hosts.free == 4
        it.room.take("192.0.2.7", "k")
        told = it.hosts.standing()
        assert (told.free, told.calls, told.wall_s) == (3, 1, 7.0)
        # A limit of addresses is set, of keys not.
        assert told.held == {SHARED.name_of("address", "192.0.2.7"): 1}
        it.able = False
        assert it.hosts.free == 0
        it.able, it.hosts.draining = True, True
        assert it.hosts.standing().draining
        it.hosts.draining = False
        it.room.close("The server is shutting down.")
        told = it.hosts.standing()
        assert (told.free, told.draining) == (0, True)


async def test_who_has_more_room_is_asked_first() -> None:
    """What was sent since the last beat is counted; who refused is not asked again."""
    async with alone() as it:
        it.registry.says = View((peer("b", 6),))
        await it.hosts.beat()
        (b,) = it.hosts.peers
        assert it.names() == ["b", "a"]
        for _ in range(2):
            it.hosts.sent(b)
        assert it.names() == ["a", "b"]
        it.hosts.full(b)
        assert it.names() == ["a"]
        await it.hosts.beat()
        assert it.names() == ["b", "a"]
        it.registry.says = View((peer("b", 6, draining=True),))
        await it.hosts.beat()
        assert it.names() == ["a"]


async def test_who_did_not_answer_is_left_alone_for_a_while() -> None:
    """As it may be dead, and its lease not over."""
    async with alone() as it:
        it.registry.says = View((peer("b", 6),))
        await it.hosts.beat()
        (b,) = it.hosts.peers
        it.hosts.lost(b, "it is gone")
        assert it.names() == ["a"]
        it.now_s += SHUNNED_S
        await it.hosts.beat()
        assert it.names() == ["b", "a"]


async def test_a_directory_that_is_gone_keeps_calls_here(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Those elsewhere are still found; it is told once, and when it is back."""
    caplog.set_level(logging.INFO)
    async with alone() as it:
        it.registry.says = View((peer("b", 9),))
        await it.hosts.beat()
        for n in range(40):  # half a minute and more
            it.registry.says = RegistryLost(f"reason {n}")
            it.now_s += 1.0
            await it.hosts.beat()
        assert it.names() == ["a"]
        assert it.hosts.listed()[1:] == []
        found = it.hosts.of_call("rtc_b.3_ff")
        assert isinstance(found, Host) and found.host == "b"
        it.registry.says = View((peer("b", 9),))
        await it.hosts.beat()
        assert it.names() == ["b", "a"]
    lines = [one.message for one in caplog.records]
    assert [line.split()[0:3] for line in lines] == [
        ["this", "host", "is"],
        ["the", "cluster's", "directory"],
        ["this", "host", "is"],
    ]


async def test_a_host_that_is_refused_is_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """And says why, once."""
    async with alone() as it:
        it.registry.says = Refused("the clock of this host is 3600 s behind")
        for _ in range(3):
            await it.hosts.beat()
        assert it.names() == ["a"]
    assert caplog.text.count("3600 s behind") == 1


async def test_two_halves_of_a_cluster_take_no_more_than_each_has() -> None:
    """A host that knows nobody lets in what it has places for, and no call is two's."""
    async with alone(max_calls=3) as it:
        it.registry.says = View((peer("b", 9),))
        await it.hosts.beat()
        it.registry.says = RegistryLost("partitioned")
        it.now_s += 30.0
        await it.hosts.beat()
        for n in range(3):
            it.room.check(str(n))
            it.room.take(str(n))
        assert it.names() == ["a"]
        with pytest.raises(Overloaded):
            it.room.check("4")


async def test_a_host_that_came_again_elsewhere_is_found_there() -> None:
    """Its name is the same, its address another."""
    async with alone() as it:
        it.registry.says = View((peer("b"),))
        await it.hosts.beat()
        before = it.hosts.of_call("rtc_b.1_0")
        assert before is not None
        moved = Peer("b", "http://moved:80", 5, 0, False)
        it.registry.says = View((moved,))
        await it.hosts.beat()
        after = it.hosts.of_call("rtc_b.1_0")
        assert after is not None
        assert (before.url, after.url) == ("http://b:80", "http://moved:80")
        assert it.hosts.of_call("rtc_a.1_0") is None
        assert it.hosts.of_call("rtc_1_0") is None


async def test_a_call_that_comes_while_a_host_moves_finds_all_that_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Letting go of the host's old address takes a moment; others look meanwhile."""
    seen: list[list[str]] = []
    let_go = Host.__aexit__

    async with alone() as it:
        it.registry.says = View((peer("b"),))
        await it.hosts.beat()

        async def looked_at(host: Host, *error: Any) -> None:
            seen.append(sorted(it.names()))
            assert all(one.url != host.url for one in it.hosts.peers)
            await let_go(host, *error)

        monkeypatch.setattr(Host, "__aexit__", looked_at)
        moved = Peer("b", "http://elsewhere:80", 5, 0, draining=False)
        it.registry.says = View((moved, peer("c")))
        await it.hosts.beat()
        assert seen == [["a", "b"]]
        assert sorted(it.names()) == ["a", "b", "c"]
        monkeypatch.setattr(Host, "__aexit__", let_go)


async def test_hosts_that_have_gone_are_not_known_for_ever() -> None:
    """The oldest are forgotten, never one that is there."""
    async with alone() as it:
        for n in range(MAX_KNOWN + 10):
            it.registry.says = View((peer("b"), peer(f"h{n}")))
            await it.hosts.beat()
        assert it.hosts.of_call("rtc_h0.1_0") is None
        assert it.hosts.of_call("rtc_b.1_0") is not None


async def test_limits_count_what_others_hold() -> None:
    """Of an address here; a key has no limit, so others' calls do not count."""
    async with alone() as it:
        held = {SHARED.name_of("address", "x"): 1, SHARED.name_of("key", "k"): 99}
        it.registry.says = View((), held)
        await it.hosts.beat()
        it.room.check("x", "k")
        it.room.take("x", "k")
        with pytest.raises(Overloaded, match="may hold 2 calls"):
            it.room.check("x", "k")
        it.room.check("y", "k")
