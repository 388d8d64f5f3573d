"""Keeps providers ready in the background: those left alone are tried again by probes.

Connections are opened at the start and kept warm. A turn of a caller is never spent on
finding out whether a provider is back.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import Self

from voiceserver.engines.providers.route import Route, kind_of
from voiceserver.errors import EngineFailed

log = logging.getLogger(__name__)

WARM_S = 2.0  # for opening connections at the start
KEEP_S = 25.0  # a connection idle for so long is used, lest it be closed
PROBE_LIMIT_S = 5.0
GOES_ON_S = 1.0  # what has said nothing for so long has stalled
MOMENT_S = 0.001  # a clock wakes a hair early: what is not due yet is soon


class Tended:
    """Providers that are probed and kept warm; an asynchronous context manager.

    Args:
        providers: Whom to tend, in their order.
        probe: Asks a provider something small.

    Attributes:
        providers: As given.
    """

    def __init__(
        self,
        providers: Sequence[Route],
        probe: Callable[[Route], AsyncGenerator[object, None]],
    ) -> None:
        self.providers = tuple(providers)
        self._probe = probe
        self._changed = asyncio.Event()
        self._group = asyncio.TaskGroup()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        async with asyncio.TaskGroup() as group:
            for route in self.providers:
                group.create_task(self._warm(route))
        for route in self.providers:
            route.changed = self._changed.set
        self._task = self._group.create_task(self._run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._task is not None:
            self._task.cancel()
        await self._group.__aexit__(None, None, None)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            now_s = loop.time()
            self._changed.clear()
            for route in self.providers:
                due_s = route.breaker.probe_s
                if due_s is not None and due_s <= now_s:
                    await self._try(route)
                elif route.breaker.admits and now_s - route.used_s >= KEEP_S:
                    await self._warm(route)
            await self._sleep(loop.time())

    async def _sleep(self, now_s: float) -> None:
        """Wait until a probe or a warming is due, or a breaker changes."""
        due = [
            route.breaker.probe_s
            if route.breaker.probe_s is not None
            else route.used_s + KEEP_S
            for route in self.providers
            if route.breaker.probe_s is not None or route.breaker.admits
        ]
        wait_s = max(MOMENT_S, min(due) - now_s) if due else None
        try:
            async with asyncio.timeout(wait_s):
                await self._changed.wait()
        except TimeoutError:
            return

    async def _try(self, route: Route) -> None:
        """Ask for a sign of life; one that goes on beyond the limit is one, too."""
        loop = asyncio.get_running_loop()
        route.breaker.probing()
        route.show()
        good, kind, wait_s, seen_s = False, "late", 0.0, 0.0
        try:
            async with (
                asyncio.timeout(PROBE_LIMIT_S),
                aclosing(self._probe(route)) as items,
            ):
                async for _ in items:
                    good, seen_s = True, loop.time()
        except TimeoutError:
            good = good and loop.time() - seen_s < GOES_ON_S
        except EngineFailed as failure:
            good, (kind, wait_s) = False, kind_of(failure)
        except Exception:  # a fault of ours: whatever a service says, calls go on
            good, kind = False, "error"
            log.exception("a probe failed", extra={"provider": route.name})
        route.used_s = loop.time()
        route.breaker.probed(loop.time(), good, kind, wait_s)
        route.show()
        log.info(
            "a provider was probed",
            extra={"provider": route.name, "state": route.breaker.state.value},
        )

    async def _warm(self, route: Route) -> None:
        route.used_s = asyncio.get_running_loop().time()
        if route.warm is None:
            return
        try:
            async with asyncio.timeout(WARM_S):
                await route.warm.warm()
        except (EngineFailed, TimeoutError) as failure:
            kind = kind_of(failure)[0] if isinstance(failure, EngineFailed) else "late"
            if kind in ("misconfigured", "pin"):
                route.breaker.failed(asyncio.get_running_loop().time(), kind)
                route.show()
            elif kind == "refused":
                # Some keys may ask, and list nothing: only an answer proves it.
                route.breaker.doubted(asyncio.get_running_loop().time())
            log.warning(
                "a provider cannot be reached",
                extra={"provider": route.name, "reason": str(failure)},
            )
        except Exception:  # likewise
            log.exception("a provider was not warmed", extra={"provider": route.name})
