"""The neural voice on a GPU: a minute of speech, and how many clauses at once.

    python -m benchmarks.voice_gpu [--device cuda] [--models FOLDER]

Phones to PCM on the host, text to PCM on the host, and a sweep of batch sizes: eager
against captured graphs, float32 against bfloat16. Needs torch and numpy only. Runs on
the processor too (``--device cpu --quick``), which proves nothing but that it runs.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmarks.figures import RESULTS, write
from voiceserver.voice.batch import BatchSpeaker, prepare
from voiceserver.voice.networks.features import HOP, SAMPLE_RATE
from voiceserver.voice.plan import Manner
from voiceserver.voice.speaker import load_voice
from voiceserver.voice.words.clause import Clause

ROOT = Path(__file__).resolve().parent.parent
TEXT = (
    "Good morning, and thank you for calling. The library opens at 9:30 on weekdays, "
    "and at ten on Saturdays. You can keep a book for three weeks; after that it costs "
    "20 cents a day. Would you like me to renew the two books you have at home? I can "
    "do that now, if you tell me the last four digits of your card. "
)
MINUTE_FRAMES = 60 * SAMPLE_RATE // HOP
BATCHES = (1, 2, 4, 8, 16, 32, 64)
AIMS = {"minute_phones_to_pcm_ms": 10, "minute_text_to_pcm_ms": 25}


def described(device: torch.device) -> dict[str, Any]:
    """What was measured on, for the results."""
    cuda = device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name(device) if cuda else platform.machine(),
        "torch": torch.__version__,
        "load_average": [round(load, 2) for load in os.getloadavg()],
    }


def timed(work: Callable[[], object], rounds: int) -> dict[str, float]:
    """Milliseconds of a piece of work that ends with data on the host."""
    for _ in range(3):
        work()
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        taken.append((time.perf_counter() - began) * 1000)
    taken.sort()
    return {
        "p50": round(statistics.median(taken), 3),
        "p95": round(taken[int(0.95 * (len(taken) - 1))], 3),
        "min": round(taken[0], 3),
        "n": rounds,
    }


class Minute:
    """A minute of text as clauses, with the speaker that says it."""

    def __init__(self, speaker: BatchSpeaker, clauses: list[Clause]) -> None:
        self.speaker = speaker
        _, counts = prepare(speaker.model, clauses, manners(len(clauses)))
        self.clauses: list[Clause] = []
        frames = 0
        while frames < MINUTE_FRAMES:
            which = len(self.clauses) % len(clauses)
            self.clauses.append(clauses[which])
            frames += counts[which]
        self.seconds = frames * HOP / SAMPLE_RATE

    def speak(self) -> object:
        """Phones to PCM on the host."""
        return self.speaker.speak(self.clauses, manners(len(self.clauses)))


def manners(count: int) -> list[Manner]:
    """The same readings every time."""
    return [Manner(seed=k) for k in range(count)]


def sweep(speaker: BatchSpeaker, clause: Clause, rounds: int) -> list[dict[str, Any]]:
    """The networks alone, from a prepared batch to PCM on the host."""
    rows = []
    for size in BATCHES:
        batch, counts = prepare(speaker.model, [clause] * size, manners(size))
        spent = timed(lambda batch=batch: speaker.run(batch).cpu(), rounds)  # type: ignore[misc]
        seconds = sum(counts) * HOP / SAMPLE_RATE
        speed = round(seconds / spent["p50"] * 1000, 1)
        rows.append({"clauses": size, "ms": spent, "times_real_time": speed})
        print(rows[-1], flush=True)
    return rows


def main() -> int:
    """Measure and write ``voice_gpu_DEVICE.json``."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--models", type=Path, default=ROOT / "models" / "voice")
    parser.add_argument("--quick", action="store_true", help="two rounds, no sweep")
    parser.add_argument("--out", type=Path, default=None)
    a = parser.parse_args()
    device = torch.device(a.device)
    cuda = device.type == "cuda"
    rounds = 2 if a.quick else 50
    voice = load_voice(a.models)
    model, net = voice.model.to(device), voice.net.to(device)
    clauses = voice.phonemiser.phonemise(TEXT)
    result: dict[str, Any] = {**described(device), "aims": AIMS, "runs": []}
    for half, graphs in ((False, False), (False, True), (True, False), (True, True)):
        if graphs and not cuda:
            continue
        speaker = BatchSpeaker(model, net, half=half, graphs=graphs)
        minute = Minute(speaker, clauses)
        text = TEXT * (len(minute.clauses) // len(clauses))

        def from_text(minute: Minute = minute, text: str = text) -> object:
            found = voice.phonemiser.phonemise(text)
            return minute.speaker.speak(found, manners(len(found)))

        run: dict[str, Any] = {
            "arithmetic": "bfloat16" if half else "float32",
            "graphs": graphs,
            "seconds_of_speech": round(minute.seconds, 2),
            "phones_to_pcm_ms": timed(minute.speak, rounds),
            "text_to_pcm_ms": timed(from_text, rounds),
        }
        print(run, flush=True)
        if not a.quick:
            run["batches"] = sweep(speaker, clauses[0], rounds)
        result["runs"].append(run)
    name = str(result["device"]).lower().replace(" ", "_")
    out = a.out or RESULTS / f"voice_gpu_{name}.json"
    write(out, result)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
