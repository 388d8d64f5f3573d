"""The directory as an actor of Ray: a shell around ``directory``, with clocks.

It is found by its name, made by whoever comes first, outlives each of them, and is
started again elsewhere when its node dies: then it knows nobody, and all a beat later.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any

import ray

from voiceserver.cluster.directory import Directory, Refused, Standing
from voiceserver.cluster.ray_join import NAMESPACE, join
from voiceserver.processes.ipc import Meta


class DirectoryActor:
    """The directory; an actor of which there is one."""

    def __init__(self) -> None:
        self._directory = Directory()

    async def beat(self, told: dict[str, Any]) -> dict[str, Any]:
        """Take a host's standing; return what it is told, or why it is refused."""
        try:
            standing = Standing.read(told)
            return self._directory.beat(standing, time.monotonic(), time.time()).told()
        except Refused as error:
            return {"refused": str(error)}

    async def leave(self, name: str, boot: str) -> None:
        """A host ends."""
        self._directory.leave(name, boot)


class RayDirectory:
    """The actor, as a host's process asks it.

    Args:
        actor: Its handle.
    """

    def __init__(self, actor: Any) -> None:
        self._actor = actor

    async def beat(self, told: dict[str, Any]) -> dict[str, Any]:
        """Pass on a host's standing."""
        answer: dict[str, Any] = await self._actor.beat.remote(told)
        return answer

    async def leave(self, name: str, boot: str) -> None:
        """Pass on that a host ends."""
        await self._actor.leave.remote(name, boot)


@asynccontextmanager
async def joined(settings: Meta) -> AsyncGenerator[RayDirectory, None]:
    """Find the directory, or make it; inside, it can be asked.

    Args:
        settings: ``address`` of the cluster, ``name`` of the fleet.

    Raises:
        EngineFailed: If there is no cluster; says what to do.
    """
    await asyncio.to_thread(join, str(settings["address"]))
    actor = ray.remote(DirectoryActor).options(
        name=f"{settings['name']}-directory",
        namespace=NAMESPACE,
        get_if_exists=True,
        lifetime="detached",
        num_cpus=0,
        max_restarts=-1,
    )
    try:
        yield RayDirectory(await asyncio.to_thread(actor.remote))
    finally:
        # A call in Ray's own threads may hang where the cluster is gone.
        with suppress(Exception):
            await asyncio.wait_for(asyncio.to_thread(ray.shutdown), 1.0)
