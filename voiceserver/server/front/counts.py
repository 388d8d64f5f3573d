"""How many calls there are in all, where workers take some past their front.

A worker with sockets of its own, as telephones need, tells how many calls came by
them; the front counts those beside what it lets in, and tells it how many that are.
What is on its way between the two may be one too many. Knows no calls.
"""

from __future__ import annotations

from voiceserver.server.front.common import News, Tell
from voiceserver.server.places import Room

OWN_CALLS, LET_IN = "own_calls", "let_in"  # of the news, both ways


class Counts:
    """The calls that workers took themselves.

    Args:
        room: Of the front; counts all.
    """

    def __init__(self, room: Room) -> None:
        self._room = room
        self._own: dict[int, int] = {}
        self._tell: dict[int, Tell] = {}
        room.changed = self._changed

    def joined(self, number: int, tell: Tell) -> None:
        """A worker has started."""
        self._tell[number] = tell
        tell({LET_IN: len(self._room)})

    def parted(self, number: int) -> None:
        """A worker is gone, and its calls."""
        self._tell.pop(number, None)
        self._own.pop(number, None)
        self._add()

    def heard(self, number: int, news: News) -> bool:
        """Take what a worker tells; False if it is of something else."""
        match news:
            case {"own_calls": int(n)}:
                self._own[number] = n
                self._add()
                return True
        return False

    def _add(self) -> None:
        self._room.elsewhere = sum(self._own.values())

    def _changed(self, n_calls: int) -> None:
        for tell in self._tell.values():
            tell({LET_IN: n_calls})
