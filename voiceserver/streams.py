"""Bounds the waits for a stream of engine output, and waits for the first of several.

Knows nothing of what is waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from types import TracebackType
from typing import Any, Protocol, TypeVar

from voiceserver.errors import BudgetExceeded

T = TypeVar("T")


def raise_if_cancelled() -> None:
    """Take up a cancellation that was asked for and got lost.

    An engine may swallow one; Python 3.11 itself loses one when a child of a task
    group raises in the same tick. Without this the task would go on, and could wait
    for ever.

    Not for a task whose own task group has failed: Python 3.11 leaves such a task
    counted as cancelled though nobody cancelled it (``TaskGroup`` cancels its waiting
    parent and takes that back only where the parent was still in the body).

    Raises:
        CancelledError: If the current task was told to stop.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def first_of(
    *works: Coroutine[Any, Any, T], limit_s: float | None = None
) -> T | None:
    """Run all side by side until one ends; cancel the others and wait for them.

    Args:
        works: Owned: each has ended when this returns, however it returns.
        limit_s: Longest wait for the first; None waits for ever.

    Returns:
        What the first to end gave, in the order of ``works`` where several end at
        once; None where none did within the limit.

    Raises:
        ExceptionGroup: If one failed, as of any task group.
    """
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work) for work in works]
        await asyncio.wait(tasks, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        ended = [task for task in tasks if task.done()]
        for task in tasks:
            task.cancel()
    raise_if_cancelled()
    return ended[0].result() if ended else None


class Until:
    """Bounds what is awaited within by a moment that may move: ``async with``.

    Raises ``TimeoutError`` when the moment has come and was not put off.

    Args:
        due: Returns it, in seconds of the event loop's clock, as things stand. Asked
            again once that has come: what happened meanwhile may have put it off.
    """

    def __init__(self, due: Callable[[], float]) -> None:
        self._due = due
        self._loop = asyncio.get_running_loop()
        self._limit = asyncio.timeout(None)

    async def __aenter__(self) -> None:
        await self._limit.__aenter__()
        self._timer = self._loop.call_at(self._due(), self._look)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        await self._limit.__aexit__(kind, error, traceback)

    def _look(self) -> None:
        moment = self._due()
        if moment > self._loop.time():
            self._timer = self._loop.call_at(moment, self._look)
        else:
            self._limit.reschedule(moment)


class Limits(Protocol):
    """How long each item of a stream is waited for; times of the loop's clock."""

    @property
    def limit_ms(self) -> float:
        """The limit that applies now, for the error."""

    def waits(self, now_s: float) -> None:
        """A wait for the next item begins."""

    def came(self, now_s: float) -> None:
        """It ended with an item."""

    def due_s(self, now_s: float) -> float:
        """When it is over at the latest, as things stand."""


class FixedLimits:
    """The same for every stream, whatever happens beside it; ``Limits``.

    Only time spent waiting counts, so a slow consumer costs nothing.

    Args:
        first_ms: Longest wait for the first item.
        gap_ms: Longest wait for each later one.
        total_ms: Longest wait in all.
    """

    def __init__(self, first_ms: float, gap_ms: float, total_ms: float) -> None:
        self._limit_ms = first_ms
        self._gap_ms = gap_ms
        self._left_ms = total_ms
        self._since_s = 0.0

    @property
    def limit_ms(self) -> float:
        """See ``Limits``."""
        return min(self._limit_ms, self._left_ms)

    def waits(self, now_s: float) -> None:
        """See ``Limits``."""
        self._since_s = now_s

    def came(self, now_s: float) -> None:
        """See ``Limits``."""
        self._left_ms -= (now_s - self._since_s) * 1000
        self._limit_ms = self._gap_ms

    def due_s(self, now_s: float) -> float:
        """See ``Limits``."""
        return self._since_s + self.limit_ms / 1000


async def bounded(
    stream: AsyncGenerator[T, None], stage: str, limits: Limits
) -> AsyncGenerator[T, None]:
    """Pass ``stream`` through, bounding every wait for an item.

    Owns ``stream``: it is closed before this generator ends, however it ends.
    A timeout never spans a ``yield`` (PEP 789).

    Args:
        stream: Output of one engine call.
        stage: Name used in the error, e.g. ``"text"``.
        limits: Of this stream alone.

    Raises:
        BudgetExceeded: If an item was late. An empty stream is not an error.
    """
    loop = asyncio.get_running_loop()
    async with aclosing(stream):
        while True:
            limits.waits(loop.time())
            try:
                async with Until(lambda: limits.due_s(loop.time())):
                    item = await anext(stream)
            except TimeoutError:
                raise BudgetExceeded(stage, limits.limit_ms) from None
            except StopAsyncIteration:
                raise_if_cancelled()
                return
            raise_if_cancelled()
            limits.came(loop.time())
            yield item
