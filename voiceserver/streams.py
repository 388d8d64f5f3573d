"""Bounds the waits for a stream of engine output, and waits for the first of several.

Knows nothing of what is waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from typing import Any, TypeVar

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


async def bounded(
    stream: AsyncGenerator[T, None],
    stage: str,
    first_ms: float,
    gap_ms: float,
    total_ms: float,
    first: Callable[[], None] = lambda: None,
) -> AsyncGenerator[T, None]:
    """Pass ``stream`` through, bounding every wait for an item.

    Owns ``stream``: it is closed before this generator ends, however it ends.
    A timeout never spans a ``yield`` (PEP 789), so a slow consumer costs nothing;
    ``total_ms`` counts only the time spent waiting.

    Args:
        stream: Output of one engine call.
        stage: Name used in the error, e.g. ``"text"``.
        first_ms: Longest wait for the first item.
        gap_ms: Longest wait for each later one.
        total_ms: Longest wait in all.
        first: Called when the first item is there.

    Raises:
        BudgetExceeded: If an item was late. An empty stream is not an error.
    """
    loop = asyncio.get_running_loop()
    limit_ms, left_ms, is_first = first_ms, total_ms, True
    async with aclosing(stream):
        while True:
            began = loop.time()
            try:
                async with asyncio.timeout(min(limit_ms, left_ms) / 1000):
                    item = await anext(stream)
            except TimeoutError:
                raise BudgetExceeded(stage, min(limit_ms, left_ms)) from None
            except StopAsyncIteration:
                raise_if_cancelled()
                return
            raise_if_cancelled()
            left_ms -= (loop.time() - began) * 1000
            if is_first:
                is_first, limit_ms = False, gap_ms
                first()
            yield item
