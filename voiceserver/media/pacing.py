"""Whose frame is due, by absolute deadlines: one timer for all calls of a loop.

Deadlines are multiples of 5 ms, so that a few calls are due together, the codec's code
still in the processor's cache. What is due goes before anything that may wait
(``loop_turns``): it is late by one piece of other work at most, not by all that is
ready. A loop that was away never makes up for it by a burst of more than two. Time is
then left out of the stream, and what was to be said is said later. Knows nothing of
what is sent.
"""

from __future__ import annotations

import asyncio
import heapq
from bisect import bisect_left
from collections.abc import Callable
from weakref import WeakKeyDictionary

from voiceserver.audio import PTIME_MS
from voiceserver.clock import Clock
from voiceserver.loop_turns import goes_first

PTIME_NS = PTIME_MS * 1_000_000
# Frames that may follow at once after a short delay: less than any client's jitter
# buffer holds, so nothing is heard, where leaving them out would be.
CATCH_UP = 2
GRID_NS = 5_000_000
EARLY_NS = 1_000_000  # uvloop's timers count milliseconds: one may be early by it
LATE_MS = (1, 2, 5, 10, 20, 40, 60, 100, 250)  # upper ends of ``Lateness``


class Pacer:
    """Keeps the pace of one call.

    Args:
        due: Called for each frame whose time has come.
        left_out: Called before it with the number of frame times that are left out,
            as the loop was late.
        clock: Monotonic clock.
    """

    def __init__(
        self, due: Callable[[], None], left_out: Callable[[int], None], clock: Clock
    ) -> None:
        self._due = due
        self._left_out = left_out
        self._clock = clock
        self._wheel: Wheel | None = None  # while it runs
        self.due_ns = 0  # of the next frame

    def start(self) -> None:
        """Begin with the next deadline."""
        self.stop()
        now_ns = self._clock.now_ns()
        self.due_ns = now_ns + -now_ns % GRID_NS
        self._wheel = Wheel.of(self._clock)
        self._wheel.add(self)

    def stop(self) -> None:
        """Nothing is due any more; may be called again."""
        if self._wheel is not None:
            self._wheel.remove(self)
            self._wheel = None

    def tick(self, now_ns: int) -> None:
        """Do what is due, up to the limit; the next has its time whatever that raises.

        Args:
            now_ns: Of the clock.
        """
        late = max(0, now_ns - self.due_ns) // PTIME_NS  # frames besides the first
        self.due_ns += (late + 1) * PTIME_NS
        n_frames = 1 + late
        if late > CATCH_UP:
            n_frames = 1
            self._left_out(late)
        for _ in range(n_frames):
            if self._wheel is not None:  # else it was stopped by what was due
                self._due()

    def turns_on(self, wheel: Wheel) -> bool:
        """Whether it still runs, woken by this one."""
        return self._wheel is wheel


class Lateness:
    """How late frames were, of all calls of a process; counts only grow.

    Attributes:
        counts: By the first of ``LATE_MS`` that they were no later than; the last is
            of those that were later.
        total_ms: Of all.
    """

    def __init__(self) -> None:
        self.counts = [0] * (len(LATE_MS) + 1)
        self.total_ms = 0.0

    def note(self, late_ns: int, n_frames: int) -> None:
        """So many were late by so much."""
        late_ms = max(0, late_ns) / 1e6
        self.counts[bisect_left(LATE_MS, late_ms)] += n_frames
        self.total_ms += late_ms * n_frames


LATENESS = Lateness()


class Wheel:
    """Wakes the pacers of one loop and clock, those that are due together at once.

    Args:
        clock: Theirs.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pacers: dict[int, dict[Pacer, None]] = {}  # by when they are due
        self._dues: list[int] = []  # those times, a heap
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ns = 0  # what it is for
        self._turning = False
        # Where there is too much of all, what may wait has as much time as frames that
        # go before it: else nobody would be heard any more.
        self._rests_until_ns = 0

    @classmethod
    def of(cls, clock: Clock) -> Wheel:
        """The one of the loop that runs, by a clock."""
        wheels = _WHEELS.setdefault(asyncio.get_running_loop(), {})
        wheel = wheels.get(id(clock))
        if wheel is None:
            wheel = wheels[id(clock)] = cls(clock)
            goes_first(wheel.overdue)
        return wheel

    def add(self, pacer: Pacer) -> None:
        """Wake it when it is due."""
        together = self._pacers.get(pacer.due_ns)
        if together is None:
            together = self._pacers[pacer.due_ns] = {}
            heapq.heappush(self._dues, pacer.due_ns)
        together[pacer] = None
        if not self._turning:
            self._wake()

    def remove(self, pacer: Pacer) -> None:
        """Wake it no more."""
        self._pacers.get(pacer.due_ns, {}).pop(pacer, None)
        if not self._turning and not any(self._pacers.values()):
            self._pacers.clear()
            self._dues.clear()
            self._wake()

    def overdue(self) -> None:
        """Do what is late, in the midst of a turn of the loop."""
        if not self._dues:
            return
        now_ns = self._clock.now_ns()
        if now_ns > self._dues[0] + EARLY_NS and now_ns >= self._rests_until_ns:
            self._turn()

    def _woken(self) -> None:
        self._timer = None
        self._turn()

    def _turn(self) -> None:
        """Do all that is due."""
        if self._turning:
            return
        self._turning = True
        now_ns, dues = self._clock.now_ns(), []
        while self._dues and self._dues[0] <= now_ns + EARLY_NS:
            dues.append(heapq.heappop(self._dues))
        for due_ns in dues:
            together = self._pacers.pop(due_ns)
            LATENESS.note(now_ns - due_ns, len(together))
            for pacer in together:
                # Else whoever was due before it has stopped it, or begun it anew.
                if pacer.turns_on(self) and pacer.due_ns == due_ns:
                    self._tick(pacer, now_ns)
        self._turning = False
        done_ns = self._clock.now_ns()
        self._rests_until_ns = 2 * done_ns - now_ns
        self._wake()

    def _tick(self, pacer: Pacer, now_ns: int) -> None:
        try:
            pacer.tick(now_ns)
        except Exception as error:  # noqa: BLE001 - one call's fault stops no other
            asyncio.get_running_loop().call_exception_handler(
                {"message": "A frame that was due failed.", "exception": error}
            )
        if pacer.turns_on(self):
            self.add(pacer)

    def _wake(self) -> None:
        """Have the timer be for what is due next; with nothing due it is forgotten."""
        due_ns = self._dues[0] if self._dues else None
        if self._timer is not None:
            if self._timer_ns == due_ns:
                return
            self._timer.cancel()
            self._timer = None
        loop = asyncio.get_running_loop()
        if due_ns is None:
            _WHEELS.get(loop, {}).pop(id(self._clock), None)
            goes_first(self.overdue, no_more=True)
            return
        self._timer_ns = due_ns
        after_s = max(0.0, (due_ns - self._clock.now_ns()) / 1e9)
        self._timer = loop.call_later(after_s, self._woken)


_WHEELS: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[int, Wheel]]
_WHEELS = WeakKeyDictionary()
