"""What takes the echo of a call's own voice out of what it hears: the protocol."""

from __future__ import annotations

from typing import Protocol

from voiceserver.audio import Samples


class EchoCanceller(Protocol):
    """Takes the echo of what one call plays out of what it hears."""

    def clean(self, heard: Samples, played: Samples) -> Samples:
        """Return what is heard without it; of the same length.

        Args:
            heard: 16 kHz, in whole hundredths of a second, each after the one before.
            played: What was sent to the loudspeaker at that time, as long; its echo
                comes later.
        """


class EchoCancelling(Protocol):
    """Makes an ``EchoCanceller`` for each call that wants one."""

    @property
    def name(self) -> str:
        """Name in ``[engines]``."""

    def open(self) -> EchoCanceller:
        """Begin a call."""
