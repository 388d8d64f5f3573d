"""What is left of calls that have come and gone, and what one call holds.

Calls connect, ask, are answered, interrupt, and leave in one of three ways: with a
goodbye, in the middle of the answer, or without a word. Stub engines. *Memory per
call* is what resident memory grows by for each of several calls held at once; *growth
per cycle* its slope over the second half of the cycles, when caches are full.

    python -m benchmarks.cycles [--cycles 200] [--held 8]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks import plots
from benchmarks.caller import Caller
from benchmarks.figures import RESULTS, write
from benchmarks.processes import Server, machine, serving

# Calls of those who vanished are closed after the inactivity limit.
CONFIG = """
[engines]
vad = "stub"
recogniser = "stub"
text = "stub"
speech = "stub"
[server]
max_calls = 64
[media]
inactivity_limit_s = 1.0
"""
AT_ONCE = 2  # cycles
HEARD = 10  # packets of the answer before it is interrupted
ANSWER_LIMIT_S = 10.0
SAMPLES = 40  # of memory, over all cycles
SETTLED_S = 3.0  # until the calls of those who vanished are closed


async def cycle(url: str, number: int) -> None:
    """Call, ask, interrupt, and leave in a way that depends on the number."""
    caller = Caller(url)
    try:
        await caller.connect()
        caller.send({"type": "response.create"})
        async with asyncio.timeout(ANSWER_LIMIT_S):
            while not caller.heard("output_audio_buffer.started"):  # noqa: ASYNC110 - a list
                await asyncio.sleep(0.02)
            silent = len(caller.packets)
            while len(caller.packets) < silent + HEARD:  # noqa: ASYNC110 - likewise
                await asyncio.sleep(0.02)
        if number % 3 != 1:
            caller.send({"type": "response.cancel"})
            await asyncio.sleep(0.05)
    finally:
        await (caller.vanish() if number % 3 == 2 else caller.close())


async def cycles(server: Server, count: int) -> tuple[list[list[float]], int]:
    """Go through cycles; return ``(cycle, MB)`` on the way and how many failed."""
    memory: list[list[float]] = []
    failed = done = 0
    numbers = iter(range(count))

    async def one_after_another() -> None:
        nonlocal failed, done
        for number in numbers:
            try:
                await cycle(server.url, number)
            except Exception as error:  # noqa: BLE001 - counted; the rest goes on
                failed += 1
                print("cycle", number, "failed:", repr(error))
            done += 1
            if done % max(1, count // SAMPLES) == 0:
                memory.append([done, server.cost().all_rss_mb])

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(one_after_another())
    await asyncio.sleep(SETTLED_S)
    memory.append([done, server.cost().all_rss_mb])
    return memory, failed


async def held(server: Server, count: int) -> float:
    """Return the memory that each of ``count`` calls holds, in MB."""
    before = server.cost().all_rss_mb
    callers = [Caller(server.url) for _ in range(count)]
    for caller in callers:
        await caller.connect()
        caller.send({"type": "response.create"})
    await asyncio.sleep(3)
    after = server.cost().all_rss_mb
    for caller in callers:
        await caller.close()
    await asyncio.sleep(1)
    return (after - before) / count


async def measure(n_cycles: int, n_held: int) -> dict[str, object]:
    """Measure memory per call on a fresh server, then over the cycles."""
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as config:
        config.write(CONFIG)
        config.flush()
        command = ["-m", "voiceserver", "serve", "--config", config.name]
        with serving(command) as server:
            first_mb = await held(server, 1)  # what only the first call loads
            per_call_mb = await held(server, n_held)
            began_s = time.perf_counter()
            memory, failed = await cycles(server, n_cycles)
            took_s = time.perf_counter() - began_s
            active = server.metric("voiceserver_calls ")
    late = np.array(memory[len(memory) // 2 :])
    slope = float(np.polyfit(late[:, 0], late[:, 1], 1)[0]) if len(late) > 2 else 0.0
    return {
        "machine": machine(),
        "first_call_mb": round(first_mb, 2),
        "per_call_mb": round(per_call_mb, 2),
        "held_at_once": n_held,
        "cycles": n_cycles,
        "failed": failed,
        "seconds_per_cycle": round(took_s / max(1, n_cycles), 3),
        "growth_kb_per_cycle": round(slope * 1024, 2),
        "rss_mb_median_of_second_half": round(statistics.median(late[:, 1]), 1),
        "calls_left": sum(active.values()),
        "rss_mb": [[int(at), round(mb, 2)] for at, mb in memory],
    }


def main() -> None:
    """Measure, write JSON and a plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=200)
    parser.add_argument("--held", type=int, default=8)
    results = RESULTS / "cycles.json"
    parser.add_argument("-o", "--output", type=Path, default=results)
    args = parser.parse_args()
    result = asyncio.run(measure(args.cycles, args.held))
    print(json.dumps({k: v for k, v in result.items() if k != "rss_mb"}, indent=1))
    write(args.output, result)
    plots.line(
        {"resident memory (MB)": result["rss_mb"]},
        "cycles",
        args.output.with_suffix(".svg"),
    )


if __name__ == "__main__":
    main()
