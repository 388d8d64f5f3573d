"""How a long silence of the user is counted, and broken. Pure.

It is counted from the end of a reply that was heard, or from what turned out to be no
turn; who breaks it so often in a row leaves. Knows no clock and no reply: that the
time has passed is told, and whether anybody speaks is asked before.
"""

from __future__ import annotations

from collections.abc import Callable

from voiceserver.config import TurnConfig
from voiceserver.events import IdleElapsed
from voiceserver.turns.actions import (
    Action,
    AwaitUser,
    BreakSilence,
    Leave,
    Say,
    Tell,
)

SILENT = "The user has been silent for too long."


class Idle:
    """Of one conversation."""

    def __init__(self) -> None:
        self._n_asked = 0  # times in a row that the silence was broken
        self._began = False  # the user did, to speak, since it is counted

    def spoke(self) -> None:
        """The user was heard."""
        self._n_asked = 0

    def begins(self) -> None:
        """The user begins to speak; an end of the silence that comes later is none."""
        self._began = True

    def counted(self, config: TurnConfig) -> AwaitUser:
        """Count from now on."""
        self._began = False
        return AwaitUser(config.idle_ms)

    def elapsed(
        self, event: IdleElapsed, config: TurnConfig, begin: Callable[[], int]
    ) -> list[Action]:
        """The user has been silent for long after a reply: say something.

        Unless they began just then, which was told first: nobody is talked over.

        Args:
            event: As it happened.
            config: How turns are taken.
            begin: Gives the floor to a reply; returns its number.
        """
        if self._began or not config.idle_ms:
            return []
        if not config.create_reply:
            return [Tell(event)]
        self._n_asked += 1
        actions: list[Action] = [Tell(event), AwaitUser(0)]
        if config.idle_asks and self._n_asked > config.idle_asks:
            return [*actions, Leave(SILENT, config.idle_goodbye)]
        if config.idle_line:
            return [*actions, Say(begin(), config.idle_line)]
        return [*actions, BreakSilence(begin())]
