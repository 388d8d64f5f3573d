"""What voice activity costs, by the library that runs the model.

``python -m benchmarks.vad`` runs Silero's model over real recordings three ways, each
in a process of its own, and writes ``benchmarks/results/vad.json``: our numpy code
(with one BLAS thread and with the default number), onnxruntime if it is installed,
and torch. Wall and CPU time are for each window of 32 ms; start is the import of the
library and the loading of the model; memory is what they add to a process that has
numpy. All are compared with torch's probabilities.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import soundfile

from voiceserver.audio import Samples

ROOT = Path(__file__).resolve().parent.parent
WINDOW = 512
CONTEXT = 64
RATE = 16_000
RECORDINGS = (
    "speech/command/brooklyn.wav",
    "speech/read/quilter.wav",
    "speech/turns/ami_trn01.flac",
    "speech/noise/sb_noise1.flac",
)
WAYS = ("numpy", "numpy, 1 BLAS thread", "onnxruntime", "torch jit")
ROUNDS = 3  # of each way in turn, so that a busy moment does not fall on one alone

Step = Callable[[Samples], float]
Opened = tuple[Step, Callable[[], None]]


def model_file(name: str) -> Path:
    """A file of the ``silero-vad`` wheel."""
    spec = importlib.util.find_spec("silero_vad")
    if spec is None or spec.origin is None:
        raise SystemExit("silero-vad is not installed")
    return Path(spec.origin).parent / "data" / name


def open_numpy() -> Opened:
    """Our own code."""
    from voiceserver.engines.acoustic.silero import Silero

    detector = Silero().open()
    return detector.probability, detector.reset


def onnx_session() -> Any:
    """The wheel's ONNX file of opset 15, by one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(
        str(model_file("silero_vad_16k_op15.onnx")),
        options,
        providers=["CPUExecutionProvider"],
    )


def open_onnx() -> Opened:
    """By the ONNX file."""
    session = onnx_session()
    line = np.zeros((1, CONTEXT + WINDOW), np.float32)
    rate = np.array(RATE, np.int64)
    state = np.zeros((2, 1, 128), np.float32)

    def step(window: Samples) -> float:
        nonlocal state
        line[0, :CONTEXT] = line[0, WINDOW:]
        line[0, CONTEXT:] = window
        out, state = session.run(None, {"input": line, "state": state, "sr": rate})
        return float(out[0, 0])

    def reset() -> None:
        line[:] = 0
        state[:] = 0

    return step, reset


def open_torch() -> Opened:
    """The wheel's TorchScript file."""
    import torch

    torch.set_num_threads(1)
    model = torch.jit.load(str(model_file("silero_vad.jit")))  # type: ignore[no-untyped-call]
    model.eval()

    def step(window: Samples) -> float:
        with torch.no_grad():
            return float(model(torch.from_numpy(window), RATE))

    return step, model.reset_states


OPENERS: dict[str, Callable[[], Opened]] = {
    "numpy": open_numpy,
    "numpy, 1 BLAS thread": open_numpy,
    "onnxruntime": open_onnx,
    "torch jit": open_torch,
}


def audio() -> list[Samples]:
    """The recordings, cut to whole windows."""
    named = os.environ.get("VOICESERVER_DATA")
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    found = []
    for name in RECORDINGS:
        samples, rate = soundfile.read(folder / name, dtype="float32")
        assert rate == RATE
        found.append(samples[: len(samples) // WINDOW * WINDOW])
    return found


def measure(way: str) -> dict[str, object]:
    """Run one way in this process."""
    recordings = audio()
    process = psutil.Process()
    before = process.memory_info().rss
    cpu = time.process_time()
    begun = time.perf_counter()
    step, reset = OPENERS[way]()
    step(np.zeros(WINDOW, np.float32))
    start_ms = 1e3 * (time.perf_counter() - begun)
    start_cpu_ms = 1e3 * (time.process_time() - cpu)
    probabilities: list[float] = []
    wall_us: list[float] = []
    cpu = time.process_time()
    for samples in recordings:
        reset()
        for at in range(0, len(samples), WINDOW):
            window = samples[at : at + WINDOW]
            begun = time.perf_counter()
            probability = step(window)
            wall_us.append(1e6 * (time.perf_counter() - begun))
            probabilities.append(probability)
    cpu_us = 1e6 * (time.process_time() - cpu) / len(wall_us)
    return {
        "wall_us": wall_us,
        "cpu_us": cpu_us,
        "start_ms": start_ms,
        "start_cpu_ms": start_cpu_ms,
        "rss_mb": (process.memory_info().rss - before) / 2**20,
        "probabilities": probabilities,
    }


def in_child(way: str) -> dict[str, object] | None:
    """Measure one way in a fresh process; None where its library is missing."""
    if way == "onnxruntime" and importlib.util.find_spec("onnxruntime") is None:
        return None
    environment = dict(os.environ)
    environment.pop("OPENBLAS_NUM_THREADS", None)
    if "1 BLAS" in way:
        environment["OPENBLAS_NUM_THREADS"] = "1"
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.vad", "--child", way],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        check=True,
        timeout=300,
    )
    result: dict[str, object] = json.loads(run.stdout)
    return result


def summary(runs: list[dict[str, object]], truth: list[float]) -> dict[str, float]:
    """Medians over rounds; percentiles over all windows."""
    wall = np.concatenate([np.array(run["wall_us"]) for run in runs])
    p50, p99 = np.percentile(wall, [50, 99])

    def median(key: str) -> float:
        return round(float(np.median([np.array(run[key]) for run in runs])), 1)

    apart = np.abs(np.array(runs[0]["probabilities"]) - np.array(truth)).max()
    return {
        "wall_p50_us": round(float(p50), 1),
        "wall_p99_us": round(float(p99), 1),
        "cpu_mean_us": median("cpu_us"),
        "start_ms": median("start_ms"),
        "start_cpu_ms": median("start_cpu_ms"),
        "rss_mb": median("rss_mb"),
        "max_difference_from_torch": float(f"{apart:.1e}"),
    }


def main() -> None:
    """Measure every way and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--child", choices=WAYS, help=argparse.SUPPRESS)
    results = ROOT / "benchmarks" / "results" / "vad.json"
    parser.add_argument("-o", "--output", type=Path, default=results)
    args = parser.parse_args()
    if args.child:
        json.dump(measure(args.child), sys.stdout)
        return
    runs: dict[str, list[dict[str, object]]] = {way: [] for way in WAYS}
    for round_number in range(ROUNDS):
        for way in WAYS:
            print(f"round {round_number + 1}: {way}", file=sys.stderr)
            run = in_child(way)
            if run is not None:
                runs[way].append(run)
    truth = [float(p) for p in np.array(runs["torch jit"][0]["probabilities"])]
    table = {way: summary(found, truth) for way, found in runs.items() if found}
    report = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "load_average": round(os.getloadavg()[0], 2),
        "windows": len(truth),
        "ways": table,
    }
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(json.dumps(report, indent=1) + "\n")
    for way, row in table.items():
        print(f"{way:22}", "  ".join(f"{key} {value}" for key, value in row.items()))


if __name__ == "__main__":
    main()
