"""The timers of one call: how long the user is silent, and what is to be said later.

They know nothing of what is done about it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from voiceserver.engines.base import Reminder

MAX_REMINDERS = 20  # timers of one call at a time
REMIND_AGAIN_S = 0.5  # a timer that is due waits for a reply to end


class Patience:
    """How long the user has been silent after a reply.

    Args:
        elapsed: Called when the patience ends, with what ``began`` was given.
    """

    def __init__(self, elapsed: Callable[[int], None]) -> None:
        self._elapsed = elapsed
        self._timer: asyncio.TimerHandle | None = None

    def began(self, since: int, limit_ms: int) -> None:
        """The silence counts from now on.

        Args:
            since: Position of the microphone.
            limit_ms: Of the patience; 0 is for ever.
        """
        self.ended()
        if limit_ms:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(limit_ms / 1000, self._elapsed, since)

    def ended(self) -> None:
        """Somebody speaks, or the call is over."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None


class Reminders:
    """What a text model asked to be said later.

    Args:
        busy: Whether a reply is generated or sounds; a timer waits for its end.
        say: Takes the text of a timer that is due.
    """

    def __init__(self, busy: Callable[[], bool], say: Callable[[str], None]) -> None:
        self._busy = busy
        self._say = say
        self._handles: set[asyncio.TimerHandle] = set()

    def add(self, reminder: Reminder) -> bool:
        """Set a timer; returns False if there are too many."""
        if len(self._handles) >= MAX_REMINDERS:
            return False
        self._later(reminder.after_s, reminder.text)
        return True

    def close(self) -> None:
        """Forget all."""
        for handle in self._handles:
            handle.cancel()
        self._handles.clear()

    def _later(self, after_s: float, text: str) -> None:
        def due() -> None:
            self._handles.discard(handle)
            if self._busy():
                self._later(REMIND_AGAIN_S, text)
            else:
                self._say(text)

        handle = asyncio.get_running_loop().call_later(after_s, due)
        self._handles.add(handle)
