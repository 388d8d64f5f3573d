"""Hosts that tell a real actor of Ray how they stand, and what ends under them."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace

import aiohttp
import pytest

from benchmarks.caller import Caller
from benchmarks.caller import Refused as Busy
from tests.cluster.ray_nodes import Nodes, needs_ray, processes_of
from tests.e2e.running import STUBS, Running, free_port, running_server
from voiceserver import __version__
from voiceserver.cluster.directory import Refused, Standing, View
from voiceserver.cluster.registry import ChildRegistry, RegistryLost

pytestmark = [
    pytest.mark.net,
    needs_ray,
]

LIMIT_S = 60.0
CALLING_S = 20.0
A = Standing("a", "http://a:80", "1", __version__, ("s",), 0.0, free=3)
B = replace(A, name="b", url="http://b:80", free=5)


async def beaten(registry: ChildRegistry, standing: Standing) -> View:
    """What a host is told; that nobody is there, while nobody answers."""
    try:
        return await registry.beat(replace(standing, wall_s=time.time()))
    except RegistryLost:
        return View()


async def each_knows_the_other(
    here: ChildRegistry, there: ChildRegistry
) -> tuple[View, View]:
    """What both are told once it is of each other; both tell all the time."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            views = await asyncio.gather(beaten(here, A), beaten(there, B))
            if all(view.peers for view in views):
                return views
            await asyncio.sleep(0.1)


async def test_hosts_find_each_other_whatever_ends(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The actor is killed, and knows all again; so is what asks it."""
    nodes.used_here(monkeypatch)
    here, there = (ChildRegistry(nodes.address, "hosts") for _ in range(2))
    async with asyncio.TaskGroup() as group:
        running = [group.create_task(one.run()) for one in (here, there)]
        views = await each_knows_the_other(here, there)
        assert [view.peers[0].free for view in views] == [5, 3]
        wrong = replace(A, name="c", version="0.0.1", wall_s=time.time())
        with pytest.raises(Refused, match="runs voiceserver"):
            await here.beat(wrong)
        processes_of(nodes, "ray::DirectoryActor")[0].kill()
        await each_knows_the_other(here, there)
        processes_of(nodes, "cluster.membership")[0].kill()
        await each_knows_the_other(here, there)
        here.leave("a", "1")
        async with asyncio.timeout(LIMIT_S):
            while (await beaten(there, B)).peers:  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.1)
        for task in running:
            task.cancel()
    async with asyncio.timeout(LIMIT_S):
        while processes_of(nodes, "cluster.membership"):  # noqa: ASYNC110
            await asyncio.sleep(0.1)


HOST = (
    STUBS
    + """
[server]
workers = 1
max_calls = 20
[cluster]
address = "{address}"
name = "servers"
[cluster.calls]
host = "{name}"
url = "http://127.0.0.1:{port}"
secret_env = "VS_SECRET"
"""
)


@asynccontextmanager
async def host(nodes: Nodes, name: str) -> AsyncGenerator[Running, None]:
    """Run a server that is one host of the cluster."""
    port = free_port()
    config = HOST.format(address=nodes.address, name=name, port=port)
    async with running_server(config, port) as server:
        yield server


async def hosts_are(client: aiohttp.ClientSession, names: set[str]) -> None:
    """Wait until those hosts are there, with room unless they drain."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            async with client.get("/v1/hosts") as answer:
                rows = (await answer.json())["data"]
            if {row["host"] for row in rows if row["free"] or row["draining"]} == names:
                return
            await asyncio.sleep(0.1)


async def calls_there(client: aiohttp.ClientSession) -> set[str]:
    """Ids of the calls that the hosts tell of."""
    async with client.get("/v1/ops") as answer:
        told = (await answer.json())["data"]
    return {str(call["id"]) for process in told for call in process["calls"]}


@asynccontextmanager
async def called(urls: Sequence[str]) -> AsyncGenerator[list[Caller], None]:
    """Call by WebRTC, once at each address; inside, all hear something.

    On a machine so busy that hosts refuse to do worse by the calls that they have, it
    is those that were taken in time.
    """
    async with AsyncExitStack() as stack:
        callers: list[Caller] = []
        with suppress(TimeoutError):
            async with asyncio.timeout(CALLING_S):
                for url in urls:
                    caller = Caller(url)
                    stack.push_async_callback(caller.close)
                    await connected(caller)
                    callers.append(caller)
        await heard_more(callers)
        yield callers


async def connected(caller: Caller) -> None:
    """Call until the call is taken."""
    while True:
        try:
            return await caller.connect()
        except Busy:
            await caller.close()
            await asyncio.sleep(0.2)


async def heard_more(callers: Sequence[Caller]) -> None:
    """Wait until each has heard another half a second."""
    before = [len(caller.packets) for caller in callers]
    async with asyncio.timeout(LIMIT_S):
        while any(  # noqa: ASYNC110 - nothing tells
            len(one.packets) < n + 25 for one, n in zip(callers, before, strict=True)
        ):
            await asyncio.sleep(0.05)


async def test_two_servers_are_one_and_one_dies(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that came to one is at the other, heard of from here, and lost with it.

    Of sixteen callers by WebRTC about half are at either, whichever they asked; those
    of the other one never notice.
    """
    nodes.used_here(monkeypatch)
    monkeypatch.setenv("VS_SECRET", "a secret that all hosts share")
    async with (
        host(nodes, "a") as a,
        host(nodes, "b") as b,
        aiohttp.ClientSession(base_url=a.url) as client,
    ):
        await hosts_are(client, {"a", "b"})
        async with client.post("/v1/hosts/a/drain") as answer:
            assert answer.status == 200
        socket = await client.ws_connect("/v1/realtime")
        created = json.loads(await socket.receive_str(timeout=LIMIT_S))
        assert created["type"] == "session.created"
        (call_id,) = await calls_there(client)
        assert call_id.startswith("rtc_b.1_")
        sideband = await client.ws_connect(f"/v1/realtime?call_id={call_id}")
        await sideband.receive_str(timeout=LIMIT_S)
        async with client.delete("/v1/hosts/a/drain") as answer:
            assert answer.status == 200
        await hosts_are(client, {"a", "b"})
        async with called([a.url, b.url] * 8) as callers:
            there = [one for one in callers if one.call_id.startswith("rtc_b.1_")]
            here = [one for one in callers if one.call_id.startswith("rtc_a.1_")]
            assert len(here) + len(there) == len(callers)
            assert min(len(here), len(there)) >= len(callers) // 4 >= 1
            b.process.send_signal(signal.SIGKILL)
            for lost in (socket, sideband):
                async with asyncio.timeout(LIMIT_S):
                    async for _ in lost:
                        pass
                assert lost.close_code == 1012
            async with asyncio.timeout(LIMIT_S):  # its worker ends when it finds out
                heard: list[int] = []
                while (now := [len(one.packets) for one in there]) != heard:
                    heard = now
                    await heard_more(here)
            before = await calls_there(client)
            assert before >= {one.call_id for one in here}
            assert not any(one.startswith("rtc_b") for one in before)
            again = await client.ws_connect("/v1/realtime")
            (call_id,) = await calls_there(client) - before
            assert call_id.startswith("rtc_a.1_")
            await again.close()
        await hosts_are(client, {"a"})
