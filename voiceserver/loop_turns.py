"""What may wait for the next turn of the event loop, so that what is due does not.

A turn runs all that is ready, and only then are timers looked at again: where packets
of many calls have come, the next that are to be sent would wait until all of those are
decoded and listened to. So each kind of such work has a part of a turn; what is left
over waits, in its order, and is done all the same. What *goes first* is done between
any two pieces of such work, where it is late. Knows nothing of what is done.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from weakref import WeakKeyDictionary

from voiceserver.clock import Clock, MonotonicClock

_CLOCK = MonotonicClock()
PART_MS = 3.0  # of a turn: less than what a frame of 20 ms may be late by
# Pieces of a kind; then the oldest is dropped. Of packets that is half a second's work,
# and as much of each of 64 calls as anybody listens to after it has come too late.
MOST_WAITING = 4_096

_FIRST: WeakKeyDictionary[asyncio.AbstractEventLoop, list[Callable[[], None]]]
_FIRST = WeakKeyDictionary()


def goes_first(late: Callable[[], None], no_more: bool = False) -> None:
    """Have something done before any work that may wait, in the loop that runs.

    Args:
        late: Called before each piece of such work; does what is late, and is quick
            where nothing is.
        no_more: It does not go first any more.
    """
    loop = asyncio.get_running_loop()
    kept = [each for each in _FIRST.get(loop, ()) if each != late]
    _FIRST[loop] = kept if no_more else [*kept, late]


class LoopTurn:
    """One kind of work's part of each turn, of the loop that runs.

    Args:
        part_ms: From when the first of it began in a turn.
        at_once: Of pieces that are given to it, so many are done before it looks
            whether there is room for more: to look costs a little, too.
    """

    def __init__(self, part_ms: float = PART_MS, at_once: int = 1) -> None:
        self._part_ns = round(part_ms * 1e6)
        self._at_once = at_once
        self._n_done = 0  # since it looked last
        self._loop: asyncio.AbstractEventLoop | None = None
        self._began_ns = 0  # in this turn; 0 if nothing did
        self._waited_ns = 0
        self._waiting: deque[object] = deque()
        self._later: deque[tuple[Callable[[bytes], None], bytes]]
        self._later = deque(maxlen=MOST_WAITING)
        self._later_loop: asyncio.AbstractEventLoop | None = None
        self._later_ns = 0  # since when there is some

    def has_room(self, clock: Clock = _CLOCK) -> bool:
        """Whether one more may be done in this turn; the first always may.

        Args:
            clock: By which the turn takes its time; virtual time stands still in one.
        """
        loop, now_ns = asyncio.get_running_loop(), clock.now_ns()
        first = _FIRST.get(loop)
        if first:
            since_ns = now_ns
            for late in first:
                late()
            now_ns = clock.now_ns()
            self._began_ns += now_ns - since_ns if self._began_ns else 0  # not its own
        if self._began_ns and self._loop is loop:
            return now_ns - self._began_ns < self._part_ns
        self._loop, self._began_ns = loop, now_ns
        loop.call_soon(self._over)
        return True

    def do(self, work: Callable[[bytes], None], what: bytes) -> None:
        """Do one more now, or in a turn in which it may be, behind all that wait."""
        if not self._later and self._has_room_for_one():
            work(what)
            return
        loop = asyncio.get_running_loop()
        if self._later_loop is not loop:
            self._later.clear()
            self._later_loop = loop
        if not self._later:
            self._later_ns = time.perf_counter_ns()
            loop.call_soon(self._go_on)
        self._later.append((work, what))

    @property
    def behind(self) -> bool:
        """Whether pieces that were given to it wait."""
        return bool(self._later)

    def _has_room_for_one(self) -> bool:
        self._n_done += 1
        if self._n_done < self._at_once:
            return True
        self._n_done = 0
        return self.has_room()

    def _go_on(self) -> None:
        while self._later and self.has_room():
            work, what = self._later.popleft()
            work(what)
        self.waited(self._later_ns)
        if self._later:
            asyncio.get_running_loop().call_soon(self._go_on)

    async def room(self, clock: Clock = _CLOCK) -> None:
        """Wait for a turn in which one more may be done, behind all who wait for it."""
        if not self._waiting and self.has_room(clock):
            return
        since_ns, place = time.perf_counter_ns(), object()
        self._waiting.append(place)
        try:
            # Who waits is looked at once a turn: there is no event for its beginning.
            while self._waiting[0] is not place or not self.has_room(clock):  # noqa: ASYNC110
                await asyncio.sleep(0)
        finally:
            self._waiting.remove(place)
        self.waited(since_ns)

    def waited(self, since_ns: int) -> None:
        """Note that work waited until now, by ``perf_counter_ns``."""
        self._waited_ns = max(self._waited_ns, time.perf_counter_ns() - since_ns)

    def longest_s(self) -> float:
        """The longest wait since this was last asked: how late such work is."""
        waited_ns, self._waited_ns = self._waited_ns, 0
        return waited_ns / 1e9

    def _over(self) -> None:
        self._began_ns = 0


READING = LoopTurn(at_once=8)  # packets, until they are audio
LISTENING = LoopTurn()  # to callers
