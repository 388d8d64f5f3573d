"""Asks several, one after another or side by side, and takes the first that begins.

Knows nothing of what is asked: a start is a coroutine that returns something begun or
raises ``EngineFailed``. Whatever does not win is cancelled or closed, and waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from voiceserver.errors import EngineFailed


class Begun(Protocol):
    """Something that was begun and must be closed."""

    async def close(self) -> None:
        """Stop it."""


B = TypeVar("B", bound=Begun)


@dataclass(frozen=True, slots=True)
class Start(Generic[B]):
    """One that may be asked.

    Attributes:
        run: Begins it.
        alone_s: How long it is given before the next is asked beside it; None until
            it fails.
    """

    run: Callable[[], Awaitable[B]]
    alone_s: float | None = None


async def first_to_begin(starts: Iterator[Start[B]]) -> B:
    """Return the first that begins; the others are stopped.

    Args:
        starts: Taken one by one, each when it is needed.

    Raises:
        EngineFailed: The last failure, if none begins.
    """
    failures = [EngineFailed("race", "there is nobody to ask")]
    tasks: list[asyncio.Task[B | None]] = []
    won: B | None = None
    try:
        async with asyncio.TaskGroup() as group:
            won = await _race(starts, tasks, group, failures)
            for task in tasks:
                task.cancel()
    except BaseException:
        if won is not None:
            await won.close()
        raise
    finally:
        # A loser may have begun in the very moment in which it was cancelled.
        for task in tasks:
            other = None if task.cancelled() or not task.done() else task.result()
            if other is not None and other is not won:
                await other.close()
    if won is None:
        raise failures[-1]
    return won


async def _race(
    starts: Iterator[Start[B]],
    tasks: list[asyncio.Task[B | None]],
    group: asyncio.TaskGroup,
    failures: list[EngineFailed],
) -> B | None:
    async def begin(start: Start[B]) -> B | None:
        try:
            return await start.run()
        except EngineFailed as failure:
            failures.append(failure)
            return None

    running: set[asyncio.Task[B | None]] = set()
    more = True
    while more or running:
        start = next(starts, None) if more else None
        more = start is not None
        alone_s: float | None = None
        if start is not None:
            task = group.create_task(begin(start))
            tasks.append(task)
            running.add(task)
            alone_s = start.alone_s
        while running:
            done, running = await asyncio.wait(
                running, timeout=alone_s, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                if (begun := task.result()) is not None:
                    return begun
            if not done:
                break  # the next is asked beside those that run
    return None
