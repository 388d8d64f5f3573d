"""Hosts that tell a real actor of Ray how they stand, and what ends under them."""

from __future__ import annotations

import asyncio
import importlib.util
import time
from dataclasses import replace

import pytest

from tests.cluster.ray_nodes import Nodes, processes_of
from voiceserver import __version__
from voiceserver.cluster.directory import Refused, Standing, View
from voiceserver.cluster.registry import ChildRegistry, RegistryLost
from voiceserver.config.parse import load

pytestmark = [
    pytest.mark.net,
    pytest.mark.skipif(
        importlib.util.find_spec("ray") is None, reason="ray is not installed"
    ),
]

LIMIT_S = 60.0
A = Standing("a", "http://a:80", "1", __version__, ("s",), 0.0, free=3)
B = replace(A, name="b", url="http://b:80", free=5)


async def told(registry: ChildRegistry, standing: Standing, n_peers: int) -> View:
    """What a host is told once it knows so many others."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            try:
                view = await registry.beat(replace(standing, wall_s=time.time()))
            except RegistryLost:
                view = View()
            if len(view.peers) == n_peers:
                return view
            await asyncio.sleep(0.1)


async def test_hosts_find_each_other_whatever_ends(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The actor is killed, and knows all again; so is what asks it."""
    for name in ("RAY_TMPDIR", "RAY_AUTH_MODE"):
        monkeypatch.setenv(name, nodes.environment[name])
    address = load(nodes.config).cluster.address
    here, there = (ChildRegistry(address, "hosts") for _ in range(2))
    async with asyncio.TaskGroup() as group:
        running = [group.create_task(one.run()) for one in (here, there)]
        views = await asyncio.gather(told(here, A, 1), told(there, B, 1))
        assert [view.peers[0].free for view in views] == [5, 3]
        wrong = replace(A, name="c", version="0.0.1", wall_s=time.time())
        with pytest.raises(Refused, match="runs voiceserver"):
            await here.beat(wrong)
        processes_of(nodes, "ray::DirectoryActor")[0].kill()
        await asyncio.gather(told(here, A, 1), told(there, B, 1))
        processes_of(nodes, "cluster.membership")[0].kill()
        await asyncio.gather(told(here, A, 1), told(there, B, 1))
        here.leave("a", "1")
        assert not (await told(there, B, 0)).peers
        for task in running:
            task.cancel()
    async with asyncio.timeout(LIMIT_S):
        while processes_of(nodes, "cluster.membership"):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
