"""The file of a toy engine: a recogniser core that decodes in batches, and a voice.

Both run in real processes, opened by name through the table; see ``test_toy``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voiceserver.audio import MIC_RATE, SPEECH_RATE
from voiceserver.config import Config
from voiceserver.engines.base import Hypothesis, SpeechChunk, SpeechRequest, WordMark
from voiceserver.engines.table import ProcessRow
from voiceserver.errors import EngineFailed

VOICES = ("alloy", "toy")
WORD = SPEECH_RATE // 5  # samples of a spoken word
HOME = "TOY_HOME"  # where its model would be kept


@dataclass(frozen=True, slots=True)
class ToyConfig:
    """``[toy]``: its own settings.

    Attributes:
        batch: Utterances at a time.
        language: What it writes down.
    """

    batch: int = 4
    language: str = "tok"


@dataclass(frozen=True, slots=True)
class ConfigWithToy(Config):
    """The tree of settings with one more table."""

    toy: ToyConfig = ToyConfig()


RECOGNISER = ProcessRow(
    "recogniser",
    "toy",
    "tests.engines.toy.engine:load_recogniser",
    "counts tenths of a second",
    settings="toy",
    extra="toy",
    threads=2,
    environment=(HOME,),
    start_limit_s=90,
)
VOICE = ProcessRow(
    "speech", "toy", "tests.engines.toy.engine:load_voice", "a tone for each word"
)
NOT_INSTALLED = ProcessRow(
    "speech", "absent", "tests.engines.toy.no_such:load", "never there", extra="toy"
)


class ToyRecogniser:
    """Holds the audio of its utterances and decodes all that came at once."""

    def __init__(self, language: str, batch: int) -> None:
        self.language = language
        self.utterances = batch
        self._open: list[ToyUtterance] = []

    def open(self) -> ToyUtterance:
        utterance = ToyUtterance(self)
        self._open.append(utterance)
        return utterance

    def decode(self) -> None:
        """One pass over all utterances that have audio."""
        batch = [each for each in self._open if each.pending]
        lengths = np.array([sum(map(len, each.pending)) for each in batch], int)
        for utterance, n_samples in zip(batch, lengths.tolist(), strict=True):
            utterance.pending.clear()
            utterance.heard += n_samples
            utterance.company = max(utterance.company, len(batch))

    def forget(self, utterance: ToyUtterance) -> None:
        self._open.remove(utterance)


class ToyUtterance:
    """Writes with capitals, figures and punctuation."""

    def __init__(self, core: ToyRecogniser) -> None:
        self.pending: list[NDArray[np.int16]] = []
        self.heard = 0  # samples
        self.company = 0  # most utterances decoded in one pass with it
        self._core = core

    def push(self, pcm: NDArray[np.int16]) -> None:
        self.pending.append(pcm)

    def partial(self) -> Hypothesis:
        self._core.decode()
        tenths = self.heard * 10 // MIC_RATE
        return Hypothesis(f"I heard {tenths} tenths" if tenths else "")

    def finish(self) -> Hypothesis:
        self._core.decode()
        tenths = self.heard * 10 // MIC_RATE
        return Hypothesis(f"I heard {tenths} tenths!" if self.heard else "", True)

    def close(self) -> None:
        self._core.forget(self)


class ToyVoice:
    """Speaks each word as a tone of 200 ms."""

    voices = VOICES

    def speak(self, request: SpeechRequest) -> Iterator[SpeechChunk]:
        if request.voice not in VOICES:
            names = ", ".join(VOICES)
            raise EngineFailed("toy", f"no voice {request.voice!r}; one of: {names}")
        at = 0
        tone = np.sin(np.arange(WORD) * 2 * np.pi * 440 / SPEECH_RATE)
        for number, word in enumerate(request.text.split()):
            start = request.text.index(word, at)
            at = start + len(word)
            mark = WordMark(start, at, number * WORD, (number + 1) * WORD)
            yield SpeechChunk((0.3 * tone).astype(np.float32), (mark,))


def load_recogniser(settings: dict[str, object]) -> ToyRecogniser:
    """Load the recogniser; there is no model to be found.

    Raises:
        EngineFailed: If its variable is not passed on.
    """
    if HOME not in os.environ:
        raise EngineFailed("toy", f"set {HOME} to a folder")
    batch = settings["batch"]
    assert isinstance(batch, int)
    return ToyRecogniser(str(settings["language"]), batch)


def load_voice(settings: dict[str, object]) -> ToyVoice:
    """Load the voice."""
    return ToyVoice()
