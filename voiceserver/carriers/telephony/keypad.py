"""Keys of a telephone, collected to what the caller means by them.

An entry ends with ``#``, or when no key has come for a while. Knows nothing of how keys
arrive and what an entry is for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

END = "#"
MOST_KEYS = 32  # of an entry, and in a second: nobody is faster


class Keypad:
    """The keys of one call.

    Args:
        wait_s: After the last key of an entry.
        pressed: Takes each key, before the entry that it may end: what it interrupts
            is not the answer to that.
        entered: Takes an entry; ``#`` is an entry only where it stands alone.
    """

    def __init__(
        self,
        wait_s: float,
        pressed: Callable[[str], None],
        entered: Callable[[str], None],
    ) -> None:
        self._wait_s = wait_s
        self._pressed = pressed
        self._entered = entered
        self._keys = ""
        self._timer: asyncio.TimerHandle | None = None
        self._second = 0
        self._n_second = 0

    def press(self, key: str) -> bool:
        """Take a key; False where it is one too many, and nothing."""
        loop = asyncio.get_running_loop()
        if self._second != int(loop.time()):
            self._second, self._n_second = int(loop.time()), 0
        self._n_second += 1
        if self._n_second > MOST_KEYS:
            return False
        self._pressed(key)
        self.close()
        if key != END:
            self._keys += key
        if key == END or len(self._keys) >= MOST_KEYS:
            self._enter(self._keys or END)
        else:
            self._timer = loop.call_later(self._wait_s, self._enter, self._keys)
        return True

    def close(self) -> None:
        """The entry that was begun is none, unless a key follows."""
        if self._timer is not None:
            self._timer.cancel()

    def _enter(self, keys: str) -> None:
        self._keys = ""
        self._entered(keys)
