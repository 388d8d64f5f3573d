"""What runs inside an engine's process: three plain synchronous protocols.

A core knows no sockets, no event loop and no other job. It is named by a dotted path
to its factory, so that tests may run a made-up one in a real process. A factory is
called once, may be slow, and raises ``EngineFailed`` with what to do about it.
``steps`` and ``turn_ends_child`` call them; ``recogniser``, ``synthesizer`` and
``turn_ends`` are the other ends of their pipes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from voiceserver.engines.base import Hypothesis, SpeechChunk, SpeechRequest


class CoreUtterance(Protocol):
    """One utterance in a recogniser core; calls of several come in turn."""

    def push(self, pcm: NDArray[np.int16]) -> None:
        """Take audio, 16 kHz; at most some 100 ms of it a call.

        A core that decodes many at a time may keep it until words are asked for.
        """

    def partial(self) -> Hypothesis:
        """What it believes so far; asked when all audio that came was pushed."""

    def finish(self) -> Hypothesis:
        """No more audio comes: what was said. Only ``close`` is called after it."""

    def close(self) -> None:
        """Give up what is held; called once, at the end or at any moment before."""


class RecogniserCore(Protocol):
    """A recogniser core: some utterances at a time."""

    @property
    def language(self) -> str:
        """What it writes down, as BCP 47 has it: ``"en"``."""

    @property
    def utterances(self) -> int:
        """How many may be open at once, at least 1."""

    def open(self) -> CoreUtterance:
        """Begin an utterance."""


class LoadRecogniser(Protocol):
    """Factory of a recogniser core."""

    def __call__(self, settings: dict[str, object]) -> RecogniserCore:
        """Load the model; it is warmed up with noise before the first caller comes.

        Args:
            settings: ``"model"``, ``"grammar"`` (JSGF of what will be asked, or ""),
                ``"language"`` and ``"words"`` of ``[recogniser]``, and the engine's
                own settings. A core takes what it knows of them.
        """


class SpeechCore(Protocol):
    """A speech core: its phrases may overlap, a step of each in turn."""

    @property
    def voices(self) -> tuple[str, ...]:
        """Names that a request may take."""

    def speak(self, request: SpeechRequest) -> Iterator[SpeechChunk]:
        """Return an iterator of the phrase's audio, 24 kHz.

        A step takes some milliseconds. Closing the iterator stops the work.
        """


class LoadSpeech(Protocol):
    """Factory of a speech core."""

    def __call__(self, settings: dict[str, object]) -> SpeechCore:
        """Load the model and speak something, so that the first caller is served.

        Args:
            settings: ``"model"`` of ``[speech]``, and the engine's own settings.
        """


class TurnEndCore(Protocol):
    """A turn-end core: one pause at a time."""

    def probability(self, pcm: NDArray[np.int16]) -> float:
        """Return the probability that a turn has ended; some tens of milliseconds.

        Args:
            pcm: The turn's audio so far, 16 kHz, its pause included.
        """


class LoadTurnEnds(Protocol):
    """Factory of a turn-end core."""

    def __call__(self, settings: dict[str, object]) -> TurnEndCore:
        """Load the model and run it once."""
