"""Playout: holds the reply's audio until the carrier pulls it, 20 ms at a time.

It has no clock: being pulled is its time. Every block carries its turn number and
blocks of any turn but the current one are dropped, so nothing old can sound after a
``flush``. It counts what was pulled, which is what "heard" is reckoned from.
Refuses to know what the audio says, and who listens.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from voiceserver.audio import SPEECH_FRAME, SPEECH_RATE, AudioFrame, Samples
from voiceserver.events import Played

# Speech waits for room beyond this, so that little is thrown away by a barge-in.
CAPACITY_MS = 400
_SILENCE = np.zeros(SPEECH_FRAME, np.float32)
_SILENCE.flags.writeable = False


def _unnoticed(_turn: int, _state: Played) -> None:
    """Nobody minds."""


def _unanswered(_turn: int) -> None:
    """Nobody minds."""


async def _unsent(_turn: int, _samples: Samples) -> None:
    """Nobody takes it."""


def _unheard(_samples: Samples, _in_s: float) -> None:
    """Nobody minds."""


@dataclass(frozen=True, slots=True)
class Notices:
    """Who is told how a reply's audio fares; none of them may block.

    Attributes:
        played: Called with ``(turn, Played.STARTED)`` when the first audio of a turn
            goes out and ``(turn, Played.DONE)`` when its last has sounded.
        answered: Called with the turn when the first audio of its answer goes out,
            which may come after other audio.
        made: Takes a turn's number and samples, where audio goes out in events.
        outgoing: Takes samples on their way to the ear, as loud as they are sent, and
            in how many seconds they should begin to sound there.
    """

    played: Callable[[int, Played], None] = _unnoticed
    answered: Callable[[int], None] = _unanswered
    made: Callable[[int, Samples], Awaitable[None]] = _unsent
    outgoing: Callable[[Samples, float], None] = _unheard


class Outlet(Protocol):
    """Where a reply's audio goes: ``Playout``, or ``ahead.Ahead``."""

    def report_to(self, notices: Notices) -> None:
        """Tell these from now on."""

    @property
    def turn(self) -> int:
        """Turn whose audio is accepted."""

    @property
    def played(self) -> int:
        """Samples of the current turn played so far."""

    @property
    def ahead_s(self) -> float:
        """Seconds of audio that were put and have not sounded yet."""

    @property
    def over(self) -> bool:
        """Whether all audio of the current turn has sounded: nothing can be cut."""

    def begin(self, turn: int) -> None:
        """Accept audio of ``turn``, and of no other, from now on."""

    async def put(self, turn: int, samples: Samples) -> bool:
        """Add audio, waiting for room; returns False if the turn is over."""

    def answer_begins(self, turn: int) -> None:
        """The next audio put is the first of the answer of ``turn``."""

    def finish(self, turn: int) -> None:
        """No more audio of ``turn`` comes."""

    def flush(self, next_turn: int) -> object:
        """Silence, now; accept only ``next_turn``."""

    def duck(self, gain_db: float) -> None:
        """Lower the reply by ``gain_db``; 0 restores it."""


class Playout:
    """The audio between the speech engine and the carrier; one per call.

    Args:
        notices: Told within the pull of the frame that it is about.

    Attributes:
        underruns: Frames of silence pulled in the middle of a turn.
    """

    def __init__(self, notices: Notices | None = None) -> None:
        self._notices = notices or Notices()
        self._answer_at: int | None = None  # samples of the turn before its answer
        self._blocks: deque[Samples] = deque()
        self._buffered = 0  # samples
        self._turn = 0
        self._finished = False
        self._played = 0  # samples of the current turn
        self._pts = 0  # samples pulled since the call began
        self._gain = self._target_gain = 1.0
        self._room = asyncio.Event()
        self._room.set()
        self.underruns = 0

    @property
    def turn(self) -> int:
        """Turn whose audio is accepted."""
        return self._turn

    @property
    def played(self) -> int:
        """Samples of the current turn pulled so far."""
        return self._played

    @property
    def ahead_s(self) -> float:
        """Seconds of audio that were put and not pulled yet."""
        return self._buffered / SPEECH_RATE

    @property
    def over(self) -> bool:
        """Whether all audio of the current turn was pulled."""
        return self._finished and not self._buffered and self._played > 0

    def report_to(self, notices: Notices) -> None:
        """Tell these from now on."""
        self._notices = notices

    @property
    def sounding(self) -> bool:
        """Whether audio of the current turn was pulled and more is to come."""
        return self._played > 0 and (self._buffered > 0 or not self._finished)

    def begin(self, turn: int) -> None:
        """Accept audio of ``turn``, and of no other, from now on."""
        self.flush(turn)

    async def put(self, turn: int, samples: Samples) -> bool:
        """Add audio, waiting for room; returns False if the turn is over.

        Args:
            turn: Turn that the audio belongs to.
            samples: Shape ``(n,)``, 24 kHz, float32.
        """
        while turn == self._turn and self._full():
            self._room.clear()
            await self._room.wait()
        if turn != self._turn:
            return False
        self._blocks.append(samples)
        self._buffered += len(samples)
        return True

    def answer_begins(self, turn: int) -> None:
        """The next audio put is the first of the answer of ``turn``."""
        if turn == self._turn:
            self._answer_at = self._played + self._buffered

    def finish(self, turn: int) -> None:
        """No more audio of ``turn`` comes; what is buffered still plays."""
        if turn == self._turn and not self._finished:
            self._finished = True
            if not self._buffered and self._played:
                self._notices.played(turn, Played.DONE)

    def flush(self, next_turn: int) -> Samples:
        """Silence, now: drop what was not played and accept only ``next_turn``.

        Returns:
            The dropped samples, shape ``(n,)``, so that a false interruption can
            take up where it stopped.
        """
        unplayed = [*self._blocks]
        self._blocks.clear()
        self._buffered = self._played = 0
        self._turn = next_turn
        self._finished = False
        self._answer_at = None
        self._gain = self._target_gain = 1.0
        self._room.set()  # a producer that waits finds that its turn is over
        return np.concatenate([np.zeros(0, np.float32), *unplayed])

    def duck(self, gain_db: float) -> None:
        """Lower the reply by ``gain_db`` (0 restores it), ramped over one frame."""
        self._target_gain = float(10 ** (-abs(gain_db) / 20))

    def next_frame(self) -> AudioFrame:
        """Return the next 20 ms (480 samples at 24 kHz); silence if there is none.

        The carrier calls it once per 20 ms. ``frame.turn`` is 0 for silence.
        """
        pts = self._pts
        self._pts += SPEECH_FRAME
        if not self._buffered or (self._buffered < SPEECH_FRAME and not self._finished):
            if self._played and not self._finished:
                self.underruns += 1
            return AudioFrame(_SILENCE, SPEECH_RATE, pts)
        turn, first = self._turn, self._played == 0
        samples = self._faded(self._take())
        self._notices.outgoing(samples, 0.0)
        if first:
            self._notices.played(turn, Played.STARTED)
        if self._answer_at is not None and self._played > self._answer_at:
            self._answer_at = None
            self._notices.answered(turn)
        if self._finished and not self._buffered:
            self._notices.played(turn, Played.DONE)
        return AudioFrame(samples, SPEECH_RATE, pts, turn)

    def _full(self) -> bool:
        return self._buffered * 1000 >= CAPACITY_MS * SPEECH_RATE

    def _take(self) -> Samples:
        """Cut one frame from the front; the last of a turn is padded with silence."""
        frame = np.zeros(SPEECH_FRAME, np.float32)
        filled = 0
        while self._blocks and filled < SPEECH_FRAME:
            block = self._blocks.popleft()
            part = block[: SPEECH_FRAME - filled]
            frame[filled : filled + len(part)] = part
            filled += len(part)
            if len(part) < len(block):
                self._blocks.appendleft(block[len(part) :])
        self._buffered -= filled
        self._played += filled
        if not self._full():
            self._room.set()
        return frame

    def _faded(self, samples: Samples) -> Samples:
        if self._gain == self._target_gain == 1.0:
            return samples
        ramp = np.linspace(
            self._gain, self._target_gain, len(samples), dtype=np.float32
        )
        self._gain = self._target_gain
        return samples * ramp
