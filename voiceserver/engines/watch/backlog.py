"""Work that waits and is done one after another; nobody waits for it.

The queue is short: where it is full its oldest is dropped. Knows not what the work is.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Generic, Self, TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")


class Backlog(Generic[T]):
    """An asynchronous context manager that does the work while it is entered.

    Args:
        most: That wait.
        work: Does one.
    """

    def __init__(self, most: int, work: Callable[[T], Awaitable[None]]) -> None:
        self._waiting: deque[T] = deque(maxlen=most)
        self._work = work
        self._news = asyncio.Event()
        self._group = asyncio.TaskGroup()
        self._task: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """Whether one more drops the oldest."""
        return len(self._waiting) == self._waiting.maxlen

    def add(self, one: T) -> None:
        """Have it done; never waits."""
        self._waiting.append(one)
        self._news.set()

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
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
        while True:
            await self._news.wait()
            self._news.clear()
            while self._waiting:
                try:
                    await self._work(self._waiting.popleft())
                except Exception:  # one must not end the others, nor the server
                    log.exception("work that nobody waits for has failed")
