"""How many calls two cores hold with their callers: what replies and a call cost then.

Real WebRTC callers on the same machine, each of which asks a recorded question every
six seconds, into the reply to the one before; stub engines, the server's own voice
activity, and a limit on calls that is far too high. At each step there are more.
*Reply* is told as ``benchmarks.conversation`` measures it, at the callers' sockets,
after the silence that ends a turn. *Cost* is CPU s of all the server's processes in a
second of a call. Callers that are not taken are counted: who is in should not notice.
Each step has callers of its own: what they heard is judged once they have hung up, as
who judges has no time to send.

    python -m benchmarks.paced_calls [--calls 16 32 48 64] [--seconds 18] [--workers 2]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import uvloop

from benchmarks import plots
from benchmarks.admission import APART_S, CYCLE_S, LAG, between, buckets, quantile_ms
from benchmarks.caller import Caller, Refused, encoded
from benchmarks.conversation import (
    SILENCE_MS,
    STUB_CONFIG,
    UTTERANCES,
    Measured,
    judge,
)
from benchmarks.figures import RESULTS, spread, write
from benchmarks.processes import Server, machine, serving
from benchmarks.recordings import Utterance, read

AIMS = {"calls": 64, "reply_after_silence_p95_ms": 60, "cpu_s_per_call_s": 0.010}
SETTLE_S = 1.0  # after the last call was taken


async def _calling(url: str, number: int) -> list[Caller]:
    """Have so many callers call, one after the other; return those that were taken."""
    callers = []
    for _ in range(number):
        caller = Caller(url)
        try:
            await caller.connect()
        except (Refused, TimeoutError):
            await caller.close()
        else:
            callers.append(caller)
        await asyncio.sleep(APART_S)
    return callers


async def _asks(
    caller: Caller, said: list[Utterance], late_s: float
) -> list[list[float]]:
    """Ask, every few seconds; return when each frame of each question was sent."""
    await asyncio.sleep(late_s)
    sent = []
    for utterance in said:
        caller.microphone.say(utterance.samples)
        await asyncio.sleep(CYCLE_S)
        sent.append([*caller.microphone.sent_s])
    return sent


async def one_step(server: Server, number: int, turns: int) -> dict[str, Any]:
    """Hold so many calls while each asks so many times."""
    callers = await _calling(server.url, number)
    await asyncio.sleep(SETTLE_S)
    said = [read(UTTERANCES[turn % len(UTTERANCES)]) for turn in range(turns)]
    for caller in callers:
        caller.packets.clear()
    lag, before, own_s = buckets(server, LAG), server.cost(), time.process_time()
    async with asyncio.TaskGroup() as group:
        asking = [
            group.create_task(_asks(caller, said, CYCLE_S * n / len(callers)))
            for n, caller in enumerate(callers)
        ]
    after, own_s = server.cost(), time.process_time() - own_s
    lag, took_s = between(lag, buckets(server, LAG)), after.at_s - before.at_s
    for caller in callers:
        await caller.close()
    all_of_them = Measured()
    for caller, sent in zip(callers, asking, strict=True):
        one = judge(caller, said, sent.result())
        all_of_them.reply_ms += one.reply_ms
        all_of_them.silence_ms += one.silence_ms
        all_of_them.unanswered += one.unanswered
    late_ms = [reply_ms - SILENCE_MS for reply_ms in all_of_them.reply_ms]
    cpu_s = after.all_cpu_s - before.all_cpu_s
    return {
        "asked_for": number,
        "calls": len(callers),
        "refused": number - len(callers),
        "turns": len(late_ms) + all_of_them.unanswered,
        "unanswered": all_of_them.unanswered,
        "reply_after_silence_ms": spread(late_ms),
        "interruption_to_silence_ms": spread(all_of_them.silence_ms),
        "cpu_s_per_call_s": round(cpu_s / took_s / max(1, len(callers)), 4),
        "server_cores": round(cpu_s / took_s, 3),
        "callers_cores": round(own_s / took_s, 3),
        "loop_lag_p99_ms": round(quantile_ms(lag, 0.99), 1),
    }


async def measure(
    server: Server, counts: list[int], turns: int
) -> list[dict[str, Any]]:
    """Every step."""
    for name in UTTERANCES:
        encoded(read(name).samples)  # before any call needs the loop
    steps = []
    for number in counts:
        steps.append(await one_step(server, number, turns))
        print(json.dumps(steps[-1]), flush=True)
    return steps


def drawn(steps: list[dict[str, Any]]) -> dict[str, list[tuple[float, float]]]:
    """What is plotted over the number of calls."""
    return {
        "reply after silence, 95 % (ms)": [
            (step["calls"], (step["reply_after_silence_ms"] or {"p95": 0.0})["p95"])
            for step in steps
        ],
        "CPU s in a second of a call": [
            (step["calls"], step["cpu_s_per_call_s"]) for step in steps
        ],
        "cores in use by the server": [
            (step["calls"], step["server_cores"]) for step in steps
        ],
    }


def main() -> None:
    """Measure, write JSON and a plot."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--calls", type=int, nargs="+", default=[16, 32, 48, 64])
    add("--seconds", type=float, default=18.0, help="how long a step asks")
    add("--workers", type=int, default=2, help="as voiceserver serve --workers")
    add("-o", "--output", type=Path, default=RESULTS / "paced_calls.json")
    args = parser.parse_args()
    command = ["-m", "voiceserver", "serve", "--workers", str(args.workers)]
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as config:
        config.write(STUB_CONFIG.replace("max_calls = 16", "max_calls = 512"))
        config.flush()
        with serving([*command, "--config", config.name]) as server:
            turns = max(1, round(args.seconds / CYCLE_S))
            steps = uvloop.run(measure(server, args.calls, turns))
    result = {
        "machine": machine(),
        "workers": args.workers,
        "silence_ms": SILENCE_MS,
        "aims": AIMS,
        "steps": steps,
    }
    write(args.output, result)
    plots.line(drawn(steps), "calls at a time", args.output.with_suffix(".svg"))
    print(f"wrote {args.output} and its plot")


if __name__ == "__main__":
    main()
