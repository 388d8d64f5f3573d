"""Several hosts in one process, on loopback, with a directory that needs no Ray."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.server.front.fronted import Fronted, fronted
from voiceserver.cluster.directory import Directory, Standing, View
from voiceserver.cluster.registry import RegistryLost
from voiceserver.cluster.secret import Secrets
from voiceserver.server.front import hosts as module
from voiceserver.server.front.hosts import Membership
from voiceserver.server.front.spread import Spread

LONG_S = 3600.0
SECRET = "a secret that all hosts share"


@dataclass
class LocalRegistry:
    """The directory in this process.

    Attributes:
        gone: It does not answer.
    """

    directory: Directory = field(default_factory=Directory)
    gone: bool = False

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def beat(self, standing: Standing) -> View:
        if self.gone:
            raise RegistryLost("it is gone")
        read = Standing.read(standing.told())
        view = self.directory.beat(read, time.monotonic(), time.time())
        return View.read(view.told())

    def leave(self, name: str, boot: str) -> None:
        self.directory.leave(name, boot)


@dataclass
class Hosted:
    """Hosts that run.

    Attributes:
        registry: Where all of them are told of each other.
        fronts: By their names.
    """

    registry: LocalRegistry
    fronts: dict[str, Fronted]

    def __getitem__(self, name: str) -> Fronted:
        return self.fronts[name]

    def spread(self, name: str) -> Spread:
        """Of one host."""
        spread = self.fronts[name].front.hosts
        assert spread is not None
        return spread

    async def beat(self) -> None:
        """Let each tell, and each be told what all have told."""
        for _ in range(2):
            for name in self.fronts:
                await self.spread(name).hosts.beat()

    def calls(self) -> dict[str, int]:
        """How many each holds."""
        return {
            name: sum(not call.over.is_set() for call in front.placed)
            for name, front in self.fronts.items()
        }


@contextlib.asynccontextmanager
async def hosted(
    *names: str,
    n_workers: int = 1,
    secrets: dict[str, Secrets] | None = None,
    **server: Any,
) -> AsyncGenerator[Hosted, None]:
    """Run hosts inside; ``server`` are settings of ``[server]`` of each.

    After the first they tell each other only by ``beat``, and know what they know
    however slow the machine is.
    """
    registry = LocalRegistry()
    shared = Secrets(SECRET)
    async with contextlib.AsyncExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name in ("BEAT_S", "LEASE_S", "SHUNNED_S"):
            patch.setattr(module, name, LONG_S)
        it = Hosted(registry, {})
        for name in names:
            own = (secrets or {}).get(name, shared)

            def join(url: str, name: str = name, own: Secrets = own) -> Membership:
                return Membership(name, url, own, registry)

            front = await stack.enter_async_context(
                fronted(n_workers, join_as=join, **server)
            )
            it.fronts[name] = front
        await it.beat()
        yield it
