"""Ray is killed under a call, its head and all its nodes. The last of the tests that
share them, by its name: there is no cluster after it.
"""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from benchmarks.caller import Caller
from tests.cluster.ray_nodes import Nodes, needs_ray, processes_of
from tests.cluster.test_ray_directory import LIMIT_S, called, host, hosts_are

pytestmark = [
    pytest.mark.net,
    needs_ray,
]

GONE = "the cluster's directory does not answer"
SAY = {
    "type": "message",
    "role": "user",
    "content": [{"type": "input_text", "text": "Hi."}],
}


async def answered(caller: Caller) -> None:
    """Ask for a reply, wait until it is heard, and have it stopped."""
    caller.send({"type": "conversation.item.create", "item": SAY})
    caller.send({"type": "response.create"})
    await one_more(caller, "output_audio_buffer.started")
    caller.send({"type": "response.cancel"})
    caller.send({"type": "output_audio_buffer.clear"})
    await one_more(caller, "output_audio_buffer.cleared")


async def one_more(caller: Caller, kind: str) -> None:
    """Wait for the next event of a type."""
    before = caller.heard(kind)
    async with asyncio.timeout(LIMIT_S):
        while caller.heard(kind) == before:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.02)


async def test_calls_and_engines_of_a_host_go_on(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """New calls are taken too; that the cluster is gone is said once."""
    nodes.used_here(monkeypatch)
    monkeypatch.setenv("VS_SECRET", "a secret that all hosts share")
    async with (
        host(nodes, "a") as a,
        aiohttp.ClientSession(base_url=a.url) as client,
    ):
        await hosts_are(client, {"a"})
        async with asyncio.timeout(LIMIT_S):
            while "is one of the cluster's" not in a.log.read_text():  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        async with called([a.url]) as (caller,):
            await answered(caller)
            for part in ("gcs_server", "raylet/raylet"):
                for process in processes_of(nodes, part):
                    process.kill()
            await answered(caller)
            async with asyncio.timeout(LIMIT_S):
                while GONE not in a.log.read_text():  # noqa: ASYNC110 - nothing tells
                    await asyncio.sleep(0.05)
            async with called([a.url]) as (later,):
                for one in (caller, later):
                    await answered(one)
            assert a.log.read_text().count(GONE) == 1
