"""What a window of voice activity costs alone, and in one step with other calls'.

Streams of recorded speech, each a moment further on, all with a window due at the same
time: looked at stream by stream, by our step for all of them, and by onnxruntime's for
all of them, if it is installed. In turns, in one process with one BLAS thread, by the
CPU time of the thread; medians of the rounds. What comes out is compared.

    python -m benchmarks.vad_together [--rounds 30]
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy is imported

import numpy as np

from benchmarks.figures import RESULTS, write
from benchmarks.processes import machine
from benchmarks.vad import CONTEXT, RATE, WINDOW, audio, onnx_session
from voiceserver.audio import Samples
from voiceserver.engines.acoustic.silero import Silero

CALLS = (1, 2, 4, 8, 16, 32, 64)
WINDOWS = 20  # of each stream in a round
APART = 7 * WINDOW  # samples between what two streams hear

Step = Callable[[Sequence[Samples]], list[float]]


def alone(n_calls: int) -> Step:
    """Stream by stream."""
    engine = Silero()
    streams = [engine.open() for _ in range(n_calls)]

    def step(windows: Sequence[Samples]) -> list[float]:
        pairs = zip(streams, windows, strict=True)
        return [stream.probabilities([window])[0] for stream, window in pairs]

    return step


def together(n_calls: int) -> Step:
    """All in one step."""
    engine = Silero()
    streams = [engine.open() for _ in range(n_calls)]

    def step(windows: Sequence[Samples]) -> list[float]:
        asked = [
            (each, [window]) for each, window in zip(streams, windows, strict=True)
        ]
        return [found for [found] in engine.together(asked)]

    return step


def onnx(n_calls: int) -> Step:
    """All in one run of the wheel's ONNX file of opset 15."""
    session = onnx_session()
    line = np.zeros((n_calls, CONTEXT + WINDOW), np.float32)
    rate = np.array(RATE, np.int64)
    state = np.zeros((2, n_calls, 128), np.float32)

    def step(windows: Sequence[Samples]) -> list[float]:
        nonlocal state
        line[:, :CONTEXT] = line[:, WINDOW:]
        line[:, CONTEXT:] = windows
        out, state = session.run(None, {"input": line, "state": state, "sr": rate})
        found: list[float] = out[:, 0].tolist()
        return found

    return step


def one_row(n_calls: int, rounds: int) -> dict[str, float]:
    """CPU time of a window by way, in us, and how far the ways are apart."""
    heard = np.concatenate(audio())
    ways = {"alone": alone(n_calls), "together": together(n_calls)}
    if importlib.util.find_spec("onnxruntime"):
        ways["onnxruntime together"] = onnx(n_calls)
    spent_us: dict[str, list[float]] = {way: [] for way in ways}
    apart, at = 0.0, 0
    for _ in range(rounds):
        starts = [
            [at + n * APART + k * WINDOW for n in range(n_calls)]
            for k in range(WINDOWS)
        ]
        windows = [[_window(heard, start) for start in row] for row in starts]
        found: dict[str, list[list[float]]] = {}
        for way, step in ways.items():
            began_s = time.thread_time()
            found[way] = [step(row) for row in windows]
            spent_s = time.thread_time() - began_s
            spent_us[way].append(1e6 * spent_s / (WINDOWS * n_calls))
        difference = np.array(found["together"]) - np.array(found["alone"])
        apart = max(apart, float(np.abs(difference).max()))
        at += WINDOWS * WINDOW
    row = {way: round(statistics.median(us), 1) for way, us in spent_us.items()}
    pairs = zip(spent_us["together"], spent_us["alone"], strict=True)
    row["together to alone"] = round(statistics.median(a / b for a, b in pairs), 3)
    return row | {"max_difference": float(f"{apart:.1e}")}


def _window(heard: Samples, start: int) -> Samples:
    start %= len(heard) - WINDOW
    return heard[start : start + WINDOW]


def main() -> None:
    """Measure, write JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument(
        "-o", "--output", type=Path, default=RESULTS / "vad_together.json"
    )
    args = parser.parse_args()
    rows: dict[str, dict[str, float]] = {}
    for n_calls in CALLS:
        rows[str(n_calls)] = one_row(n_calls, args.rounds)
        print(f"{n_calls:3} calls: {json.dumps(rows[str(n_calls)])}", flush=True)
    write(args.output, {"machine": machine(), "cpu_us_per_window": rows})


if __name__ == "__main__":
    main()
