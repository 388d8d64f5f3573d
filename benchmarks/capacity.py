"""How many paced calls one machine carries, with the callers on it too.

Each caller says three recorded sentences, into the reply before. Stub engines but the
real voice activity. For every number of calls: lateness of the server's event loop
while all of them talk, replies, CPU. *Most calls* is the largest number, of those
tried in turn, at which nobody was refused or left unanswered and the lateness's 99th
percentile was at most three times that of the idle server.

    python -m benchmarks.capacity [--calls 8 16 24 32 40] [--workers N]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from pathlib import Path

import uvloop

from benchmarks import plots
from benchmarks.caller import Caller, Refused
from benchmarks.conversation import (
    SILENCE_MS,
    STUB_CONFIG,
    UTTERANCES,
    Measured,
    converse,
    judge,
    spread,
)
from benchmarks.processes import Server, machine, serving
from benchmarks.recordings import read

RESULTS = Path(__file__).parent / "results"
CONFIG = STUB_CONFIG.replace("max_calls = 16", "max_calls = 256")
APART_S = 0.15  # between the beginnings of two calls
IDLE_S = 6.0
MOST_TIMES_IDLE = 3.0
LAG = "voiceserver_loop_lag_seconds_bucket"


def lateness(server: Server) -> dict[float, float]:
    """Counts of the event loop's lateness so far, by upper edge in ms."""
    return {
        float(key.split('le="')[1].split('"')[0]) * 1000: count
        for key, count in server.metric(LAG).items()
    }


def p99_ms(before: dict[float, float], after: dict[float, float]) -> float:
    """The 99th percentile of what came between, interpolated within its bucket."""
    counts = sorted((edge, after[edge] - before[edge]) for edge in after)
    wanted = 0.99 * counts[-1][1]
    low_edge = low = 0.0
    for edge, count in counts:
        if count >= wanted:
            if edge == float("inf"):
                return low_edge
            return low_edge + (edge - low_edge) * (wanted - low) / max(1.0, count - low)
        low_edge, low = edge, count
    return low_edge


async def step(server: Server, count: int) -> dict[str, object]:
    """Hold ``count`` calls at once; return how they and the loop fared."""
    utterances = [read(name) for name in UTTERANCES[:3]]
    callers = [Caller(server.url) for _ in range(count)]
    together = Measured()
    connected: list[Caller] = []
    for caller in callers:
        try:
            await caller.connect()
            connected.append(caller)
        except (Refused, TimeoutError):
            together.refused += 1
        await asyncio.sleep(APART_S)
    before, lag_before = server.cost(), await asyncio.to_thread(lateness, server)

    async def talk(caller: Caller, late_s: float) -> list[list[float]]:
        await asyncio.sleep(late_s)
        return await converse(caller, utterances)

    async with asyncio.TaskGroup() as group:
        talks = [
            group.create_task(talk(caller, (0.37 * index) % 4))
            for index, caller in enumerate(connected)
        ]
    after, lag_after = server.cost(), await asyncio.to_thread(lateness, server)
    for caller, talked in zip(connected, talks, strict=True):
        one = judge(caller, utterances, talked.result())
        together.reply_ms += one.reply_ms
        together.unanswered += one.unanswered
        together.connect_ms += one.connect_ms
    for caller in callers:
        await caller.close()
    seconds = after.at_s - before.at_s
    return {
        "calls": count,
        "refused": together.refused,
        "unanswered": together.unanswered,
        "reply_after_silence_ms": spread(
            [value - SILENCE_MS for value in together.reply_ms]
        ),
        "connect_ms": spread(together.connect_ms),
        "loop_lag_p99_ms": round(p99_ms(lag_before, lag_after), 2),
        "cpu_s_per_s": round((after.all_cpu_s - before.all_cpu_s) / seconds, 3),
        "rss_mb": round(after.all_rss_mb, 1),
    }


async def measure(counts: list[int], workers: int) -> dict[str, object]:
    """Try numbers of calls in turn, until one is too many."""
    steps: list[dict[str, object]] = []
    most = 0
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as config:
        config.write(CONFIG)
        config.flush()
        command = ["-m", "voiceserver", "serve", "--config", config.name]
        command += ["--workers", str(workers)] if workers else []
        with serving(command) as server:
            await step(server, 1)  # what only the first call loads
            before = lateness(server)
            await asyncio.sleep(IDLE_S)
            idle_ms = p99_ms(before, lateness(server))
            for count in counts:
                steps.append(one := await step(server, count))
                print(json.dumps(one), flush=True)
                late = one["loop_lag_p99_ms"]
                assert isinstance(late, float)
                fine = late <= MOST_TIMES_IDLE * idle_ms
                if not fine or one["refused"] or one["unanswered"]:
                    break
                most = count
    return {
        "machine": machine(),
        "workers": workers or "default",
        "idle_loop_lag_p99_ms": round(idle_ms, 2),
        "most_calls": most,
        "steps": steps,
    }


def main() -> None:
    """Measure, write JSON and a plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, nargs="+", default=[8, 16, 24, 32, 40])
    parser.add_argument("--workers", type=int, default=0, help="0: the server's own")
    results = RESULTS / "capacity.json"
    parser.add_argument("-o", "--output", type=Path, default=results)
    args = parser.parse_args()
    result = uvloop.run(measure(args.calls, args.workers))
    print(f"most calls: {result['most_calls']}")
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(json.dumps(result, indent=1) + "\n")
    plots.capacity(result, args.output.with_suffix(".svg"))


if __name__ == "__main__":
    main()
