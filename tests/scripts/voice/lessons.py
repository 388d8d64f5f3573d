"""Made-up lessons: a buzz with noise, and phones that it does not say."""

from __future__ import annotations

import numpy as np

from scripts.voice.shelf import Packed
from voiceserver.voice.networks.features import HOP
from voiceserver.voice.words.phones import INDEX

SENTENCE = (
    "_",
    "HH",
    "AH0",
    "L",
    "OW1",
    ",",
    "M",
    "AY1",
    "F",
    "R",
    "EH1",
    "N",
    "D",
    ".",
)
PLACES = (0, 1, 2, 2, 3, 0, 1, 3, 1, 2, 2, 2, 3, 0)
LENGTHS = (10, 6, 5, 7, 12, 20, 8, 12, 9, 5, 10, 7, 6, 14)


def packed(hz: float, lessons: int = 6) -> Packed:
    """A speaker with a voice of so many hertz."""
    frames, count = sum(LENGTHS) * lessons, len(SENTENCE)
    t = np.arange(frames * HOP) / 24_000
    rng = np.random.default_rng(int(hz))
    x = 0.1 * np.sign(np.sin(2 * np.pi * hz * t)) + rng.normal(0, 0.01, len(t))
    return Packed(
        np.rint(x * 32767).astype(np.int16),
        np.full(frames, hz, np.float32),
        np.ones(frames, np.float32),
        np.tile([INDEX[s] for s in SENTENCE], lessons),
        np.tile(PLACES, lessons),
        np.tile(LENGTHS, lessons),
        np.full(lessons, count),
    )
