"""Lines that were spoken beforehand: fillers and what is said when all else fails.

A bounded cache by text, voice and speed. Pure; who speaks them is not known here.
"""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")

LINES = 64  # six lines in ten voices; each at most some seconds of audio


class LineCache(Generic[T]):
    """Keeps the chunks of spoken lines; the oldest are forgotten beyond ``LINES``."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, str, float], tuple[T, ...]] = {}

    def get(self, text: str, voice: str, speed: float) -> tuple[T, ...] | None:
        """Return the chunks of a line; None if it was not spoken yet."""
        return self._lines.get((text, voice, speed))

    def keep(self, text: str, voice: str, speed: float, chunks: tuple[T, ...]) -> None:
        """Keep a line; no chunks say that it cannot be used."""
        self._lines[text, voice, speed] = chunks
        while len(self._lines) > LINES:
            del self._lines[next(iter(self._lines))]
