"""How long the user has been silent after a reply: one timer of a call.

Knows nothing of what is done about it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

# What the text model is told in place of a user's turn.
SILENCE = "The user has been silent since. Ask briefly whether they are still there."


class Idleness:
    """The timer of one call.

    Args:
        elapsed: Called when the patience ends, with what ``began`` was given.
    """

    def __init__(self, elapsed: Callable[[int], None]) -> None:
        self._elapsed = elapsed
        self._timer: asyncio.TimerHandle | None = None

    def began(self, since: int, limit_ms: int) -> None:
        """A reply was heard to its end.

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
