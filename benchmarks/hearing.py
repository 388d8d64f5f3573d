"""How well recognisers hear people, and how soon: all that are installed, in one run.

Human recordings with known words, as they are, over a telephone (8 kHz, mu-law and
back), and with noise at 10 dB; word errors with bootstrap intervals by recording. Then
sounds in which nobody speaks, and the words invented in them. Then several people who
speak at once, in real time, and the wait for the final words after each commit, 500 ms
after the last voice. Each engine runs as in a server, in one process.

Wall times depend on what else the machine does: the CPU time of the process stands
beside them, and the load. Writes ``hearing.json`` and ``hearing.svg``.

    python -m benchmarks.hearing [--engines whisper-base pocketsphinx] [--speakers 1 6]
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import os
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import psutil

from benchmarks import plots
from benchmarks.figures import RESULTS, spread, write
from benchmarks.processes import machine
from benchmarks.recordings import data_folder, read, voiced_range
from voiceserver.audio import MIC_RATE, Samples, resample
from voiceserver.config import Config, EnginesConfig, RecogniserConfig
from voiceserver.engines.base import Hypothesis, Opening, Recogniser
from voiceserver.engines.opening import open_engines
from voiceserver.engines.remote.recogniser import RemoteRecogniser
from voiceserver.engines.words import words_of
from voiceserver.errors import EngineFailed
from voiceserver.media import g711
from voiceserver.metrics import Metrics

ENGINES = ("pocketsphinx", "whisper-tiny.en", "whisper-base")
CONDITIONS = ("clean", "telephone", "10 dB")
NOISES = ("sb_noise1.flac", "sb_noise2.wav", "sb_noise4.flac", "sb_noise5.flac")
SOUNDS = (*NOISES, "lk_hold_music.ogg", "lk_keyboard.ogg", "pipecat_office.mp3")
WRONG = ("read/sb_spk2_snt5.wav", "read/two_cities_16k.flac")  # reference; 44 s
COMMIT_S = 0.5
BLOCK = MIC_RATE // 25
SOUND_S = 3.0
RESAMPLES = 2000
_ALIKE = {"oh": "zero", "mr": "mister", "metres": "meters", "ok": "okay"}


@dataclass(frozen=True, slots=True)
class Spoken:
    """A recording and its words."""

    name: str
    samples: Samples
    words: tuple[str, ...]

    @property
    def short(self) -> bool:
        """Whether it is a command of one or two words."""
        return len(self.words) <= 2


@dataclass(frozen=True, slots=True)
class Errors:
    """Of one recording: words that differ, and how many there are."""

    wrong: int
    said: int


def plain(text: str) -> tuple[str, ...]:
    """Words as they are compared: lower case, figures as said."""
    words = words_of(text).replace("-", " ").replace("'", "").split()
    return tuple(_ALIKE.get(word, word) for word in words)


def spoken(n_kathleen: int) -> list[Spoken]:
    """The recordings."""
    folder = data_folder()
    found = []
    with (folder / "speech" / "transcripts.tsv").open() as rows:
        for row in csv.DictReader(rows, delimiter="\t"):
            name, text = row["file"], row["transcript"]
            if name.startswith(("read/", "command/")) and text and name not in WRONG:
                sample = read(f"speech/{name}", MIC_RATE)
                found.append(Spoken(name, sample.samples, plain(text)))
    with (folder / "kathleen" / "transcripts.tsv").open() as rows:
        listed = [
            row
            for row in csv.DictReader(rows, delimiter="\t")
            if (folder / "kathleen" / row["file"]).is_file()
        ]
    step = max(1, len(listed) // n_kathleen)
    for row in listed[::step][:n_kathleen]:
        sample = read(f"kathleen/{row['file']}", MIC_RATE)
        found.append(Spoken(row["file"], sample.samples, plain(row["text"])))
    return found


def heard_as(samples: Samples, condition: str, seed: int) -> Samples:
    """A recording as it arrives."""
    if condition == "telephone":
        narrow = resample(samples, MIC_RATE, 8000)
        return resample(
            g711.decode(g711.Law.MU, g711.encode(g711.Law.MU, narrow)), 8000, MIC_RATE
        )
    if condition == "10 dB":
        noise = _noise(NOISES[seed % len(NOISES)], len(samples), seed)
        level = float(np.sqrt((samples**2).mean() / 10 / ((noise**2).mean() + 1e-12)))
        mixed = samples + level * noise
        return (mixed / max(1.0, float(np.abs(mixed).max()))).astype(np.float32)
    return samples


def _noise(name: str, n_samples: int, seed: int) -> Samples:
    sound = read(f"speech/noise/{name}", MIC_RATE).samples
    begin = int(np.random.default_rng(seed).integers(0, max(1, len(sound) // 2)))
    repeated = np.tile(sound, n_samples // len(sound) + 2)
    return repeated[begin : begin + n_samples]


def distance(said: Sequence[str], heard: Sequence[str]) -> int:
    """Least number of words changed, left out and put in."""
    row = list(range(len(heard) + 1))
    for i, one in enumerate(said, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            before, row[j] = (
                row[j],
                min(row[j] + 1, row[j - 1] + 1, before + (one != other)),
            )
    return row[-1]


def rate(errors: Sequence[Errors]) -> dict[str, float]:
    """Word errors in per cent, with the 95 % interval over recordings."""
    wrong = np.array([one.wrong for one in errors], float)
    said = np.array([one.said for one in errors], float)
    rng = np.random.default_rng(1)
    drawn = rng.integers(0, len(errors), (RESAMPLES, len(errors)))
    rates = 100 * wrong[drawn].sum(axis=1) / said[drawn].sum(axis=1)
    low, high = np.percentile(rates, [2.5, 97.5])
    return {
        "percent": round(float(100 * wrong.sum() / said.sum()), 1),
        "low": round(float(low), 1),
        "high": round(float(high), 1),
        "recordings": len(errors),
        "words": int(said.sum()),
    }


@asynccontextmanager
async def opened(engine: str) -> AsyncGenerator[RemoteRecogniser, None]:
    """An engine as a server has it, in one process."""
    name, _, _ = engine.partition("-")
    model = engine if name == "whisper" else ""
    config = Config(
        engines=EnginesConfig("stub", name, "stub", "stub"),
        recogniser=RecogniserConfig(1, model, grammar=False, standby=False),
    )
    async with open_engines(config, Metrics()) as engines:
        assert isinstance(engines.recogniser, RemoteRecogniser)
        yield engines.recogniser


def cpu_s(recogniser: RemoteRecogniser) -> float:
    """CPU time of its process so far."""
    times = psutil.Process(recogniser.pids[0]).cpu_times()
    return float(times.user + times.system)


async def whole(recogniser: Recogniser, samples: Samples) -> Hypothesis:
    """Recognise a recording."""
    utterance = recogniser.open(Opening(whole=True))
    try:
        utterance.push(samples)
        return await utterance.final()
    finally:
        utterance.close()


async def word_errors(
    recogniser: RemoteRecogniser, said: Sequence[Spoken]
) -> dict[str, Any]:
    """Of all recordings in all conditions, with the CPU time of a second."""
    result: dict[str, Any] = {}
    for condition in CONDITIONS:
        errors: dict[str, Errors] = {}
        began_s, audio_s = cpu_s(recogniser), 0.0
        for seed, one in enumerate(said):
            samples = heard_as(one.samples, condition, seed)
            found = plain((await whole(recogniser, samples)).text)
            errors[one.name] = Errors(distance(one.words, found), len(one.words))
            audio_s += len(samples) / MIC_RATE
        short = [errors[one.name] for one in said if one.short]
        result[condition] = {
            "word_errors": rate(list(errors.values())),
            "one_or_two_words": rate(short) if short else None,
            "cpu_per_second": round((cpu_s(recogniser) - began_s) / audio_s, 3),
        }
        print("  ", condition, result[condition], flush=True)
    return result


async def invented(recogniser: RemoteRecogniser) -> dict[str, Any]:
    """Words where nobody speaks, in pieces of 3 s, with no gate before them."""
    rng = np.random.default_rng(2)
    n = int(SOUND_S * MIC_RATE)
    pieces: list[Any] = [rng.normal(0, 10 ** (-db / 20), n) for db in (60, 40, 25)]
    pieces += [np.zeros(n), 0.2 * np.sin(np.arange(n) * 2 * np.pi * 440 / MIC_RATE)]
    for name in SOUNDS:
        sound = read(f"speech/noise/{name}", MIC_RATE).samples
        pieces += [sound[at : at + n] for at in range(0, len(sound) - n, n)][:12]
    words, with_words = 0, 0
    for piece in pieces:
        found = await whole(recogniser, piece.astype(np.float32))
        words += len(plain(found.text))
        with_words += bool(found.text)
    minutes = len(pieces) * SOUND_S / 60
    return {
        "pieces": len(pieces),
        "pieces_with_words": with_words,
        "words_in_10_minutes": round(10 * words / minutes, 1),
    }


async def _speak(
    recogniser: Recogniser, said: Sequence[Spoken], first: int, turns: int
) -> list[float]:
    """Speak some recordings in real time; return the wait for each final, ms."""
    waits = []
    clock = asyncio.get_running_loop().time
    for turn in range(turns):
        samples = said[(first + turn) % len(said)].samples
        begin, end = voiced_range(samples, MIC_RATE)
        quiet = np.zeros(int((COMMIT_S + 0.1) * MIC_RATE), np.float32)
        audio = np.concatenate([samples[max(0, begin - 4800) : end], quiet])
        voiced = end - max(0, begin - 4800)
        utterance = recogniser.open()
        began_s = clock()
        try:
            for at in range(0, voiced + int(COMMIT_S * MIC_RATE), BLOCK):
                late_s = began_s + (at + BLOCK) / MIC_RATE - clock()
                await asyncio.sleep(max(0.0, late_s))
                utterance.push(audio[at : at + BLOCK])
                utterance.voiced(min(voiced, at + BLOCK))
            committed_s = clock()
            await utterance.final()
            waits.append(1000 * (clock() - committed_s))
        except EngineFailed:
            waits.append(float("inf"))
        finally:
            utterance.close()
    return waits


async def at_once(
    recogniser: RemoteRecogniser, said: Sequence[Spoken], speakers: int, turns: int
) -> dict[str, Any]:
    """Several people speak all the time, each a turn after the other."""
    usual = [one for one in said if 1.0 <= len(one.samples) / MIC_RATE <= 5.0]
    began_cpu_s, began_s = cpu_s(recogniser), time.monotonic()
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_speak(recogniser, usual, 3 * n, turns))
            for n in range(speakers)
        ]
    took_s = time.monotonic() - began_s
    waits = [wait for task in tasks for wait in task.result()]
    return {
        "final_after_commit_ms": spread([w for w in waits if np.isfinite(w)]),
        "failed": sum(not np.isfinite(w) for w in waits),
        "cores": round((cpu_s(recogniser) - began_cpu_s) / took_s, 2),
        "load": round(os.getloadavg()[0], 1),
    }


async def measure(
    engines: Sequence[str], kathleen: int, speakers: Sequence[int], turns: int
) -> dict[str, Any]:
    """Measure every engine that can be opened."""
    said = spoken(kathleen)
    result: dict[str, Any] = {"machine": machine(), "engines": {}}
    for engine in engines:
        print(engine, flush=True)
        try:
            async with opened(engine) as recogniser:
                one = {
                    "conditions": await word_errors(recogniser, said),
                    "nobody_speaks": await invented(recogniser),
                    "speakers": {},
                }
                print("  ", one["nobody_speaks"], flush=True)
                for n in speakers:
                    found = await at_once(recogniser, said, n, turns)
                    one["speakers"][str(n)] = found
                    print("  ", n, "speakers", found, flush=True)
        except EngineFailed as error:
            print("  left out:", error, flush=True)
            continue
        result["engines"][engine] = one
        result["load"] = round(os.getloadavg()[0], 1)
    return result


def main() -> None:
    """Measure and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engines", nargs="+", default=list(ENGINES))
    parser.add_argument("--kathleen", type=int, default=15, help="of its recordings")
    parser.add_argument("--speakers", type=int, nargs="*", default=[1, 6])
    parser.add_argument("--turns", type=int, default=4, help="of each speaker")
    parser.add_argument("--plot", action="store_true", help="what was measured before")
    asked = parser.parse_args()
    path = RESULTS / "hearing.json"
    if asked.plot:
        plots.hearing(json.loads(path.read_text()), path.with_suffix(".svg"))
        return
    result = asyncio.run(
        measure(asked.engines, asked.kathleen, asked.speakers, asked.turns)
    )
    write(path, result)
    plots.hearing(result, path.with_suffix(".svg"))
    print(json.dumps(result["engines"], indent=1))
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
