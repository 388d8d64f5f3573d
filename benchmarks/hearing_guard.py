"""What Whisper makes of ten minutes in which nobody speaks, and what speech it loses.

Pieces of three seconds: noise, hold music, a keyboard and an office as recorded, and
softer; hiss, hum, keys of a telephone and breaths, which are made here (no recording of
breaths is at hand); digital silence. Each is decoded with no gate before it, and asked
of voice activity as well: in a call only what that takes for a voice is heard at all.
Then people's sentences, commands and orders as recorded, by telephone and with noise at
10 dB: lost is what the same guard leaves no word of. Each is decoded as the last of a
turn is, with more care where the first decode is not believed. Writes
``hearing_guard.json``.

    python -m benchmarks.hearing_guard [--model whisper-base] [--orders 60]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from benchmarks.figures import RESULTS, write
from benchmarks.hearing import CONDITIONS, SOUNDS, heard_as, plain, spoken
from benchmarks.processes import machine
from benchmarks.recordings import data_folder, read
from voiceserver.audio import MIC_RATE, Samples
from voiceserver.engines.acoustic.silero import Silero
from voiceserver.engines.whisper.model import Asked, WhisperModel
from voiceserver.turns.gate import WINDOW, GateEvent, SpeechGate, hop_levels_db
from voiceserver.weights.place import model_folder

PIECE = 3 * MIC_RATE
SOFTER_DB = (0, -12, -24)
MINUTES = 10
KEYS_HZ = ((697, 1209), (770, 1336), (852, 1477), (941, 1336))
KATHLEEN = 60


def made() -> Iterator[tuple[str, Samples]]:
    """Yield silence, hiss, hum, keys and breaths, a piece each."""
    random = np.random.default_rng(4)
    times = np.arange(PIECE) / MIC_RATE
    yield "silence", np.zeros(PIECE, np.float32)
    for db in (-60, -45, -30, -20):
        for exponent in (0.0, 0.5, 1.0):
            hiss = _coloured(random, exponent)
            yield "hiss", (hiss * 10 ** (db / 20)).astype(np.float32)
    for hz in (50, 60, 100, 440, 1000):
        yield "hum", (0.1 * np.sin(2 * np.pi * hz * times)).astype(np.float32)
    for low, high in KEYS_HZ:
        tone = np.sin(2 * np.pi * low * times) + np.sin(2 * np.pi * high * times)
        pressed = (times % 0.3) < 0.12
        yield "keys", (0.2 * tone * pressed).astype(np.float32)
    for period_s in (1.2, 2.0, 3.0):
        for db in (-45, -35, -25):
            swell = np.clip(np.sin(2 * np.pi * times / period_s), 0, 1) ** 2
            breath = _coloured(random, 0.5) * swell
            yield "breaths", (breath * 10 ** (db / 20)).astype(np.float32)


def _coloured(random: np.random.Generator, exponent: float) -> Samples:
    """Noise whose level falls with the frequency; 0.5 is pink, 1 is brown."""
    spectrum = np.fft.rfft(random.normal(0, 1, PIECE))
    hz = np.maximum(np.fft.rfftfreq(PIECE, 1 / MIC_RATE), 40.0)
    noise = np.fft.irfft(spectrum * (hz / 40.0) ** -exponent, PIECE)
    coloured: Samples = (noise / noise.std()).astype(np.float32)
    return coloured


def recorded() -> Iterator[tuple[str, Samples]]:
    """Yield what was recorded, in pieces, as it is and softer."""
    for db in SOFTER_DB:
        for name in SOUNDS:
            sound = read(f"speech/noise/{name}", MIC_RATE).samples
            for at in range(0, len(sound) - PIECE + 1, PIECE):
                piece = sound[at : at + PIECE] * np.float32(10 ** (db / 20))
                yield name.split(".")[0], piece


def gated(samples: Samples) -> bool:
    """Whether voice activity takes any of it for a voice."""
    gate, detector = SpeechGate(), Silero().open()
    windows = range(0, len(samples) - WINDOW + 1, WINDOW)
    return any(
        gate.push(detector.probability(window), hop_levels_db(window))
        is GateEvent.STARTED
        for window in (samples[at : at + WINDOW] for at in windows)
    )


def invented(model: WhisperModel) -> dict[str, Any]:
    """Words of ten minutes in which nobody speaks."""
    pieces = [*made(), *recorded()][: MINUTES * 60 * MIC_RATE // PIECE]
    kinds: dict[str, dict[str, int]] = {}
    told: list[str] = []
    for kind, piece in pieces:
        row = kinds.setdefault(kind, {"pieces": 0, "written": 0, "believed": 0})
        [found] = model.decode([Asked(piece, last=True)])
        row["pieces"] += 1
        row["written"] += bool(plain(found.text))
        if found.believed and plain(found.text):
            row["believed"] += 1
            told.append(f"{kind}: {found.text}")
    return {
        "minutes": len(pieces) * PIECE / MIC_RATE / 60,
        "kinds": kinds,
        "words": sum(len(plain(each.split(": ", 1)[1])) for each in told),
        "told": told,
        "taken_for_a_voice": sum(gated(piece) for _, piece in pieces),
    }


def people(orders: int) -> list[tuple[str, Samples]]:
    """What people say."""
    said = [(each.name, each.samples) for each in spoken(KATHLEEN)]
    files = sorted((data_folder() / "barista").glob("*.flac"))
    step = max(1, len(files) // orders)
    return [
        *said,
        *(
            (file.name, read(f"barista/{file.name}", MIC_RATE).samples)
            for file in files[::step][:orders]
        ),
    ]


def lost(model: WhisperModel, said: Sequence[tuple[str, Samples]]) -> dict[str, Any]:
    """Recordings of which no word is left, by condition."""
    result: dict[str, Any] = {}
    for condition in CONDITIONS:
        missing = []
        for seed, (name, samples) in enumerate(said):
            sound = heard_as(samples, condition, seed)
            [found] = model.decode([Asked(sound, last=True)])
            if not (found.believed and plain(found.text)):
                figures = f"{found.logprob:.2f}, {found.no_speech:.2f}"
                missing.append(f"{name}: {found.text} ({figures})")
        result[condition] = {
            "recordings": len(said),
            "lost": len(missing),
            "percent": round(100 * len(missing) / len(said), 1),
            "which": missing,
        }
        print(condition, result[condition], flush=True)
    return result


def main() -> None:
    """Measure and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="whisper-base")
    parser.add_argument("--orders", type=int, default=60, help="of the recordings")
    asked = parser.parse_args()
    model = WhisperModel(model_folder(asked.model), "cpu")
    nobody = invented(model)
    print(json.dumps(nobody, indent=1), flush=True)
    found = {"nobody_speaks": nobody, "speech_lost": lost(model, people(asked.orders))}
    write(
        RESULTS / "hearing_guard.json",
        {"machine": machine(), "model": asked.model, **found},
    )


if __name__ == "__main__":
    main()
