"""WebRTC's audio processing, as browsers have it: echo and noise taken out of a sound.

For microphones that hear a loudspeaker: kiosks and speakerphones. Browsers have done
the same before we hear anything, and a telephone's network or handset mostly. Given
what was played at the same time it finds the delay by itself (AEC3; tried up to 0.35
s), and needs the first second of it. Knows no turn and no reply.

A call's 40 ms take 0.3 to 0.7 ms here, so they are cleaned where they are heard.
"""

from __future__ import annotations

import importlib.util

import numpy as np

from voiceserver.audio import MIC_RATE, Samples
from voiceserver.engines.acoustic.echo_cancelling import EchoCanceller, EchoCancelling
from voiceserver.errors import NotInstalled

EXTRA = "apm"
# Of 0 to 3, as browsers have it: 12 dB. Noise is what is left of an echo, too.
NOISE_LEVEL = 1


class Apm:
    """An ``EchoCancelling``.

    Raises:
        NotInstalled: Without the extra ``apm``.
    """

    name = "apm"

    def __init__(self) -> None:
        try:
            import pywebrtc_audio
        except ImportError as error:
            raise NotInstalled(self.name, error, EXTRA) from None
        self._make = pywebrtc_audio.AudioProcessor

    def open(self) -> EchoCanceller:
        """Begin a call."""
        return _Canceller(
            self._make(
                sample_rate=MIC_RATE,
                echo_cancellation=True,
                noise_suppression=True,
                ns_level=NOISE_LEVEL,
            )
        )


class _Canceller:
    """An ``EchoCanceller``."""

    def __init__(self, processor: object) -> None:
        self._process = processor.process  # type: ignore[attr-defined]

    def clean(self, heard: Samples, played: Samples) -> Samples:
        """What is heard, without what is played."""
        cleaned: Samples = self._process(
            np.ascontiguousarray(heard), np.ascontiguousarray(played)
        )
        return cleaned


def echo_cancelling(choice: str) -> EchoCancelling | None:
    """The engine; None for going without.

    Args:
        choice: ``"apm"``, ``"none"``, or ``"auto"`` for whichever is installed.

    Raises:
        NotInstalled: If it is asked for by name and is not there.
    """
    there = importlib.util.find_spec("pywebrtc_audio") is not None
    if choice == "none" or (choice == "auto" and not there):
        return None
    return Apm()
