"""Made-up cores that run in real child processes: tones for words, words for sound."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from voiceserver.engines.base import Hypothesis, SpeechChunk, SpeechRequest, WordMark
from voiceserver.errors import EngineFailed

WORD = 4800  # samples of a word at 24 kHz
CHUNK = 2400
HEARD = 3200  # samples at 16 kHz that make a word


class ToneVoice:
    """200 ms of constant level for each word; some words do something else."""

    voices = ("alloy", "tone")

    def speak(self, request: SpeechRequest) -> Iterator[SpeechChunk]:
        if request.voice not in self.voices:
            raise EngineFailed(
                "fake", f"no voice {request.voice!r}; one of alloy, tone"
            )
        return self._words(request.text, CHUNK if request.paced else WORD)

    def _words(self, text: str, chunk: int) -> Iterator[SpeechChunk]:
        at = 0
        for index, word in enumerate(text.split()):
            start = text.index(word, at)
            at = start + len(word)
            _misbehave(word)
            pts = index * WORD
            mark = WordMark(start, at, pts, pts + WORD)
            marks: tuple[WordMark, ...] = (mark,)
            for _ in range(0, WORD, chunk):
                yield SpeechChunk(np.full(chunk, 0.1, np.float32), marks)
                marks = ()


def _misbehave(word: str) -> None:
    if word == "die":
        os._exit(3)
    if word == "raise":
        raise ZeroDivisionError("secret words")
    if word == "refuse":
        raise EngineFailed("fake", "this word is refused")
    if word == "slow":
        time.sleep(0.05)
    if word == "hang":
        time.sleep(60)


class CountingRecogniser:
    """Hears a word in every 200 ms, named by their number; -32768 kills it."""

    language = "en"

    def __init__(self, slow_s: float = 0.0, utterances: int = 1) -> None:
        self.utterances = utterances
        self.open_utterances = 0
        self._slow_s = slow_s

    def open(self) -> CountingUtterance:
        self.open_utterances += 1
        return CountingUtterance(self, self._slow_s)


class CountingUtterance:
    """Knows how much it heard."""

    def __init__(self, core: CountingRecogniser, slow_s: float) -> None:
        self._core = core
        self._n_samples = 0
        self._slow_s = slow_s

    def push(self, pcm: NDArray[np.int16]) -> None:
        time.sleep(self._slow_s)
        if len(pcm) and int(pcm[0]) == -32768:
            os._exit(3)
        self._n_samples += len(pcm)

    def partial(self) -> Hypothesis:
        words = [f"w{index}" for index in range(self._n_samples // HEARD)]
        return Hypothesis(" ".join(words))

    def finish(self) -> Hypothesis:
        text = f"{self._n_samples} samples"
        return Hypothesis(text, True, True, words=text)

    def close(self) -> None:
        self._core.open_utterances -= 1


class TellingRecogniser(CountingRecogniser):
    """The same, but what it hears meanwhile is its process id."""

    def open(self) -> CountingUtterance:
        self.open_utterances += 1
        return TellingUtterance(self, self._slow_s)


class TellingUtterance(CountingUtterance):
    """Tells who hears it."""

    def partial(self) -> Hypothesis:
        return Hypothesis(str(os.getpid()))


def load_telling(settings: dict[str, object]) -> CountingRecogniser:
    return TellingRecogniser(utterances=4)


def load_voice(settings: dict[str, object]) -> ToneVoice:
    return ToneVoice()


def load_recogniser(settings: dict[str, object]) -> CountingRecogniser:
    slow_s, utterances = settings.get("slow_s", 0.0), settings.get("utterances", 1)
    assert isinstance(slow_s, float) and isinstance(utterances, int)
    return CountingRecogniser(slow_s, utterances)


def load_nothing(settings: dict[str, object]) -> ToneVoice:
    """Fails as a core that misses its model."""
    raise EngineFailed("fake", "the model is missing; install it")


def load_and_measure(settings: dict[str, object]) -> ToneVoice:
    """Says what it was given instead of starting."""
    grammar = str(settings["grammar"])
    raise EngineFailed("fake", f"{len(grammar)} characters, {sorted(set(grammar))}")


def load_and_die(settings: dict[str, object]) -> ToneVoice:
    """Fails as a core whose library crashes."""
    logging.getLogger("fake").warning("the library is about to crash")
    os._exit(7)


class LevelEnds:
    """The mean level is the probability that a turn has ended."""

    def probability(self, pcm: NDArray[np.int16]) -> float:
        return float(pcm.mean()) / 32768


def load_ends(settings: dict[str, object]) -> LevelEnds:
    """Factory of the above."""
    return LevelEnds()
