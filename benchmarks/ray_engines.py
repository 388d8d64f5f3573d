"""First audio by an engine behind Ray Serve against the same engine's local process.

Two nodes of Ray on this machine with two replicas of eSpeak NG; beside them the very
process as a server without a cluster has it. Phrases by turns, each way one at a time:
from asking to the first chunk. Needs Ray (extra ``cluster``) and ``espeak``.

    python -m benchmarks.ray_engines [--phrases 100]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import plots
from benchmarks.figures import spread, write
from benchmarks.processes import machine
from tests.cluster.ray_nodes import cluster_nodes
from voiceserver.config import Config
from voiceserver.config.parse import load
from voiceserver.engines.base import SpeechRequest, Synthesizer
from voiceserver.engines.opening import open_engines
from voiceserver.metrics import Metrics

RESULT = Path(__file__).parent / "results" / "ray_engines.json"
TEXT = "The train to the coast leaves at ten past four."
WARM_UP = 10
AIMS_MS = {"p50": 10.0, "p95": 25.0}


async def first_ms(voice: Synthesizer) -> float:
    """Milliseconds to the first chunk of a phrase; the rest is heard out."""
    began = time.perf_counter()
    took_ms = 0.0
    async for _ in voice.speak(SpeechRequest(TEXT)):
        took_ms = took_ms or 1000 * (time.perf_counter() - began)
    return took_ms


async def measure(far: Config, n_phrases: int) -> tuple[list[float], list[float]]:
    """Speak by turns; return ms of the local process and of Ray's."""
    near = replace(far, engines=replace(far.engines, speech="espeak"))
    local: list[float] = []
    by_ray: list[float] = []
    async with (
        open_engines(near, Metrics()) as here,
        open_engines(far, Metrics()) as there,
    ):
        for n in range(WARM_UP + n_phrases):
            took = await first_ms(here.speech), await first_ms(there.speech)
            if n >= WARM_UP:
                local.append(took[0])
                by_ray.append(took[1])
    return local, by_ray


def main() -> None:
    """Measure and write ``results/ray_engines.json``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--phrases", type=int, default=100)
    options = parser.parse_args()
    before = machine()
    with cluster_nodes() as nodes:
        os.environ.update(nodes.environment)
        nodes.deploy()
        found = asyncio.run(measure(load(nodes.config), options.phrases))
    local, by_ray = found
    local_ms, ray_ms = spread(local, 2), spread(by_ray, 2)
    assert local_ms and ray_ms, "--phrases is 1 or more"
    result = {
        "machine": before,
        "phrases": options.phrases,
        "local_ms": local_ms,
        "ray_ms": ray_ms,
        "more_ms": {
            share: round(ray_ms[share] - local_ms[share], 2) for share in ("p50", "p95")
        },
        "aims_ms": AIMS_MS,
    }
    print(result)
    write(RESULT, result)
    plot(result, RESULT.with_suffix(".svg"))


def plot(result: dict[str, Any], path: Path) -> None:
    """Draw both ways, and what is more against its aims."""
    ways = {"local process": result["local_ms"], "by Ray": result["ray_ms"]}
    parts = {"first audio": ways | {"more": result["more_ms"]}}
    aims = {f"aim of what is more, {n}": ms for n, ms in result["aims_ms"].items()}
    plots.ways(parts, aims, path)


if __name__ == "__main__":
    main()
