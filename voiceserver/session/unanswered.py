"""Turns of the user that ended while a reply went on that speech may not interrupt.

They wait for its end, each to be written down in its order; only the newest is
answered, with all of them in the conversation. Used by the session's one writer only.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from voiceserver.config import TurnConfig
from voiceserver.events import UserTurn

MOST = 32  # beyond it the reply is stopped for them; it has been talked over for long


class Unanswered:
    """The turns that wait in one call."""

    def __init__(self) -> None:
        self._turns: deque[UserTurn] = deque()
        self._answered = False  # without being asked to

    def __len__(self) -> int:
        return len(self._turns)

    @property
    def answered(self) -> bool:
        """Whether one of them will be answered without being asked to."""
        return self._answered and bool(self._turns)

    def keep(self, turn: UserTurn, config: TurnConfig, busy: bool) -> bool:
        """Keep a turn that must wait; False if its time is now.

        Args:
            turn: The user's.
            config: How turns are taken. A turn that the client commits never waits.
            busy: Whether a reply is generated or sounds.
        """
        talked_over = busy and not config.interrupt and config.policy != "manual"
        if not talked_over or len(self._turns) >= MOST:
            return False
        self._turns.append(turn)
        self._answered = config.create_reply
        return True

    def next(self, now_ns: int) -> UserTurn:
        """Take the oldest; it is the one to answer if none is left.

        Args:
            now_ns: Becomes its commit: nobody is late for what had to wait.
        """
        return replace(self._turns.popleft(), decided_ns=now_ns)
