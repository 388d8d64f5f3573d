"""A host's way to the directory, which may end."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest

from tests.cluster.local_directory import MODULE
from voiceserver import __version__
from voiceserver.cluster.directory import Refused, Standing, View
from voiceserver.cluster.registry import ChildRegistry, RegistryLost

pytestmark = pytest.mark.net

LIMIT_S = 30.0
A = Standing("a", "http://a", "1", __version__, ("s",), 0.0)


def now(standing: Standing) -> Standing:
    return replace(standing, wall_s=time.time())


async def answered(registry: ChildRegistry, standing: Standing) -> View:
    """What it says, once it is up."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            try:
                return await registry.beat(now(standing))
            except RegistryLost:
                await asyncio.sleep(0.05)


async def test_it_tells_and_is_told_whatever_ends() -> None:
    """Refused, not answered, gone: each is said, and it is started again."""
    registry = ChildRegistry("auto", "voiceserver", MODULE)
    with pytest.raises(RegistryLost, match="being asked for"):
        await registry.beat(A)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(registry.run())
        assert (await answered(registry, A)).peers == ()
        b = replace(A, name="b", url="http://b", free=3)
        (peer,) = (await registry.beat(now(b))).peers
        assert peer.name == "a"
        with pytest.raises(Refused, match="is there"):
            await registry.beat(now(replace(A, boot="2")))
        registry.leave("a", "1")
        assert (await registry.beat(now(b))).peers == ()
        with pytest.raises(RegistryLost, match=r"^ConnectionError$"):
            await registry.beat(now(replace(A, name="nowhere")))
        with pytest.raises(RegistryLost):
            await registry.beat(now(replace(A, name="ends")))
        # It knows nobody when it comes again, and each who tells.
        assert (await answered(registry, A)).peers == ()
        running.cancel()
    with pytest.raises(RegistryLost):
        await registry.beat(A)
