"""What can be measured of the voice's signal without a judge.

    python -m benchmarks.voice_signal [--models FOLDER] [--recordings FOLDER]

Of each of the three speakers, on texts of our own:

- *bursts*: the steepest rise of 3 to 8 kHz within 10 ms, in dB (99th percentile of the
  milliseconds of a sentence, mean over sentences): stops are heard by it;
- *loudness*: BS.1770 over 3 s, every second, through more than a minute of text: the
  difference between the loudest and the quietest stretch, and its middle nine tenths;
- *commas*: silence at each of the commas of a text, in seconds;

and of all voices their loudness on three sentences. ``--recordings`` measures the
bursts of somebody's sound files beside it. Ends with status 1 if an aim is missed.
Needs scipy, which the ``dev`` and ``train`` extras bring.
"""

from __future__ import annotations

import argparse
import json
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import scipy.signal
import soundfile
import torch
from numpy.typing import NDArray

from benchmarks.figures import RESULTS, spread, write
from benchmarks.processes import machine
from benchmarks.voice_speed import TEXT
from scripts.voice.prepare import loudness_lufs
from voiceserver.audio import SPEECH_RATE, Samples, resample
from voiceserver.engines.base import SpeechRequest
from voiceserver.engines.neural import TIMBRES, NeuralVoice, find_models
from voiceserver.voice.speaker import load_voice

SPEAKERS = ("alloy", "ash", "kathleen")
LEAST_BURST_DB = 22.0
MOST_RANGE_DB = 3.0
COMMA_S = (0.08, 0.35)

SENTENCES = (
    "The last typhoid patient took a sick turn at ten past two.",
    "Put the big box back on top of the kitchen cupboard.",
    "Peter picked a packet of tickets out of his coat pocket.",
    "Would you like me to send the invoice to your new address?",
    "The train to Cambridge departs from platform eight at a quarter to nine.",
    "Don't forget to take the cake to Patrick before it gets cold.",
)
LISTS = (
    "We need eggs, milk, bread, butter, apples, pears, rice, and a bag of salt.",
    "On Monday, when the shop opens, ask for Karen, Olivia, or Thomas.",
    "Yes, of course, I can do that, if you tell me the date, the time, and the place.",
)
LEVEL = 0.05  # root mean square
WINDOW_S, HOP_S = 3, 1
BLOCK = SPEECH_RATE // 100  # samples whose level tells silence, 10 ms
QUIET_DB = -30.0  # below the louder blocks of a sentence: no part of a sound
SHORTEST_S = 0.05  # a closure of a stop may be as long
FFT, MILLISECOND = 128, SPEECH_RATE // 1000
BURST_HZ = (3_000, 8_250)


def burst_db(samples: Samples) -> float:
    """Steepest rise of the upper bands within 10 ms of a sentence."""
    x = samples * np.float32(LEVEL / np.sqrt(np.mean(samples**2)))
    _, _, z = scipy.signal.stft(x, SPEECH_RATE, nperseg=FFT, noverlap=FFT - MILLISECOND)
    low, high = (round(hz * FFT / SPEECH_RATE) for hz in BURST_HZ)
    level = 10 * np.log10((np.abs(z[low:high]) ** 2).sum(0) + 1e-9)
    return float(np.percentile(level[10:] - level[:-10], 99))


def stretches_lufs(samples: Samples) -> NDArray[np.float64]:
    """Loudness of each stretch of a text."""
    width, hop = WINDOW_S * SPEECH_RATE, HOP_S * SPEECH_RATE
    starts = range(0, len(samples) - width + 1, hop)
    return np.array([loudness_lufs(samples[i : i + width]) for i in starts])


def silences_s(samples: Samples) -> list[float]:
    """Lengths of the silences within a sentence, the longest first."""
    n = len(samples) // BLOCK
    power = (samples[: n * BLOCK].reshape(n, BLOCK).astype(np.float64) ** 2).mean(1)
    level = 10 * np.log10(power + 1e-10)
    [loud] = np.nonzero(level > np.percentile(level, 90) + QUIET_DB)
    gaps = [(b - a - 1) * BLOCK / SPEECH_RATE for a, b in pairwise(loud)]
    return sorted((gap for gap in gaps if gap >= SHORTEST_S), reverse=True)


def speaker(voice: NeuralVoice, name: str) -> dict[str, Any]:
    """All figures of a speaker."""

    def said(text: str) -> Samples:
        request = SpeechRequest(text, name, paced=False)
        return np.concatenate([c.samples for c in voice.speak(request)])

    level = stretches_lufs(said(" ".join((TEXT, *SENTENCES, *LISTS))))
    commas: list[float] = []
    for text in LISTS:
        count = text.count(",")
        found = silences_s(said(text))[:count]
        commas += found + [0.0] * (count - len(found))
    return {
        "burst_db": round(float(np.mean([burst_db(said(t)) for t in SENTENCES])), 1),
        "loudness_range_db": round(float(np.ptp(level)), 1),
        "loudness_5_to_95_db": round(
            float(np.subtract(*np.percentile(level, [95, 5]))), 1
        ),
        "comma_s": spread(commas, 2),
    }


def loudness_of_voices(voice: NeuralVoice) -> dict[str, float]:
    """Mean loudness of each voice, in LUFS."""
    found = {}
    for name in TIMBRES:
        requests = [SpeechRequest(t, name, paced=False) for t in SENTENCES[:3]]
        said = [np.concatenate([c.samples for c in voice.speak(r)]) for r in requests]
        found[name] = round(float(np.mean([loudness_lufs(x) for x in said])), 2)
    return found


def recorded(folder: Path) -> float:
    """Bursts of sound files."""
    found = []
    for path in sorted(p for p in folder.iterdir() if p.suffix in (".wav", ".flac")):
        samples, rate = soundfile.read(path, dtype="float32")
        found.append(burst_db(resample(samples, rate, SPEECH_RATE)))
    return round(float(np.mean(found)), 1)


def missed(speakers: dict[str, dict[str, Any]]) -> list[str]:
    """A line for each aim that a speaker misses."""
    lines = []
    low, high = COMMA_S
    for name, row in speakers.items():
        if row["burst_db"] < LEAST_BURST_DB:
            lines.append(f"{name} burst_db: {row['burst_db']}")
        if row["loudness_range_db"] > MOST_RANGE_DB:
            lines.append(f"{name} loudness_range_db: {row['loudness_range_db']}")
        if row["comma_s"]["min"] < low or row["comma_s"]["max"] > high:
            lines.append(f"{name} comma_s: {row['comma_s']}")
    return lines


def main() -> int:
    """Measure and write ``voice_signal.json``; returns 1 if an aim is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", type=Path, default=None)
    parser.add_argument("--recordings", type=Path, default=None)
    parser.add_argument("--out", type=Path, default=RESULTS / "voice_signal.json")
    a = parser.parse_args()
    torch.set_num_threads(1)
    voice = NeuralVoice(load_voice(a.models or find_models("")))
    speakers = {name: speaker(voice, name) for name in SPEAKERS}
    result: dict[str, Any] = {
        "machine": machine(),
        "aims": {
            "burst_db": LEAST_BURST_DB,
            "loudness_range_db": MOST_RANGE_DB,
            "comma_s": COMMA_S,
        },
        "speakers": speakers,
        "voices_lufs": loudness_of_voices(voice),
    }
    if a.recordings:
        result["recordings_burst_db"] = recorded(a.recordings)
    write(a.out, result)
    print(json.dumps(result, indent=1))
    lines = missed(speakers)
    for line in lines:
        print(f"missed: {line}")
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main())
