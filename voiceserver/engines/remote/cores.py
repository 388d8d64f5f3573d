"""What runs inside an engine's process: two plain synchronous protocols.

A core knows no sockets, no event loop and no other job. It is named by a dotted path
to its factory, so that tests may run a made-up one in a real process. A factory is
called once, may be slow, and raises ``EngineFailed`` with what to do about it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from voiceserver.engines.base import Hypothesis, SpeechChunk, SpeechRequest


class Decoder(Protocol):
    """A recogniser core: one utterance at a time."""

    def start(self) -> None:
        """Begin an utterance; an unfinished one is abandoned."""

    def push(self, pcm: NDArray[np.int16]) -> None:
        """Decode audio, 16 kHz; at most some 100 ms of it a call."""

    def partial(self) -> Hypothesis:
        """What it believes so far."""

    def finish(self) -> Hypothesis:
        """End the utterance; ``start`` may then be called again."""


class LoadDecoder(Protocol):
    """Factory of a recogniser core."""

    def __call__(self, settings: dict[str, object]) -> Decoder:
        """Load the model and decode something, so that the first caller is served."""


class Voice(Protocol):
    """A speech core: its phrases may overlap, a step of each in turn."""

    @property
    def voices(self) -> tuple[str, ...]:
        """Names that a request may take."""

    def speak(self, request: SpeechRequest) -> Iterator[SpeechChunk]:
        """Return an iterator of the phrase's audio, 24 kHz.

        A step takes some milliseconds. Closing the iterator stops the work.
        """


class LoadVoice(Protocol):
    """Factory of a speech core."""

    def __call__(self, settings: dict[str, object]) -> Voice:
        """Load the model and speak something, so that the first caller is served."""
