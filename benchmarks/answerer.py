"""How often a person is told from an answering machine, and how soon.

Human recordings through mu-law. Who says one thing and waits: single words and short
commands, cut where they pause. Machines: the same voices reading for long, and a tone
made here after it, of many frequencies and lengths; also greetings without a tone, and
tones alone. At three levels, clean and in noise of an office.

    python -m benchmarks.answerer
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.figures import RESULTS, spread, write
from benchmarks.recordings import data_folder, read
from voiceserver.audio import MIC_RATE, Samples, resample
from voiceserver.media.g711 import G711_RATE, Law, decode, encode
from voiceserver.turns.answerer import AnsweredBy, Answerer

SHORT_S = 1.6  # "hello", a name, a sentence of five words
PAUSE_S = 0.25  # where a recording is cut to words
LONG_S = 6.0
LEVELS_DB = (-18.0, -26.0, -34.0)
NOISES_DB = (None, -50.0)
TONES_HZ = (440, 620, 850, 1000, 1400, 2000)
TONES_S = (0.2, 0.5, 1.0)
AFTER_S = 4.0
_RNG = np.random.default_rng(1)


def voices() -> Iterator[tuple[str, Samples]]:
    """Recordings of people at 16 kHz: name, samples."""
    folder = data_folder()
    found = [*folder.glob("speech/command/*.wav"), *folder.glob("speech/read/*.wav")]
    found += sorted(folder.glob("kathleen/**/*.wav"))[:40]
    for path in sorted(found):
        it = read(str(path.relative_to(folder)))
        cut = it.samples[it.voiced_from : it.voiced_until]
        yield path.stem, resample(cut, it.sample_rate, MIC_RATE)


def words(samples: Samples) -> list[Samples]:
    """Cut where somebody pauses; those that are short enough to be a "hello"."""
    size = MIC_RATE // 100
    frames = samples[: len(samples) // size * size].reshape(-1, size)
    levels = 10 * np.log10((frames**2).mean(axis=1) + 1e-12)
    loud = np.flatnonzero(levels > levels.max() - 30)
    if not len(loud):
        return []
    parts = np.split(loud, np.flatnonzero(np.diff(loud) > PAUSE_S * 100) + 1)
    cut = [samples[part[0] * size : (part[-1] + 1) * size] for part in parts]
    return [each for each in cut if 0.15 < len(each) / MIC_RATE < SHORT_S]


def on_the_line(samples: Samples, level_db: float, noise_db: float | None) -> Samples:
    """At a level, after half a second and before four of silence, through mu-law."""
    power = float(np.sqrt((samples**2).mean())) + 1e-9
    said = samples * (10 ** (level_db / 20) / power)
    still = np.zeros(MIC_RATE // 2, np.float32)
    line = np.concatenate([still, said, np.zeros(int(AFTER_S * MIC_RATE), np.float32)])
    if noise_db is not None:
        hiss = np.convolve(_RNG.standard_normal(len(line)), np.ones(8) / 8, "same")
        line = line + hiss * (10 ** (noise_db / 20) / hiss.std())
    narrow = resample(line.astype(np.float32), MIC_RATE, G711_RATE)
    return resample(decode(Law.MU, encode(Law.MU, narrow)), G711_RATE, MIC_RATE)


def judged(line: Samples) -> tuple[AnsweredBy | None, float, float]:
    """Who it is, and at which second that and the end of a greeting were known."""
    answerer, at_s, ready_s = Answerer(), 0.0, 0.0
    for n in range(0, len(line), 320):
        answerer.push(line[n : n + 320])
        if answerer.who is not None and not at_s:
            at_s = n / MIC_RATE
        if answerer.ready and not ready_s:
            ready_s = n / MIC_RATE
    return answerer.who, at_s, ready_s


def tone(hz: float, seconds: float) -> Samples:
    """A tone as loud as a voice."""
    at = np.arange(int(seconds * MIC_RATE)) / MIC_RATE
    return (0.1 * np.sin(2 * np.pi * hz * at)).astype(np.float32)


def cases() -> Iterator[tuple[str, str, Samples, float]]:
    """Kind, who it is, what is said, and the second of it after which one may speak."""
    spoken = list(voices())
    for _, samples in spoken:
        for word in words(samples):
            yield "a word or two", "human", word, len(word) / MIC_RATE
    pieces = [s for _, s in spoken if len(s) > 2.8 * MIC_RATE]
    for n, samples in enumerate(pieces):
        long = samples[: int(LONG_S * MIC_RATE)]
        yield "greeting alone", "machine", long, len(long) / MIC_RATE
        gap = np.zeros(int(0.3 * MIC_RATE), np.float32)
        hz, lasts_s = TONES_HZ[n % len(TONES_HZ)], TONES_S[n // 2 % len(TONES_S)]
        both = np.concatenate([long / 4 / (long.std() + 1e-9) * 0.1, gap])
        whole = np.concatenate([both, tone(hz, lasts_s)])
        yield "greeting and tone", "machine", whole, len(whole) / MIC_RATE
    for hz in TONES_HZ:
        for lasts_s in TONES_S:
            yield "tone alone", "machine", tone(hz, lasts_s), lasts_s


def measure() -> dict[str, Any]:
    """Judge every case at every level, in each noise."""
    counts: dict[str, Counter[str]] = {}
    late: dict[str, list[float]] = {}
    ready: dict[str, list[float]] = {}
    for kind, who, said, over_s in cases():
        for level in LEVELS_DB:
            for noise in NOISES_DB:
                found, at_s, ready_s = judged(on_the_line(said, level, noise))
                told = found.value if found else "nothing"
                counts.setdefault(kind, Counter())[told] += 1
                if told == who:
                    after_s = at_s - 0.5 - (over_s if who == "human" else 0.0)
                    late.setdefault(kind, []).append(1000 * after_s)
                if ready_s:
                    ready.setdefault(kind, []).append(1000 * (ready_s - 0.5 - over_s))
    return {
        kind: {
            "n": sum(found.values()),
            **dict(found),
            "known_ms": spread(late.get(kind, [])),
            **({"ready_ms": spread(ready[kind])} if kind in ready else {}),
        }
        for kind, found in counts.items()
    }


def main() -> None:
    """Measure and write JSON."""
    found = measure()
    write(RESULTS / "answerer.json", found)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
