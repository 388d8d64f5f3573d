"""Lines that were spoken beforehand: fillers and what is said when all else fails.

A bounded cache by voice and speed, and by text within. Pure; who speaks the lines, and
which there are, is not known here.
"""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")

# Voices at a speed whose lines are kept: the thirteen that there are, and others at
# another speed. Six lines of one are about 1 MB.
VOICES = 32


class LineCache(Generic[T]):
    """Keeps the chunks of spoken lines, all lines of a voice or none.

    Beyond ``VOICES`` the voice that was asked for the longest ago is forgotten: every
    phrase of a call asks, so that a call in progress keeps its lines.
    """

    def __init__(self) -> None:
        # By voice and speed, the one that was asked for last at the end.
        self._voices: dict[tuple[str, float], dict[str, tuple[T, ...]]] = {}

    def get(self, text: str, voice: str, speed: float) -> tuple[T, ...] | None:
        """Return the chunks of a line; None if it was not spoken yet."""
        lines = self._voices.pop((voice, speed), None)
        if lines is None:
            return None
        self._voices[voice, speed] = lines
        return lines.get(text)

    def keep(self, text: str, voice: str, speed: float, chunks: tuple[T, ...]) -> None:
        """Keep a line; no chunks say that it cannot be used."""
        lines = self._voices.pop((voice, speed), {})
        self._voices[voice, speed] = lines
        lines[text] = chunks
        while len(self._voices) > VOICES:
            del self._voices[next(iter(self._voices))]
