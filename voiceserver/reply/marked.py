"""The reply's audio where the other side plays it, and tells how far it is.

The counterpart of ``playout`` and ``ahead`` for telephone services: they keep a buffer
of their own, return a mark once all before it has been played, and can be told to drop
the rest. Audio leaves half a second ahead of what was played, which an uneven network
does not use up; what was played is told by marks, and between two of them reckoned by
the clock. A mark that never returns is given up, so that no call waits for a service
that has none. Refuses to know what the audio says, and how it is written.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

import numpy as np

from voiceserver.audio import SPEECH_RATE, Samples
from voiceserver.events import Played
from voiceserver.reply.playout import Notices

AHEAD_S = 0.5
SLICE = SPEECH_RATE // 10  # samples sent at a time, at most
OVERDUE_S = 2.0  # a mark that is later than this never comes
_POLL_S = 0.02


class Line(Protocol):
    """Where the audio goes; none of it blocks or raises."""

    def say(self, samples: Samples) -> None:
        """Send samples at 24 kHz; a part of a frame may be kept for the next."""

    def say_rest(self) -> None:
        """Send what was kept, filled up with silence."""

    def mark(self, name: str) -> None:
        """Have ``name`` told once all that was sent before has been played."""

    def clear(self) -> None:
        """Drop what was sent and not yet played, and what was kept."""


class Marked:
    """Sends a reply's audio; one per call. Has the methods of ``Playout``.

    Args:
        now_ns: Monotonic clock.
        line: To the service.
        marks_all: Mark every slice; otherwise only the end, where marks are dear.
    """

    def __init__(
        self, now_ns: Callable[[], int], line: Line, marks_all: bool = True
    ) -> None:
        self._now_ns = now_ns
        self._line = line
        self._marks_all = marks_all
        self._notices = Notices()
        self._answer_next = False
        self._turn = 0
        self._gain = 1.0
        self._told = asyncio.Event()
        self._end: asyncio.TimerHandle | None = None
        self._forget()

    def _forget(self) -> None:
        self._sent = 0  # samples of the turn
        self._marks: deque[int] = deque()  # that have not returned: samples before it
        self._known = 0  # samples that had been played
        self._known_ns = 0  # at this time
        self._finished = self._done = False

    def report_to(self, notices: Notices) -> None:
        """Tell these from now on."""
        self._notices = notices

    @property
    def turn(self) -> int:
        """Turn whose audio is accepted."""
        return self._turn

    @property
    def played(self) -> int:
        """Samples of the current turn played so far: never beyond the next mark."""
        since = round((self._now_ns() - self._known_ns) * SPEECH_RATE / 1e9)
        limit = min(self._marks[0], self._sent) if self._marks else self._sent
        return min(self._known + since, limit) if self._sent else 0

    @property
    def ahead_s(self) -> float:
        """Seconds of audio that were sent and have not been played."""
        return (self._sent - self.played) / SPEECH_RATE

    @property
    def over(self) -> bool:
        """Whether all audio of the current turn has been played."""
        return self._done

    def begin(self, turn: int) -> None:
        """Accept audio of ``turn``, and of no other, from now on."""
        self.flush(turn)

    async def put(self, turn: int, samples: Samples) -> bool:
        """Send audio, waiting while too much is ahead; False if the turn is over.

        Args:
            turn: Turn that the audio belongs to.
            samples: Shape ``(n,)``, 24 kHz, float32.
        """
        for at in range(0, len(samples), SLICE):
            while turn == self._turn and self.ahead_s > AHEAD_S:
                await self._some_played()
            if turn != self._turn:
                return False
            self._send(turn, samples[at : at + SLICE])
        return turn == self._turn

    def answer_begins(self, turn: int) -> None:
        """The next audio put is the first of the answer of ``turn``."""
        self._answer_next = turn == self._turn

    def finish(self, turn: int) -> None:
        """No more audio of ``turn`` comes; what was sent still sounds."""
        if turn != self._turn or self._finished or not self._sent:
            return
        self._finished = True
        self._line.say_rest()
        self._mark(self._sent + 1)  # behind the rest
        self._await_end(self.ahead_s + OVERDUE_S)

    def flush(self, next_turn: int) -> None:
        """Silence, now: have the service drop what it has; accept ``next_turn``."""
        if self._end is not None:
            self._end.cancel()
            self._end = None
        if self._sent and not self._done:
            self._line.clear()
        self._turn = next_turn
        self._answer_next = False
        self._gain = 1.0
        self._forget()
        self._told.set()  # a producer that waits finds that its turn is over

    def duck(self, gain_db: float) -> None:
        """Lower what is sent from now on; what was sent cannot be made softer."""
        self._gain = float(10 ** (-abs(gain_db) / 20))

    def returned(self, name: str) -> None:
        """A mark came back; one of an earlier turn, or of nobody, says nothing."""
        turn, _, position = name.partition(".")
        if turn != str(self._turn) or not position.isascii() or len(position) > 12:
            return
        if not position.isdigit() or int(position) not in self._marks:
            return
        self._passed(int(position))

    def _passed(self, position: int) -> None:
        while self._marks and self._marks[0] <= position:
            self._known = min(self._marks.popleft(), self._sent)
        self._known_ns = self._now_ns()
        self._told.set()
        if self._finished and not self._marks:
            self._ended(self._turn)

    def _send(self, turn: int, samples: Samples) -> None:
        if self.played >= self._sent:  # nothing sounds: it begins, or goes on
            self._known, self._known_ns = self._sent, self._now_ns()
        first = self._sent == 0
        gained = samples if self._gain == 1.0 else samples * np.float32(self._gain)
        self._notices.outgoing(gained, self.ahead_s)
        self._sent += len(samples)
        self._line.say(gained)
        if self._marks_all:
            self._mark(self._sent)
        if first:
            self._notices.played(turn, Played.STARTED)
        if self._answer_next:
            self._answer_next = False
            self._notices.answered(turn)

    def _mark(self, position: int) -> None:
        self._marks.append(position)
        self._line.mark(f"{self._turn}.{position}")

    async def _some_played(self) -> None:
        """Wait until less may be ahead; a mark long overdue counts as returned."""
        self._told.clear()
        wait_s = max(_POLL_S, self.ahead_s - AHEAD_S)
        try:
            async with asyncio.timeout(wait_s):
                await self._told.wait()
        except TimeoutError:
            self._give_up()

    def _give_up(self) -> None:
        if not self._marks:
            return
        due_ns = (self._marks[0] - self._known) * 1_000_000_000 // SPEECH_RATE
        late_ns = self._now_ns() - self._known_ns - due_ns
        if late_ns > OVERDUE_S * 1e9:
            self._passed(self._marks[0])

    def _await_end(self, after_s: float) -> None:
        loop = asyncio.get_running_loop()
        self._end = loop.call_later(after_s, self._ended, self._turn)

    def _ended(self, turn: int) -> None:
        if turn != self._turn or self._done:
            return
        if self._end is not None:
            self._end.cancel()
            self._end = None
        self._done = True
        self._known = self._sent
        self._marks.clear()
        self._notices.played(turn, Played.DONE)
