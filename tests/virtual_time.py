"""Virtual time, as replays have it, and what only tests need of it."""

from __future__ import annotations

from voiceserver.replay.virtual_time import (
    Deadlock,
    Leaked,
    VirtualClock,
    VirtualTimeLoop,
    run_virtual,
)

__all__ = [
    "Deadlock",
    "Leaked",
    "StallingClock",
    "VirtualClock",
    "VirtualTimeLoop",
    "run_virtual",
]


class StallingClock(VirtualClock):
    """The virtual loop's time, plus stalls during which nothing else ran."""

    def __init__(self) -> None:
        self.stalled_ms = 0

    def now_ns(self) -> int:
        return super().now_ns() + self.stalled_ms * 1_000_000
