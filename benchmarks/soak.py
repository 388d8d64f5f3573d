"""Calls for many minutes: answered to the end, and nothing grows.

Callers say recorded sentences into the reply before, call after call; now and then
one leaves without a word, and a stranger floods the ports with junk. Stub engines but
the real voice activity. Memory, lateness and faults are read every ten seconds.

    python -m benchmarks.soak [--minutes 10] [--calls 4]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import socket
import tempfile
import time
from pathlib import Path

import numpy as np
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
)
from benchmarks.figures import RESULTS, spread, write
from benchmarks.processes import Server, machine, serving
from benchmarks.recordings import read

CONFIG = STUB_CONFIG.replace("max_calls = 16", "max_calls = 256")
LAG = "voiceserver_loop_lag_seconds_bucket"
LOOK_S = 10.0
FLOODED_EVERY, JUNK = 6, 200  # looks, datagrams
VANISHES = 5  # one call in so many


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


async def talk(server: Server, until_s: float, first: int) -> Measured:
    """Hold call after call."""
    utterances = [read(name) for name in UTTERANCES]
    together, number = Measured(), first
    while time.perf_counter() < until_s:
        number += 1
        caller = Caller(server.url)
        try:
            await caller.connect()
        except (Refused, TimeoutError):
            together.refused += 1
            await caller.close()
            await asyncio.sleep(1)
            continue
        sent = await converse(caller, utterances)
        await (caller.close() if number % VANISHES else caller.vanish())
        one = await asyncio.to_thread(judge, caller, utterances, sent)
        together.reply_ms += one.reply_ms
        together.silence_ms += one.silence_ms
        together.connect_ms += one.connect_ms
        together.unanswered += one.unanswered
    return together


def flood(server: Server) -> None:
    """Send junk to every UDP port that the server has open."""
    rng = random.Random(1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for port in server.udp_ports():
            for _ in range(JUNK):
                junk = rng.randbytes(rng.randrange(1, 200))
                stranger.sendto(junk, ("127.0.0.1", port))


async def look(server: Server, until_s: float) -> list[list[float]]:
    """Return ``(s, MB, lateness p99 in ms)``, every ten seconds."""
    began_s, seen = time.perf_counter(), []
    before = await asyncio.to_thread(lateness, server)
    while time.perf_counter() < until_s:
        await asyncio.sleep(LOOK_S)
        after = await asyncio.to_thread(lateness, server)
        at_s = time.perf_counter() - began_s
        seen.append([at_s, server.cost().all_rss_mb, p99_ms(before, after)])
        before = after
        if len(seen) % FLOODED_EVERY == 0:
            flood(server)
    return seen


async def measure(minutes: float, n_calls: int) -> dict[str, object]:
    """Run it."""
    together = Measured()
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as config:
        config.write(CONFIG)
        config.flush()
        command = ["-m", "voiceserver", "serve", "--config", config.name]
        with serving(command) as server:
            until_s = time.perf_counter() + 60 * minutes
            async with asyncio.TaskGroup() as group:
                looking = group.create_task(look(server, until_s))
                talks = [
                    group.create_task(talk(server, until_s, index))
                    for index in range(n_calls)
                ]
            faults = sum(server.metric("voiceserver_faults_total").values())
            underruns = server.metric("voiceserver_playout_underruns_total")
    for one in (task.result() for task in talks):
        together.reply_ms += one.reply_ms
        together.silence_ms += one.silence_ms
        together.connect_ms += one.connect_ms
        together.unanswered += one.unanswered
        together.refused += one.refused
    seen = np.array(looking.result())
    late = seen[len(seen) // 2 :]
    slope = float(np.polyfit(late[:, 0], late[:, 1], 1)[0]) if len(late) > 2 else 0.0
    return {
        "machine": machine(),
        "minutes": minutes,
        "calls_at_once": n_calls,
        "calls": len(together.connect_ms),
        "turns": len(together.reply_ms) + together.unanswered,
        "unanswered": together.unanswered,
        "refused": together.refused,
        "faults": faults,
        "underruns": sum(underruns.values()),
        "reply_after_silence_ms": spread([ms - SILENCE_MS for ms in together.reply_ms]),
        "interruption_to_silence_ms": spread(together.silence_ms),
        "growth_mb_per_hour_second_half": round(slope * 3600, 1),
        "seen": np.round(seen, 2).tolist(),
    }


def main() -> None:
    """Measure, write JSON and a plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--calls", type=int, default=4)
    results = RESULTS / "soak.json"
    parser.add_argument("-o", "--output", type=Path, default=results)
    args = parser.parse_args()
    result = uvloop.run(measure(args.minutes, args.calls))
    print(json.dumps({k: v for k, v in result.items() if k != "seen"}, indent=1))
    write(args.output, result)
    seen = np.array(result["seen"])
    series = {
        "resident memory of all processes (MB)": seen[:, :2],
        "lateness of the event loop, p99 (ms)": seen[:, ::2],
    }
    plots.line(series, "seconds", args.output.with_suffix(".svg"))


if __name__ == "__main__":
    main()
