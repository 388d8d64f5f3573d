"""Judge the voice: ``python -m scripts.voice.judge MODELS CACHE OUT``.

On kept-back sentences: copy synthesis against the recordings (PESQ, STOI, spectra),
and speech from text (word errors of a fixed recogniser beside those of the human
recordings, spread of F0, speed). Writes one JSON file and the WAVs. Recognition uses
pocketsphinx with its own language model: only differences mean anything.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from pocketsphinx import Decoder

from scripts.voice.copies import copy_synthesis, score
from scripts.voice.corpus import plain_text
from scripts.voice.features import Utterance, load_utterances
from scripts.voice.pitch import track_pitch
from scripts.voice.train_letters import edit_distance
from voiceserver.audio import MIC_RATE, resample, to_int16
from voiceserver.voice.networks.features import SAMPLE_RATE
from voiceserver.voice.plan import Manner
from voiceserver.voice.speaker import Voice, load_voice
from voiceserver.voice.text.normalise import normalise

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Heard:
    """What the recogniser made of one sentence.

    Attributes:
        wrong: Words inserted, lost or replaced.
        total: Words of the text.
    """

    wrong: int
    total: int


class Recogniser:
    """The fixed ear: pocketsphinx with its default models."""

    def __init__(self) -> None:
        self.decoder = Decoder(samprate=MIC_RATE, loglevel="FATAL")

    def words(self, samples: Floats) -> list[str]:
        """Words heard in 24 kHz speech."""
        x = np.pad(resample(samples, SAMPLE_RATE, MIC_RATE), (4800, 4800))
        # Digital silence upsets its noise estimate.
        x = x + np.random.default_rng(0).normal(0, 1e-4, len(x)).astype(np.float32)
        pcm = to_int16(x).tobytes()
        self.decoder.start_utt()
        self.decoder.process_raw(pcm, full_utt=True)
        self.decoder.end_utt()
        hypothesis = self.decoder.hyp()
        return plain_text(hypothesis.hypstr).split() if hypothesis else []


def hear(ear: Recogniser, text: str, samples: Floats) -> Heard:
    """Count the recogniser's word errors on one sentence."""
    wanted = list(normalise(text).words)
    return Heard(edit_distance(ear.words(samples), wanted), len(wanted))


def word_error_rate(heard: list[Heard]) -> float:
    """Errors over words, all sentences together."""
    return sum(h.wrong for h in heard) / max(1, sum(h.total for h in heard))


def pitch_spread(waves: list[Floats]) -> float:
    """Standard deviation of log F0 over voiced frames, in semitones."""
    logs = []
    for wave in waves:
        pitch = track_pitch(wave, thorough=False)
        logs.append(np.log2(pitch.f0_hz[pitch.voicing > 0.5]) * 12)
    return float(np.concatenate(logs).std())


def one_reading_a_text(utterances: list[Utterance], count: int) -> list[Utterance]:
    """The first recording of each of the first ``count`` texts."""
    texts: dict[str, Utterance] = {}
    for u in utterances:
        texts.setdefault(plain_text(u.text), u)
    return list(texts.values())[:count]


def judge(voice: Voice, utterances: list[Utterance], out: Path) -> dict[str, float]:
    """All figures of a voice; writes ``N_said``, ``N_copy`` and ``N_real`` WAVs."""
    ear = Recogniser()
    heard: dict[str, list[Heard]] = {"real": [], "copy": [], "said": []}
    waves: dict[str, list[Floats]] = {"real": [], "said": []}
    spent = spoken = 0.0
    for i, u in enumerate(utterances):
        real = u.wave(0, u.frames).numpy()
        copy = copy_synthesis(voice.net, u).numpy()
        start = time.process_time()
        said = voice.speak_all(u.text, Manner(seed=1))
        took = time.process_time() - start
        spent, spoken = spent + took, spoken + len(said) / SAMPLE_RATE
        waves["real"].append(real)
        waves["said"].append(said)
        for kind, wave in (("real", real), ("copy", copy), ("said", said)):
            heard[kind].append(hear(ear, u.text, wave))
            if i < 10:
                soundfile.write(out / f"{i}_{kind}.wav", wave, SAMPLE_RATE)
    figures = {f"wer_{kind}": word_error_rate(h) for kind, h in heard.items()}
    copies = score(voice.net, utterances[:20])
    figures |= {f"copy_{name}": value for name, value in copies.items()}
    lengths = {k: sum(map(len, w)) for k, w in waves.items()}
    return figures | {
        "sentences": len(utterances),
        "rtf_cpu": spent / spoken,
        "f0_spread_semitones_real": pitch_spread(waves["real"]),
        "f0_spread_semitones_said": pitch_spread(waves["said"]),
        "length_ratio": lengths["said"] / lengths["real"],
    }


def main() -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", type=Path)
    parser.add_argument("cache", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=40)
    a = parser.parse_args()
    torch.set_num_threads(1)
    a.out.mkdir(parents=True, exist_ok=True)
    kept = one_reading_a_text(load_utterances(a.cache, validation=True), a.count)
    figures = judge(load_voice(a.models), kept, a.out)
    rounded = {k: round(v, 4) for k, v in figures.items()}
    (a.out / "figures.json").write_text(json.dumps(rounded, indent=1) + "\n")
    print(json.dumps(rounded, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
