"""Event loops whose time is not the machine's.

``VirtualTimeLoop``: its clock jumps to the next timer instead of sleeping. A scenario
of many seconds then runs in milliseconds and gives the same order of events on every
run. Sockets and threads must not be used in it. With no timer pending and nothing
ready it raises ``Deadlock`` instead of waiting for ever.

``HastyLoop``: for what computes in real time, in processes and at services. While
anything is at work its clock goes as the machine's does, and else ``HASTE`` times as
fast.
"""

from __future__ import annotations

import asyncio
import gc
import selectors
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
Ready = list[tuple[selectors.SelectorKey, int]]

# Not all at once: children get to say that they have stopped before limits on that
# have passed (5 s in ``processes.supervised``).
HASTE = 20
STEP_S = 0.02  # of virtual time


class Deadlock(Exception):
    """Everybody waits and no timer will wake anybody."""


class _JumpingSelector(selectors.DefaultSelector):
    loop: VirtualTimeLoop

    def select(self, timeout: float | None = None) -> Ready:
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


class _HastySelector(selectors.DefaultSelector):
    loop: HastyLoop

    def select(self, timeout: float | None = None) -> Ready:
        loop = self.loop
        if timeout is not None and timeout <= 0:
            return super().select(0)
        if timeout is not None and not loop.busy():
            timeout = min(timeout, STEP_S)
            ready = super().select(timeout / HASTE)
            loop.now_s += timeout
            return ready
        began_s = time.monotonic()
        ready = super().select(timeout)
        loop.now_s += time.monotonic() - began_s
        return ready


class HastyLoop(asyncio.SelectorEventLoop):
    """``loop.time()`` starts at 0, and goes fast while nothing is at work.

    What the loop itself computes takes none of its time.

    Args:
        busy: Whether anything is at work whose time is real.
    """

    def __init__(self, busy: Callable[[], bool]) -> None:
        self.now_s = 0.0
        self.busy = busy
        selector = _HastySelector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self.now_s


class VirtualClock:
    """A clock that reads the running loop."""

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


def run_hasty(coroutine: Coroutine[Any, Any, T], busy: Callable[[], bool]) -> T:
    """Run ``coroutine`` to its end, fast while nothing is at work.

    Args:
        coroutine: What to run.
        busy: Whether anything is at work whose time is real.
    """
    with asyncio.Runner(loop_factory=lambda: HastyLoop(busy)) as runner:
        return runner.run(coroutine)
