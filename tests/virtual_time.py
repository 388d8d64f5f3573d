"""Event loop whose clock jumps to the next timer instead of sleeping.

A scenario of many seconds then runs in milliseconds and gives the same order of
events on every run. Sockets and threads must not be used in it. With no timer
pending and nothing ready it raises ``Deadlock`` instead of waiting for ever.
"""

from __future__ import annotations

import asyncio
import gc
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Deadlock(Exception):
    """Everybody waits and no timer will wake anybody."""


class _JumpingSelector(selectors.DefaultSelector):
    loop: VirtualTimeLoop

    def select(
        self, timeout: float | None = None
    ) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Deadlock("nothing is ready and no timer is pending")
        self.loop.now_s += max(timeout, 0.0)
        return []  # nothing outside may wake it, so the system is not asked


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """``loop.time()`` starts at 0 and counts virtual seconds."""

    def __init__(self) -> None:
        self.now_s = 0.0
        selector = _JumpingSelector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self.now_s

    def now_ns(self) -> int:
        """The same in nanoseconds: a ``session.clock.Clock``."""
        return round(self.now_s * 1e9)


class VirtualClock:
    """A clock that reads the running virtual loop."""

    def now_ns(self) -> int:
        """Virtual nanoseconds."""
        return round(asyncio.get_running_loop().time() * 1e9)

    def computed_ns(self) -> int:
        """The same: nothing is computed in virtual time but where it stalls."""
        return self.now_ns()


class Leaked(AssertionError):
    """Tasks or asynchronous generators were left behind."""


def run_virtual(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run ``coroutine`` to its end in virtual time; fail if it leaves tasks behind."""

    async def checked() -> T:
        result = await coroutine
        left = asyncio.all_tasks() - {asyncio.current_task()}
        if left:
            raise Leaked(f"tasks left: {left}")
        return result

    collecting = gc.isenabled()
    gc.disable()  # a collection in the middle would only cost time
    try:
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            return runner.run(checked())
    finally:
        if collecting:
            gc.enable()


class StallingClock(VirtualClock):
    """The virtual loop's time, plus stalls during which nothing else ran."""

    def __init__(self) -> None:
        self.stalled_ms = 0

    def now_ns(self) -> int:
        return super().now_ns() + self.stalled_ms * 1_000_000
