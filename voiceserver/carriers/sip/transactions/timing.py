"""The times of SIP's transactions, RFC 3261, table 4; and a timer that repeats itself.

Knows no message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

T1_S = 0.5  # a round trip, as estimated
T2_S = 4.0  # longest wait between two copies
T4_S = 5.0  # a message stays in the network for so long
LIFE_S = 64 * T1_S  # timers B, D, F, H, J, L and M


class Timers:
    """The timers of one transaction; all of them end with ``stop``."""

    def __init__(self) -> None:
        self._repeating: asyncio.TimerHandle | None = None
        self._others: list[asyncio.TimerHandle] = []

    def repeat(self, act: Callable[[], None], cap_s: float) -> None:
        """Call ``act`` after T1, then after twice as long each time, up to a cap."""
        self.still()
        self._again(act, T1_S, cap_s)

    def still(self) -> None:
        """Repeat nothing any more."""
        if self._repeating is not None:
            self._repeating.cancel()
            self._repeating = None

    def after(self, delay_s: float, act: Callable[[], None]) -> None:
        """Call ``act`` once."""
        loop = asyncio.get_running_loop()
        self._others.append(loop.call_later(delay_s, act))

    def stop(self) -> None:
        """Call nothing any more."""
        self.still()
        for timer in self._others:
            timer.cancel()
        self._others.clear()

    def _again(self, act: Callable[[], None], wait_s: float, cap_s: float) -> None:
        def due() -> None:
            self._again(act, min(cap_s, 2 * wait_s), cap_s)
            act()

        self._repeating = asyncio.get_running_loop().call_later(wait_s, due)
