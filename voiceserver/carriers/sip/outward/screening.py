"""A call out that a machine may take: who took it is heard first, then it is spoken.

Until then the conversation hears silence, and nothing is said. Knows no signalling.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from voiceserver.audio import Samples
from voiceserver.streams import first_of
from voiceserver.turns.answerer import AnsweredBy, Answerer

JUDGE_LIMIT_S = 10.0  # where nothing comes at all
READY_LIMIT_S = 60.0  # for a machine's greeting
TOOK_IT = (
    "An answering machine took the call; its greeting is over and it records now. "
    "Leave a short message, then end the call."
)
HUNG_UP = "An answering machine took the call."
LEFT = "A message was left with an answering machine."


class Screened(Protocol):
    """The call."""

    def greet(self) -> None:
        """A person took it, as far as one can tell."""

    def tell(self, what: str) -> None:
        """Tell the text model, which then answers."""

    async def say(self, text: str) -> None:
        """Say it; return when it was heard."""

    def hang_up(self, reason: str) -> None:
        """End the call."""


class Screening:
    """One call's.

    Args:
        detection: ``"message"`` leaves one with a machine, ``"hang_up"`` does not.
        message: What is said to it; ``""`` leaves that to the text model.
        told: Called once with who took the call.
    """

    def __init__(
        self, detection: str, message: str, told: Callable[[AnsweredBy], None]
    ) -> None:
        self._hangs_up = detection == "hang_up"
        self._message = message
        self._told = told
        self._answerer = Answerer()
        self._judged, self._ready = asyncio.Event(), asyncio.Event()
        self.over = False  # the conversation may hear the other side

    def hear(self, samples: Samples) -> None:
        """Take audio of the other side, 16 kHz."""
        self._answerer.push(samples)
        if self._answerer.who is not None:
            self._judged.set()
        if self._answerer.ready:
            self._ready.set()

    async def run(self, call: Screened) -> None:
        """See the call to its first words, or to its end."""
        await first_of(self._judged.wait(), limit_s=JUDGE_LIMIT_S)
        who = self._answerer.who or AnsweredBy.UNKNOWN
        self._told(who)
        if who is not AnsweredBy.MACHINE:
            self.over = True
            call.greet()
            return
        if self._hangs_up:
            call.hang_up(HUNG_UP)
            return
        await first_of(self._ready.wait(), limit_s=READY_LIMIT_S)
        if self._message:
            await call.say(self._message)
            call.hang_up(LEFT)
        else:
            self.over = True
            call.tell(TOOK_IT)
