"""Where the neural voice differs from the person it learnt from.

    python -m benchmarks.voice_likeness FEATURES [--models FOLDER] [--count 40]

The voice judged is the reader's own, ``kathleen`` (`--voice`); synthetic speakers have
no recordings to be compared with.

On texts that were never trained on, aligned by dynamic time warping:

- *distance*: mel-cepstral distortion, error of F0 about its mean and difference in
  length, beside what the reader differs from herself where she read a text twice;
- *modulation*: energy of the mel bands' movement by its frequency, as a ratio;
- *telling apart*: how well a linear classifier tells ours from hers by patches of mel
  (area under the curve; 0.5 is by chance), and which bands it looks at;
- spectrograms of five sentences: hers, ours, the default voice's, and where it is
  installed hibari-tts's.

Nothing here is a goal in itself: it shows what to work on.
"""

from __future__ import annotations

import argparse
import collections
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks import plots
from benchmarks.figures import RESULTS, write
from benchmarks.processes import machine
from scripts.voice.corpus import plain_text
from scripts.voice.features import Utterance, load_utterances
from scripts.voice.pitch import track_pitch
from voiceserver.engines.base import SpeechRequest
from voiceserver.engines.neural import NeuralVoice, find_models
from voiceserver.voice.networks.features import HOP, N_MELS, SAMPLE_RATE, log_mel
from voiceserver.voice.speaker import load_voice

Floats = NDArray[np.float32]

CEPSTRA = 13
SHOWN = 5
FRAME_RATE = SAMPLE_RATE / HOP
BANDS_HZ = ((1, 2), (2, 4), (4, 8), (8, 16), (16, 32))  # of modulation
PATCH = 8  # frames whose means and changes the classifier sees
FOLDS = 5
TOP_HZ = 12_000
LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class Take:
    """One reading of a text.

    Attributes:
        samples: At equal level, silence at both ends cut.
        mel: ``(N_MELS, frames)``.
        semitones: Of F0, ``(frames,)``; NaN where unvoiced.
    """

    samples: Floats
    mel: Floats
    semitones: Floats


def take(samples: Floats) -> Take:
    """Measure a reading."""
    rms = float(np.sqrt(np.mean(samples.astype(np.float64) ** 2)))
    x = samples * np.float32(LEVEL / max(rms, 1e-6))
    mel = log_mel(torch.from_numpy(x)).numpy()
    loud = np.flatnonzero(mel.mean(0) > mel.mean(0).max() - 5)
    first, last = int(loud[0]), int(loud[-1]) + 1
    x = x[first * HOP : last * HOP]
    pitch = track_pitch(x, thorough=False)
    semitones = np.where(pitch.voicing > 0.5, 12 * np.log2(pitch.f0_hz), np.nan)
    frames = min(last - first, len(semitones))
    return Take(
        x,
        mel[:, first : first + frames].astype(np.float32),
        semitones[:frames].astype(np.float32),
    )


def cepstra(mel: Floats) -> NDArray[np.float64]:
    """Cosine transform of log mel without its mean, ``(frames, CEPSTRA)``."""
    k = np.arange(1, CEPSTRA + 1)[:, None] * (np.arange(N_MELS) + 0.5) / N_MELS
    basis = 2 / N_MELS * np.cos(np.pi * k)  # as of a cepstrum of the log spectrum
    return np.asarray((basis @ mel.astype(np.float64)).T)


def warped(a: NDArray[np.float64], b: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Pairs of frames along the cheapest path through both."""
    cost = np.sqrt(((a[:, None] - b[None]) ** 2).sum(2))
    total = np.full((len(a) + 1, len(b) + 1), np.inf)
    total[0, 0] = 0
    for i in range(1, len(a) + 1):
        row = total[i - 1]
        for j in range(1, len(b) + 1):
            least = min(row[j], row[j - 1], total[i, j - 1])
            total[i, j] = cost[i - 1, j - 1] + least
    path, i, j = [], len(a), len(b)
    while i and j:
        path.append((i - 1, j - 1))
        ways = (total[i - 1, j - 1], total[i - 1, j], total[i, j - 1])
        step = int(np.argmin(ways))
        i, j = i - (step != 2), j - (step != 1)
    return path[::-1]


def distance(one: Take, two: Take) -> dict[str, float]:
    """How far two readings of a text are from each other."""
    a, b = cepstra(one.mel), cepstra(two.mel)
    path = np.array(warped(a, b))
    apart = np.sqrt(2 * ((a[path[:, 0]] - b[path[:, 1]]) ** 2).sum(1))
    pitch = (
        one.semitones[path[:, 0]]
        - np.nanmean(one.semitones)
        - two.semitones[path[:, 1]]
        + np.nanmean(two.semitones)
    )
    return {
        "mcd_db": float(10 / np.log(10) * apart.mean()),
        "f0_error_semitones": float(np.sqrt(np.nanmean(pitch**2))),
        "length_error": abs(float(np.log(len(a) / len(b)))),
    }


def modulation(takes: list[Take]) -> NDArray[np.float64]:
    """Energy of the bands' movement in each of ``BANDS_HZ``."""
    energies = []
    for one in takes:
        moved = one.mel - one.mel.mean(1, keepdims=True)
        power = np.abs(np.fft.rfft(moved * np.hanning(moved.shape[1]))) ** 2
        at = np.fft.rfftfreq(moved.shape[1], 1 / FRAME_RATE)
        total = power.mean(0) / moved.shape[1]
        energies.append(
            [total[(at >= low) & (at < high)].mean() for low, high in BANDS_HZ]
        )
    return np.asarray(np.mean(energies, 0))


def patches(one: Take) -> Floats:
    """Means and mean changes of bands over runs of frames, ``(n, 2 * N_MELS)``."""
    mel = one.mel - one.mel.mean()
    count = mel.shape[1] // PATCH
    runs = mel[:, : count * PATCH].reshape(N_MELS, count, PATCH)
    moved = np.abs(np.diff(runs, axis=2)).mean(2)
    return np.concatenate([runs.mean(2), moved]).T.astype(np.float32)


def area(scores: NDArray[np.float64], ours: NDArray[np.bool_]) -> float:
    """Area under the curve: the chance that one of ours scores above one of hers."""
    ranks = scores.argsort().argsort() + 1
    n = int(ours.sum())
    rest = len(ours) - n
    return float((ranks[ours].sum() - n * (n + 1) / 2) / (n * rest))


def fitted(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Weights of a logistic regression, the last one its offset."""
    ones = torch.cat([x, torch.ones(len(x), 1)], 1)
    weights = torch.zeros(ones.shape[1], requires_grad=True)
    optimiser = torch.optim.LBFGS([weights], max_iter=60)

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        error = torch.nn.functional.binary_cross_entropy_with_logits(ones @ weights, y)
        loss: torch.Tensor = error + 1e-3 * weights.square().sum()
        torch.autograd.backward(loss)
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    return weights.detach()


def told_apart(hers: list[Take], ours: list[Take]) -> dict[str, Any]:
    """How well, and by which bands, readings are told apart; folds by sentence."""
    scores, truth, weights = [], [], []
    seen = [(patches(a), patches(b)) for a, b in zip(hers, ours, strict=True)]
    everything = np.concatenate([p for pair in seen for p in pair])
    middle, scale = everything.mean(0), everything.std(0) + 1e-6
    for fold in range(FOLDS):
        sides = [
            [p for i, p in enumerate(seen) if (i % FOLDS == fold) == t] for t in (0, 1)
        ]
        (x, y), (x_test, y_test) = (
            (
                torch.from_numpy(
                    (np.concatenate([p for q in s for p in q]) - middle) / scale
                ),
                torch.cat(
                    [
                        torch.full((len(p),), float(k))
                        for q in s
                        for k, p in enumerate(q)
                    ]
                ),
            )
            for s in sides
        )
        found = fitted(x.float(), y)
        weights.append(found[:-1].numpy())
        scores.append((x_test.float() @ found[:-1]).numpy())
        truth.append(y_test.numpy() > 0.5)
    strength = np.abs(np.mean(weights, 0)).reshape(2, N_MELS)
    centres = mel_centres()
    top = np.argsort(-strength.max(0))[:6]
    return {
        "area_under_curve": round(
            area(np.concatenate(scores), np.concatenate(truth)), 3
        ),
        "looks_at_level": round(float(strength[0].sum() / strength.sum()), 3),
        "looks_at_hz": sorted(round(float(centres[k]), -1) for k in top),
    }


def mel_centres() -> NDArray[np.float64]:
    """Centre of each mel band in Hz, by the Slaney scale of the features."""
    linear = 1000 / (200 / 3)
    step = np.log(6.4) / 27
    top = linear + np.log(TOP_HZ / 1000) / step
    at = np.linspace(0, top, N_MELS + 2)[1:-1]
    above = 1000 * np.exp(step * np.maximum(0, at - linear))
    return np.where(at < linear, at * 200 / 3, above)


def mean_of(rows: list[dict[str, float]]) -> dict[str, float]:
    """Mean of each figure."""
    return {k: round(float(np.mean([r[k] for r in rows])), 3) for k in rows[0]}


def spoken(voice: NeuralVoice, text: str, name: str) -> Floats:
    """A text by one of our voices."""
    request = SpeechRequest(text, name, paced=False)
    return np.concatenate([c.samples for c in voice.speak(request)])


def others(voice: NeuralVoice) -> dict[str, Callable[[str], Floats]]:
    """Who is shown beside the reader and her voice."""
    found: dict[str, Callable[[str], Floats]] = {
        "alloy": lambda text: spoken(voice, text, "alloy")
    }
    try:
        import hibari  # type: ignore[import-not-found]
    except ImportError:
        return found
    peer = hibari.Hibari()
    found["hibari-tts"] = lambda text: np.asarray(peer(text, seed=1), np.float32)
    return found


def measure(
    by_text: dict[str, list[Utterance]], voice: NeuralVoice, name: str, count: int
) -> tuple[dict[str, Any], list[tuple[str, dict[str, Floats]]]]:
    """All figures, and the sentences that are shown with who says them."""
    peers = others(voice)
    hers, ours, shown = [], [], []
    apart: dict[str, list[dict[str, float]]] = collections.defaultdict(list)
    for i, (text, takes) in enumerate(list(by_text.items())[:count]):
        said = take(spoken(voice, takes[0].text, name))
        read = [take(u.wave(0, u.frames).numpy()) for u in takes[:2]]
        hers.append(read[0])
        ours.append(said)
        apart["said"].append(distance(read[0], said))
        if len(read) > 1:
            apart["reader_twice"].append(distance(*read))
        if i < SHOWN:
            by = {who: take(say(takes[0].text)).samples for who, say in peers.items()}
            shown.append((text, {"reader": read[0].samples, name: said.samples, **by}))
        print(f"\r{i + 1} ", end="", flush=True)
    ratio = modulation(ours) / modulation(hers)
    variance = [np.mean([t.mel.var(1) for t in side], 0) for side in (ours, hers)]
    result: dict[str, Any] = {
        "machine": machine(),
        "voice": name,
        "sentences": len(hers),
        "read_twice": len(apart["reader_twice"]),
        "distance": {kind: mean_of(rows) for kind, rows in apart.items()},
        "modulation_ratio": {
            f"{low}-{high} Hz": round(float(r), 3)
            for (low, high), r in zip(BANDS_HZ, ratio, strict=True)
        },
        "variance_ratio": round(float(np.median(variance[0] / variance[1])), 3),
        "told_apart": told_apart(hers, ours),
    }
    return result, shown


def main() -> int:
    """Measure; write ``voice_likeness.json`` and ``.svg``, and the spectrograms."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("features", type=Path)
    parser.add_argument("--models", type=Path, default=None)
    parser.add_argument("--voice", default="kathleen")
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--out", type=Path, default=RESULTS)
    a = parser.parse_args()
    torch.set_num_threads(1)
    by_text: dict[str, list[Utterance]] = collections.defaultdict(list)
    for u in load_utterances(a.features, validation=True):
        by_text[plain_text(u.text)].append(u)
    voice = NeuralVoice(load_voice(a.models or find_models("")))
    result, shown = measure(by_text, voice, a.voice, a.count)
    write(a.out / "voice_likeness.json", result)
    plots.spectrograms(shown, SAMPLE_RATE, a.out / "voice_spectrograms.png")
    print(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
