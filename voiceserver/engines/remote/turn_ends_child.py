"""Turn-end jobs inside an engine's process: audio in, one probability out."""

from __future__ import annotations

from typing import cast

import numpy as np

from voiceserver.audio import MIC_RATE
from voiceserver.engines.remote.cores import TurnEndCore
from voiceserver.errors import EngineFailed
from voiceserver.processes.ipc import Kind, Meta

LONGEST = 30 * MIC_RATE * 2  # bytes; nobody has a reason to send more


class TurnEndJobs:
    """The turn-end engine of a child.

    Args:
        core: A ``TurnEndCore``.
    """

    def __init__(self, core: object) -> None:
        self._core = cast(TurnEndCore, core)

    @property
    def about(self) -> Meta:
        """Nothing beside that it is there."""
        return {}

    @property
    def gather_s(self) -> float:
        """A pause is scored alone."""
        return 0.0

    def open(self, meta: Meta) -> TurnEndJob:
        """Begin a pause; its audio is pushed."""
        return TurnEndJob(self._core)


class TurnEndJob:
    """One pause being scored."""

    def __init__(self, core: TurnEndCore) -> None:
        self._core = core
        self._audio = bytearray()
        self._whole = False

    @property
    def urgency(self) -> float | None:
        """All alike, once their audio is there."""
        return 0.0 if self._whole else None

    def push(self, body: bytes) -> None:
        """Take audio, 16 kHz int16; of too much the newest."""
        self._audio += body
        del self._audio[:-LONGEST]

    def note(self, meta: Meta) -> None:
        """There is nothing to be told."""

    def finish(self) -> None:
        """The audio is complete."""
        self._whole = True

    def credit(self, items: int) -> None:
        """Only the end comes."""

    def step(self) -> tuple[Kind, Meta, bytes]:
        """Score it."""
        pcm = np.frombuffer(self._audio, "<i2")
        probability = self._core.probability(pcm)
        if not 0 <= probability <= 1:
            raise EngineFailed("turn end", f"gave {probability} as a probability")
        return Kind.END, {"probability": probability}, b""

    def close(self) -> None:
        """A step cannot be stopped; it is short."""
