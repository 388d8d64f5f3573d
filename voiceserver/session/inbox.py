"""The session's inbox: one order of arrival, a bound and a policy for each sender.

| lane     | who writes                        | size | when full                |
|----------|-----------------------------------|------|--------------------------|
| EVENTS   | listening and playout             | 64   | the call ends            |
| COMMANDS | the client                        | 256  | the call ends            |
| REPLY    | the reply (text deltas and ends)  | 32   | the reply waits          |
| ASIDES   | replies beside the conversation   | 32   | they wait                |

One reader: the session's one writer.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from enum import Enum

from voiceserver.commands import Command
from voiceserver.engines.base import Reminder
from voiceserver.errors import Overloaded
from voiceserver.events import Event


@dataclass(frozen=True, slots=True)
class Hint:
    """The user's turn is likely to be over; of no concern to a client.

    Attributes:
        utterance: Number of the utterance.
        text: Its words so far; ``""`` if the user goes on.
        language: That was heard, as far as that is known.
    """

    utterance: int
    text: str
    language: str = ""


Item = Event | Command | Reminder | Hint


class Lane(Enum):
    """A sender of the inbox; the value is its name."""

    EVENTS = "events"
    COMMANDS = "commands"
    REPLY = "reply"
    ASIDES = "asides"


_SIZES = {Lane.EVENTS: 64, Lane.COMMANDS: 256, Lane.REPLY: 32, Lane.ASIDES: 32}

_LEFT = dict.fromkeys(Lane, 0) | {Lane.COMMANDS: 32}


class Inbox:
    """Items in order of arrival; one per session."""

    def __init__(self) -> None:
        self._items: deque[tuple[Lane, Item]] = deque()
        self._counts = dict.fromkeys(Lane, 0)
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._overflow: Lane | None = None

    def post(self, lane: Lane, item: Item) -> None:
        """Add an item at once; overflow is remembered and ends the call in ``get``."""
        if self._counts[lane] >= _SIZES[lane]:
            self._overflow = lane
        else:
            self._add(lane, item)
        self._arrived.set()

    async def put(self, lane: Lane, item: Item) -> None:
        """Add an item, waiting for room; some is left to those who cannot wait."""
        while self._counts[lane] >= _SIZES[lane] - _LEFT[lane]:
            self._room.clear()
            await self._room.wait()
        self._add(lane, item)
        self._arrived.set()

    async def put_alone(self, lane: Lane, item: Item) -> None:
        """Add an item once there is none of its lane: two large ones never wait."""
        while self._counts[lane]:
            self._room.clear()
            await self._room.wait()
        self._add(lane, item)
        self._arrived.set()

    def take_other(self, lane: Lane) -> tuple[Lane, Item] | None:
        """Take the oldest item that is not of ``lane``; None if there is none."""
        for index, (owner, item) in enumerate(self._items):
            if owner is not lane:
                del self._items[index]
                self._counts[owner] -= 1
                self._room.set()
                return owner, item
        return None

    async def get(self) -> tuple[Lane, Item]:
        """Wait for the next item; return it behind the lane that it came by.

        Raises:
            Overloaded: If a lane that may not wait has overflowed.
        """
        while True:
            if self._overflow is not None:
                raise Overloaded(f"too many unhandled {self._overflow.value}")
            if self._items:
                return self._pop()
            self._arrived.clear()
            await self._arrived.wait()

    def drain(self, lane: Lane) -> list[Item]:
        """Take everything of one lane, in order."""
        taken = [item for owner, item in self._items if owner is lane]
        self._items = deque(pair for pair in self._items if pair[0] is not lane)
        self._counts[lane] = 0
        self._room.set()
        return taken

    def _add(self, lane: Lane, item: Item) -> None:
        self._items.append((lane, item))
        self._counts[lane] += 1

    def _pop(self) -> tuple[Lane, Item]:
        lane, item = self._items.popleft()
        self._counts[lane] -= 1
        self._room.set()
        return lane, item
