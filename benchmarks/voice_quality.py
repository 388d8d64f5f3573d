"""How good the neural voice is, beside the recordings it learnt from and other voices.

    python -m benchmarks.voice_quality FEATURES [--count 100]

Needs the packages of the ``train`` extra. Judged on texts that were never trained on:

- *words*: error rate of pocketsphinx with a closed language model (bigrams of these
  very texts), with the difference to the human recordings and its 95 % interval by
  paired bootstrap over sentences;
- *copy*: the vocoder alone, from the features of the recording: PESQ-WB and STOI;
- *DNSMOS P.808* at equal level, to be compared within this run only;
- spread of F0 (semitones between the quartiles) and variance of mel bands over time,
  as ratios to the recordings: below 1 is flat and muffled.

Each of the three speakers reads; the recordings are one speaker's, so the spread of F0
is to be near 1 for ``kathleen`` alone. Beside them: copies by WORLD, eSpeak NG, and
flite's slt where it is installed.
"""

from __future__ import annotations

import argparse
import collections
import math
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pocketsphinx
import pyworld
import soundfile
import torch
from numpy.typing import NDArray
from speechmos import dnsmos

from benchmarks.figures import RESULTS, write
from benchmarks.processes import machine
from scripts.voice.copies import copy_synthesis
from scripts.voice.corpus import plain_text
from scripts.voice.features import Utterance, load_utterances
from scripts.voice.pitch import track_pitch
from scripts.voice.scores import copy_scores
from scripts.voice.train_letters import edit_distance
from voiceserver.audio import MIC_RATE, SPEECH_RATE, Samples, resample, to_int16
from voiceserver.engines.base import SpeechRequest
from voiceserver.engines.neural import NeuralVoice, find_models
from voiceserver.voice.networks.features import log_mel
from voiceserver.voice.speaker import load_voice
from voiceserver.voice.text.normalise import normalise

LEVEL = 0.05  # root mean square that everything is brought to before it is judged
BOOTSTRAPS = 2000
AIMS = {
    "words_difference": 0.05,
    "words_difference_upper": 0.08,
    "copy_pesq": 2.9,
    "copy_stoi": 0.965,
    "copy_p808_difference": -0.25,
    "said_p808_difference": -0.3,
    "said_f0_spread_ratio": (0.85, 1.15),
}
# Rows of the result that are read from text: the speakers as learnt, the first one the
# voice that clients get who name none.
SAID = {"said": "alloy", "said_ash": "ash", "said_kathleen": "kathleen"}

Speak = Callable[[Utterance], Samples]


def words_of(text: str) -> list[str]:
    """The words of a text as they are spoken."""
    return list(normalise(text).words)


def arpa(sentences: Iterable[list[str]]) -> str:
    """A bigram model of sentences, absolute discounting, in ARPA form."""
    ones: collections.Counter[str] = collections.Counter()
    twos: collections.Counter[tuple[str, str]] = collections.Counter()
    for words in sentences:
        line = ["<s>", *words, "</s>"]
        ones.update(line)
        twos.update(pairwise(line))
    total = sum(ones.values()) - ones["<s>"]
    followers = collections.Counter(first for first, _ in twos)
    discount = 0.5
    rows = [
        "\\data\\",
        f"ngram 1={len(ones)}",
        f"ngram 2={len(twos)}",
        "",
        "\\1-grams:",
    ]
    for word, count in sorted(ones.items()):
        own = -99.0 if word == "<s>" else math.log10(count / total)
        left = discount * followers[word] / count if followers[word] else 1.0
        rows.append(f"{own:.4f} {word} {math.log10(left):.4f}")
    rows += ["", "\\2-grams:"]
    for (first, second), count in sorted(twos.items()):
        rows.append(
            f"{math.log10((count - discount) / ones[first]):.4f} {first} {second}"
        )
    return "\n".join([*rows, "", "\\end\\", ""])


class Ear:
    """Pocketsphinx that knows the sentences it may hear.

    Args:
        sentences: Words of every text.
    """

    def __init__(self, sentences: list[list[str]]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "closed.lm"
            path.write_text(arpa(sentences))
            self._decoder = pocketsphinx.Decoder(
                lm=str(path), samprate=MIC_RATE, loglevel="FATAL"
            )

    def knows(self, words: list[str]) -> bool:
        """Whether every word is in the dictionary."""
        return all(self._decoder.lookup_word(word) for word in words)

    def errors(self, samples: Samples, words: list[str]) -> int:
        """Words inserted, lost or replaced."""
        x = np.pad(resample(samples, SPEECH_RATE, MIC_RATE), (4800, 4800))
        # Digital silence upsets its noise estimate.
        x = x + np.random.default_rng(0).normal(0, 1e-4, len(x)).astype(np.float32)
        self._decoder.start_utt()
        self._decoder.process_raw(to_int16(x).tobytes(), full_utt=True)
        self._decoder.end_utt()
        hypothesis = self._decoder.hyp()
        heard = hypothesis.hypstr.split() if hypothesis else []
        return int(edit_distance(heard, words))


@dataclass(frozen=True, slots=True)
class Judged:
    """One sentence in one voice.

    Attributes:
        errors: Of the ear.
        p808: DNSMOS of the listener panel kind.
        log_f0: Semitones of voiced frames.
        variance: Of each mel band over the sentence's louder half, ``(N_MELS,)``.
    """

    errors: int
    p808: float
    log_f0: NDArray[np.float64]
    variance: NDArray[np.float64]


def levelled(samples: Samples) -> Samples:
    """At the level that everything is judged at."""
    rms = float(np.sqrt(np.mean(samples.astype(np.float64) ** 2)))
    scaled = samples * np.float32(LEVEL / max(rms, 1e-6))
    return np.asarray(np.clip(scaled, -1, 1), np.float32)


def judge(ear: Ear, samples: Samples, words: list[str]) -> Judged:
    """All measures of one sentence."""
    x = levelled(samples)
    mel = log_mel(torch.from_numpy(x)).numpy()
    loud = mel.mean(0) > np.median(mel.mean(0))
    pitch = track_pitch(x, thorough=False)
    return Judged(
        ear.errors(x, words),
        float(dnsmos.run(resample(x, SPEECH_RATE, 16_000), 16_000)["p808_mos"]),
        np.log2(pitch.f0_hz[pitch.voicing > 0.5]).astype(np.float64) * 12,
        mel[:, loud].var(1).astype(np.float64),
    )


def difference(
    ours: list[Judged], real: list[Judged], counts: list[int]
) -> dict[str, float]:
    """Difference of word error rates, with its 95 % interval."""
    a, b, n = (
        np.array(v, np.float64)
        for v in ([j.errors for j in ours], [j.errors for j in real], counts)
    )
    rng = np.random.default_rng(0)
    picks = rng.integers(0, len(n), (BOOTSTRAPS, len(n)))
    found = (a - b)[picks].sum(1) / n[picks].sum(1)
    low, high = np.percentile(found, [2.5, 97.5])
    middle = float((a - b).sum() / n.sum())
    return {
        "mean": round(middle, 4),
        "low": round(float(low), 4),
        "high": round(float(high), 4),
    }


def row(ours: list[Judged], real: list[Judged], counts: list[int]) -> dict[str, Any]:
    """Figures of a voice beside the recordings."""
    # Between quartiles: a creak that is taken for half its pitch must not count.
    quartiles = [
        np.percentile(np.concatenate([j.log_f0 for j in v]), [25, 75])
        for v in (ours, real)
    ]
    spread, human = (high - low for low, high in quartiles)
    variance, natural = (np.mean([j.variance for j in v], 0) for v in (ours, real))
    p808 = float(np.mean([j.p808 for j in ours]))
    return {
        "words": round(sum(j.errors for j in ours) / sum(counts), 4),
        "words_difference": difference(ours, real, counts),
        "p808": round(p808, 3),
        "p808_difference": round(p808 - float(np.mean([j.p808 for j in real])), 3),
        "f0_spread_ratio": round(float(spread / human), 3),
        "variance_ratio": round(float(np.median(variance / natural)), 3),
    }


def world(u: Utterance) -> Samples:
    """Copy synthesis by WORLD."""
    x = real(u).astype(np.float64)
    f0, at = pyworld.harvest(x, SPEECH_RATE)
    envelope = pyworld.cheaptrick(x, f0, at, SPEECH_RATE)
    aperiodicity = pyworld.d4c(x, f0, at, SPEECH_RATE)
    made = pyworld.synthesize(f0, envelope, aperiodicity, SPEECH_RATE)
    return np.pad(made, (0, len(x)))[: len(x)].astype(np.float32)


def real(u: Utterance) -> Samples:
    """The recording."""
    return u.wave(0, u.frames).numpy()


def flite(u: Utterance) -> Samples:
    """Flite's slt."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        command = ["flite", "-voice", "slt", "-t", u.text, "-o", file.name]
        subprocess.run(command, check=True, capture_output=True)
        samples, rate = soundfile.read(file.name, dtype="float32")
    return resample(samples, rate, SPEECH_RATE)


def espeak() -> Speak:
    """eSpeak NG."""
    from voiceserver.engines.espeak.voice import load

    voice = load({})
    return lambda u: _joined([c.samples for c in voice.speak(SpeechRequest(u.text))])


def _joined(parts: list[Samples]) -> Samples:
    return np.concatenate([np.zeros(1, np.float32), *parts])


def _said(voice: NeuralVoice, name: str) -> Speak:
    def speak(u: Utterance) -> Samples:
        request = SpeechRequest(u.text, name, paced=False)
        return _joined([c.samples for c in voice.speak(request)])

    return speak


def texts(features: Path, count: int, ear_of: Callable[[list[list[str]]], Ear]) -> Any:
    """One kept-back recording of each text, and the ear that knows them."""
    first: dict[str, Utterance] = {}
    for u in load_utterances(features, validation=True):
        first.setdefault(plain_text(u.text), u)
    chosen = list(first.values())[:count]
    ear = ear_of([words_of(u.text) for u in chosen])
    return [u for u in chosen if ear.knows(words_of(u.text))], ear


def main() -> int:
    """Measure and write ``voice_quality.json``."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("features", type=Path)
    parser.add_argument("--models", type=Path, default=None)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--only", nargs="*", default=None, help="voices to judge")
    parser.add_argument("--out", type=Path, default=RESULTS / "voice_quality.json")
    a = parser.parse_args()
    torch.set_num_threads(1)
    inner = load_voice(a.models or find_models(""))
    voice = NeuralVoice(inner)
    chosen, ear = texts(a.features, a.count, Ear)
    counts = [len(words_of(u.text)) for u in chosen]
    voices: dict[str, Speak] = {
        "real": real,
        "copy": lambda u: copy_synthesis(inner.net, u).numpy(),
        **{row: _said(voice, name) for row, name in SAID.items()},
        "world": world,
        "espeak": espeak(),
    }
    if shutil.which("flite"):
        voices["flite"] = flite
    wanted = ["real", *(a.only or voices)]
    judged: dict[str, list[Judged]] = {}
    copied: dict[str, list[dict[str, float]]] = collections.defaultdict(list)
    for name in dict.fromkeys(wanted):
        judged[name] = []
        for i, u in enumerate(chosen):
            samples = voices[name](u)
            judged[name].append(judge(ear, samples, words_of(u.text)))
            if name in ("copy", "world"):
                copied[name].append(copy_scores(real(u), samples))
            print(f"\r{name}: {i + 1} of {len(chosen)} ", end="", flush=True)
        print(row(judged[name], judged["real"], counts), flush=True)
    result: dict[str, Any] = {
        "machine": machine(),
        "sentences": len(chosen),
        "words": sum(counts),
        "aims": AIMS,
        "voices": {n: row(j, judged["real"], counts) for n, j in judged.items()},
    }
    for name, scores in copied.items():
        means = {k: round(float(np.mean([s[k] for s in scores])), 3) for k in scores[0]}
        result["voices"][name] |= means
    write(a.out, result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
