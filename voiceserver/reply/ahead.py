"""The reply's audio where the listener keeps the buffer: sent as it is made.

The counterpart of ``playout`` for carriers whose client plays at its own pace
(WebSocket): audio leaves at once, but never more than 5 s ahead of real time. What was
played is reckoned by the clock from the first audio on, until the client says better.
Refuses to know what the audio says, and who listens.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from voiceserver.audio import SPEECH_RATE, Samples
from voiceserver.events import Played
from voiceserver.reply.playout import Notices

AHEAD_S = 5.0
SLICE = SPEECH_RATE * 2 // 5  # samples sent at a time, at most


class Ahead:
    """Sends a reply's audio; one per call. Has the methods of ``Playout``.

    Args:
        now_ns: Monotonic clock.
        notices: Told before the audio goes out that they are about; ``made`` takes
            it, waiting for room.
    """

    def __init__(
        self, now_ns: Callable[[], int], notices: Notices | None = None
    ) -> None:
        self._answer_next = False
        self._notices = notices or Notices()
        self._now_ns = now_ns
        self._turn = 0
        self._sent = 0  # samples of the current turn
        self._ends_ns = 0  # when what was sent will have sounded
        self._finished = False
        self._end: asyncio.TimerHandle | None = None

    def report_to(self, notices: Notices) -> None:
        """Tell these from now on."""
        self._notices = notices

    @property
    def turn(self) -> int:
        """Turn whose audio is accepted."""
        return self._turn

    @property
    def played(self) -> int:
        """Samples of the current turn that should have sounded by now."""
        return max(0, self._sent - round(self.ahead_s * SPEECH_RATE))

    @property
    def ahead_s(self) -> float:
        """Seconds of audio that were sent and should not have sounded yet."""
        return max(0, self._ends_ns - self._now_ns()) / 1e9

    @property
    def over(self) -> bool:
        """Whether all audio of the current turn should have sounded by now."""
        return self._finished and self._ends_ns <= self._now_ns()

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
            await asyncio.sleep(max(0.0, self.ahead_s - AHEAD_S))
            if turn != self._turn:
                return False
            part = samples[at : at + SLICE]
            first = self._sent == 0
            self._notices.outgoing(part, self.ahead_s)
            self._sent += len(part)
            lasts_ns = len(part) * 1_000_000_000 // SPEECH_RATE
            self._ends_ns = max(self._ends_ns, self._now_ns()) + lasts_ns
            if first:
                self._notices.played(turn, Played.STARTED)
            if self._answer_next:
                self._answer_next = False
                self._notices.answered(turn)
            await self._notices.made(turn, part)
        return turn == self._turn

    def answer_begins(self, turn: int) -> None:
        """The next audio put is the first of the answer of ``turn``."""
        self._answer_next = turn == self._turn

    def finish(self, turn: int) -> None:
        """No more audio of ``turn`` comes; what was sent still sounds."""
        if turn != self._turn or self._finished or not self._sent:
            return
        self._finished = True
        loop = asyncio.get_running_loop()
        self._end = loop.call_later(self.ahead_s, self._ended, turn)

    def flush(self, next_turn: int) -> None:
        """Send nothing more of this turn, and accept only ``next_turn``."""
        if self._end is not None:
            self._end.cancel()
            self._end = None
        self._turn = next_turn
        self._answer_next = False
        self._sent = self._ends_ns = 0
        self._finished = False

    def duck(self, gain_db: float) -> None:
        """Nothing: what was sent cannot be made softer."""

    def _ended(self, turn: int) -> None:
        self._end = None
        self._notices.played(turn, Played.DONE)
