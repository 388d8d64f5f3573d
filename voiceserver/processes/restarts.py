"""The one loop that keeps something running: started, started again, ever more slowly.

The first start may fail a few times and then says why; after a first success it is
started again for ever, because calls are in progress that can do without it better
than without a server. Knows no processes: what it starts and how that ends is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from voiceserver.processes.process import StartFailed

T = TypeVar("T")

# Waits before a start after so many failures in a row: at once after a single crash,
# so that an open utterance is replayed within the child's own start time.
BACK_OFF_S = (0.0, 0.0, 0.2, 0.5, 1.0, 2.0, 5.0)
STEADY_S = 10.0  # what lived this long has not failed at the start


def back_off_s(failures: int) -> float:
    """Seconds to wait before the next start after ``failures`` in a row."""
    return BACK_OFF_S[min(failures, len(BACK_OFF_S) - 1)]


def _always() -> bool:
    return True


async def keep_running(
    start: Callable[[], Awaitable[T]],
    live: Callable[[T], Awaitable[None]],
    failed: Callable[[StartFailed], None],
    attempts: int,
    wanted: Callable[[], bool] = _always,
) -> None:
    """Start it and start it again until cancelled, or to an end when it is not wanted.

    Args:
        start: Starts it.
        live: Holds what was started to its end; the next start follows.
        failed: Told of a start that failed and will be tried again.
        attempts: How often the first start is tried.
        wanted: Asked at every end whether it is to be started again.

    Raises:
        StartFailed: If it cannot be started the first time: the last failure.
    """
    clock = asyncio.get_running_loop().time
    failures, ever_up = 0, False
    while True:
        try:
            started = await start()
        except StartFailed as error:
            failures += 1
            if not wanted():
                return
            if not ever_up and (error.final or failures >= attempts):
                raise
            failed(error)
        else:
            ever_up, began_s = True, clock()
            await live(started)
            if not wanted():
                return
            steady = clock() - began_s > STEADY_S
            failures = 1 if steady else failures + 1
        await asyncio.sleep(back_off_s(failures))
