"""The end of a call: one that is being said goodbye to, or one by a fault.

The first is over when nothing sounds any more, or when its limit has passed. Knows
nothing of what is said.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from voiceserver.commands import HangUp
from voiceserver.errors import VoiceServerError, first
from voiceserver.metrics import Metrics

log = logging.getLogger(__name__)

LEAVE_LIMIT_S = 15.0  # a farewell, or a reply that sounds, takes no longer


class Leaving:
    """Whether a call is about to end, and why; one per call.

    Args:
        command: Takes the command that ends the call at once.
    """

    def __init__(self, command: Callable[[HangUp], None]) -> None:
        self._command = command
        self._timer: asyncio.TimerHandle | None = None
        self._end: HangUp | None = None

    @property
    def end(self) -> HangUp | None:
        """Why the call is about to end; None if it is not."""
        return self._end

    def begin(self, end: HangUp) -> None:
        """The call ends once nothing sounds; the first reason holds."""
        if self._end is not None:
            return
        self._end = replace(end, farewell=None)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(LEAVE_LIMIT_S, self._command, self._end)

    def interrupted(self) -> None:
        """The user speaks: where it is about them, the call goes on."""
        if self._end is not None and self._end.code == "ended":
            self.close()

    def close(self) -> None:
        """The call is not about to end, or over; may be called again."""
        self._end = None
        if self._timer is not None:
            self._timer.cancel()


def fault(failed: Exception, call_id: str, metrics: Metrics) -> HangUp:
    """Count and log what ended a call; the client learns our own words only."""
    error = first(failed)
    expected = isinstance(error, VoiceServerError)
    metrics.faults.labels("session", type(error).__name__).inc()
    log.error(
        "a call ended by a fault",
        extra={"call": call_id, "kind": type(error).__name__},
        exc_info=None if expected else error,
    )
    return HangUp(str(error) if expected else "internal error", "fault")
