"""Playout. (Interface first; body follows.)"""

from __future__ import annotations

from voiceserver.audio import AudioFrame


class Playout:
    """Holds the reply's audio until the carrier pulls it."""

    def next_frame(self) -> AudioFrame:
        """Return the next 20 ms (480 samples at 24 kHz); silence if there is none.

        The carrier calls it once per 20 ms. ``frame.turn`` is 0 for silence.
        """
        raise NotImplementedError
