"""Finds how many calls this machine may admit, and writes the limit down.

Callers on the same machine speak recorded sentences in real time, a few more at each
step. A step is good while the event loop is late by no more than one frame, or three
times what the idle server is (99th percentile), answers begin in time (95th percentile
after the commit of a turn), and nobody is refused or left without one. The limit is the
last good step. What is measured is the configuration that is given, engines and all;
``--stubs`` measures the server alone.

    python -m benchmarks.admission [--stubs] [--write voiceserver.toml]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import uvloop

from benchmarks import figures, plots
from benchmarks.caller import RATE, Caller
from benchmarks.processes import STUB_ENGINES, Server, machine, serving
from benchmarks.recordings import read
from voiceserver.audio import Samples, resample
from voiceserver.config.parse import DEFAULT_FILE, parse

UTTERANCES = ("speech/command/brooklyn.wav", "speech/command/whatstheweatherlike.wav")
LAG = "voiceserver_loop_lag_seconds_bucket"
FIRST = "voiceserver_first_audio_seconds_bucket"
TIMES_IDLE = 3.0
# A frame that leaves so much later than due is still in the listener's jitter buffer.
FRAME_MS = 20.0
TARGET_MS = 600.0  # of a turn's 700 (docs/latency-budget.md)
IDLE_S = 5.0
CYCLE_S = 6.0  # a question and its answer
APART_S = 0.1  # between the beginnings of two calls
STUBS = STUB_ENGINES
# What a measurement on loopback needs, whatever the configuration says.
OPEN = {
    "host": '"127.0.0.1"',
    "max_calls": "512",
    "max_calls_per_address": "0",
    "api_key_env": '""',
    "api_key_file": '""',
    "tls_cert": '""',
    "tls_key": '""',
}

Buckets = dict[float, float]
K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Step:
    """What so many calls were like.

    Attributes:
        calls: At a time.
        loop_lag_p99_ms: Of the server's event loops.
        first_audio_p95_ms: Commit of a turn to its first answer audio.
        turns: Answered within the step.
        unanswered: Callers that heard no answer in it.
        refused: Calls not taken.
        server_cores: CPU seconds per second of all its processes.
        cores_by_part: Of that, the front's and each engine's.
        callers_cores: And of the callers beside it.
        why: What was not good; empty if all was.
    """

    calls: int
    loop_lag_p99_ms: float
    first_audio_p95_ms: float
    turns: int
    unanswered: int
    refused: int
    server_cores: float = 0.0
    callers_cores: float = 0.0
    cores_by_part: dict[str, float] = field(default_factory=dict)
    why: str = ""


def with_setting(text: str, key: str, value: str) -> str:
    """Put a setting of ``[server]`` into the text of a configuration.

    Comments and everything else stay as they are.
    """
    dotted = re.compile(rf"^server\.{key}\s*=.*$", re.MULTILINE)
    if dotted.search(text):
        return dotted.sub(f"server.{key} = {value}", text, count=1)
    if first := re.search(r"^server\.", text, re.MULTILINE):
        at = first.start()
        return f"{text[:at]}server.{key} = {value}\n{text[at:]}"
    lines = text.splitlines()
    heads = [at for at, line in enumerate(lines) if re.match(r"\s*\[", line)]
    starts = [at for at in heads if re.match(r"\s*\[\s*server\s*\]", lines[at])]
    if not starts:
        return "\n".join([*lines, "", "[server]", f"{key} = {value}"]).lstrip() + "\n"
    start = starts[0]
    end = next((at for at in heads if at > start), len(lines))
    for at in range(start + 1, end):
        if re.match(rf"\s*{key}\s*=", lines[at]):
            comment = re.search(r"\s#.*$", lines[at])
            lines[at] = f"{key} = {value}" + (comment[0] if comment else "")
            return "\n".join(lines) + "\n"
    lines.insert(start + 1, f"{key} = {value}")
    return "\n".join(lines) + "\n"


def quantile_ms(buckets: Buckets, share: float) -> float:
    """A quantile of a cumulative histogram in seconds, within its bucket by line."""
    edges = sorted(buckets)
    wanted = share * buckets[edges[-1]] if edges else 0.0
    low_s = low = 0.0
    for edge in edges:
        count = buckets[edge]
        if count >= wanted and count > low:
            top_s = low_s if edge == float("inf") else edge
            return 1000 * (low_s + (top_s - low_s) * (wanted - low) / (count - low))
        low_s, low = edge, count
    return 0.0


def buckets(server: Server, name: str) -> Buckets:
    """A histogram of the server's, over all labels but the edge."""
    found: Buckets = {}
    for key, count in server.metric(name).items():
        edge = float(key.split('le="')[1].split('"')[0])
        found[edge] = found.get(edge, 0.0) + count
    return found


def between(before: dict[K, float], after: dict[K, float]) -> dict[K, float]:
    """What came into a histogram, or was spent, meanwhile."""
    return {key: amount - before.get(key, 0.0) for key, amount in after.items()}


def sentences() -> list[Samples]:
    """What callers say, at 48 kHz."""
    found = []
    for name in UTTERANCES:
        utterance = read(name)
        samples = resample(utterance.samples, utterance.sample_rate, RATE)
        found.append(samples * np.float32(0.5 / np.abs(samples).max()))
    return found


class Crowd:
    """Callers that stay, and speak at each step."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._said = sentences()
        self._callers: list[Caller] = []
        self.refused = 0

    async def grow(self, number: int) -> None:
        """Call until there are so many."""
        while len(self._callers) + self.refused < number:
            caller = Caller(self._url)
            try:
                await caller.connect()
            except Exception as error:  # noqa: BLE001 - whatever it is, it is a no
                print(f"not taken: {error}")
                await caller.close()
                self.refused += 1
            else:
                self._callers.append(caller)
            await asyncio.sleep(APART_S)

    async def talk(self, seconds: float) -> int:
        """Everybody asks, every few seconds; return how many heard no answer."""
        before = [self._answers(caller) for caller in self._callers]
        async with asyncio.TaskGroup() as group:
            for index, caller in enumerate(self._callers):
                late_s = CYCLE_S * index / max(1, len(self._callers))
                group.create_task(self._ask(caller, late_s, seconds))
        await asyncio.sleep(CYCLE_S)  # turns are counted when they are over
        after = [self._answers(caller) for caller in self._callers]
        return sum(a <= b for b, a in zip(before, after, strict=True))

    async def leave(self) -> None:
        """Hang up."""
        for caller in self._callers:
            await caller.close()

    async def _ask(self, caller: Caller, late_s: float, seconds: float) -> None:
        await asyncio.sleep(late_s)
        for turn in range(max(1, round(seconds / CYCLE_S))):
            caller.microphone.say(self._said[turn % len(self._said)])
            await asyncio.sleep(CYCLE_S)

    @staticmethod
    def _answers(caller: Caller) -> int:
        kind = "output_audio_buffer.started"
        return sum(event["type"] == kind for _, event in caller.events)


async def one_step(server: Server, crowd: Crowd, calls: int, seconds: float) -> Step:
    """Hold so many calls for a while."""
    await crowd.grow(calls)
    before = [buckets(server, name) for name in (LAG, FIRST)]
    began, own_s = server.cost(), time.process_time()
    parts = server.cpu_by_part()
    unanswered = await crowd.talk(seconds)
    ended, own_s = server.cost(), time.process_time() - own_s
    parts = between(parts, server.cpu_by_part())
    after = [buckets(server, name) for name in (LAG, FIRST)]
    took_s = ended.at_s - began.at_s
    lag, first = (between(*pair) for pair in zip(before, after, strict=True))
    return Step(
        calls,
        round(quantile_ms(lag, 0.99), 2),
        round(quantile_ms(first, 0.95), 1),
        round(max(first.values(), default=0)),
        unanswered,
        crowd.refused,
        round((ended.all_cpu_s - began.all_cpu_s) / took_s, 3),
        round(own_s / took_s, 3),
        {name: round(cpu_s / took_s, 3) for name, cpu_s in parts.items()},
    )


def allowed_lag_ms(idle_ms: float) -> float:
    """How late the event loop may be (99th percentile) in a good step."""
    return max(FRAME_MS, TIMES_IDLE * idle_ms)


def fault(step: Step, idle_ms: float, target_ms: float) -> str:
    """What is not good about a step; empty if nothing."""
    most_ms = allowed_lag_ms(idle_ms)
    faults = {
        f"{step.refused} calls were not taken": step.refused > 0,
        f"{step.unanswered} callers heard no answer": step.unanswered > 0,
        f"the event loop is {step.loop_lag_p99_ms} ms late, more than {most_ms:.1f}": (
            step.loop_lag_p99_ms > most_ms
        ),
        f"answers begin after {step.first_audio_p95_ms} ms, more than {target_ms}": (
            step.first_audio_p95_ms > target_ms
        ),
    }
    return "; ".join(what for what, so in faults.items() if so)


async def search(
    server: Server, counts: Iterable[int], seconds: float, target_ms: float
) -> tuple[int, float, list[Step]]:
    """Return the most calls, the idle server's lateness, and every step."""
    crowd = Crowd(server.url)
    steps: list[Step] = []
    most = 0
    try:
        before = buckets(server, LAG)
        await asyncio.sleep(IDLE_S)
        idle_ms = quantile_ms(between(before, buckets(server, LAG)), 0.99)
        print(f"idle: the event loop is {idle_ms:.2f} ms late (p99)", flush=True)
        for count in counts:
            step = await one_step(server, crowd, count, seconds)
            why = fault(step, idle_ms, target_ms)
            steps.append(Step(**(asdict(step) | {"why": why})))
            print(f"{count:4} calls: {json.dumps(asdict(steps[-1]))}", flush=True)
            if why:
                break
            most = count
    finally:
        await crowd.leave()
    return most, idle_ms, steps


@contextmanager
def measured(config: Path | None, stubs: bool) -> Iterator[str]:
    """The configuration that is measured, as a file for as long as it is.

    It lies beside the one it is made of, whose paths are relative to that folder.
    """
    file = config or (DEFAULT_FILE if DEFAULT_FILE.exists() else None)
    folder = file.resolve().parent if file and not stubs else None
    with tempfile.NamedTemporaryFile(
        "w", prefix=".admission-", suffix=".toml", dir=folder
    ) as made:
        made.write(measured_text(file, stubs))
        made.flush()
        yield made.name


def measured_text(file: Path | None, stubs: bool) -> str:
    """A configuration, with what a measurement on loopback needs."""
    text = STUBS if stubs else "" if file is None else file.read_text("utf-8")
    for key, value in OPEN.items():
        text = with_setting(text, key, value)
    return text


def main() -> int:
    """Measure, say the line of the configuration, and write it where that is asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--config", type=Path, help="what to measure; default as voiceserver serve")
    add("--stubs", action="store_true", help="measure the server without its engines")
    add("--workers", type=int, default=0, help="as voiceserver serve --workers")
    add("--step", type=int, default=4, help="calls more at each step")
    add("--most", type=int, default=40, help="stop here even if all is well")
    add("--seconds", type=float, default=6.0, help="how long a step asks")
    add("--target-ms", type=float, default=TARGET_MS, help="for the 95th percentile")
    add("--write", type=Path, metavar="FILE", help="put the limit into this file")
    add("-o", "--output", type=Path, default=figures.RESULTS / "admission.json")
    args = parser.parse_args()
    with measured(args.config, args.stubs) as file:
        command = ["-m", "voiceserver", "serve", "--config", file]
        command += ["--workers", str(args.workers)] if args.workers else []
        with serving(command) as server:
            counts = [1, *range(args.step, args.most + 1, args.step)]
            most, idle_ms, steps = uvloop.run(
                search(server, counts, args.seconds, args.target_ms)
            )
    result = {
        "machine": machine(),
        "engines": "stubs" if args.stubs else "as configured",
        "workers": args.workers or "default",
        "target_ms": args.target_ms,
        "idle_loop_lag_p99_ms": round(idle_ms, 2),
        "allowed_loop_lag_p99_ms": round(allowed_lag_ms(idle_ms), 1),
        "most_calls": most,
        "steps": [asdict(step) for step in steps],
    }
    figures.write(args.output, result)
    plots.line(drawn(result), "calls at a time", args.output.with_suffix(".svg"))
    if not most:
        print("not even one call is good on this machine as it is now")
        return 1
    print(f"\n[server]\nmax_calls = {most}")
    if args.write:
        write(args.write, most)
    return 0


def drawn(result: dict[str, Any]) -> dict[str, list[tuple[float, float]]]:
    """What is plotted over the number of calls."""
    titles = {
        "loop_lag_p99_ms": "lateness of the event loop, 99 % (ms)",
        "first_audio_p95_ms": "end of a turn to first audio, 95 % (ms)",
        "server_cores": "cores in use by the server",
    }
    steps = result["steps"]
    return {
        title: [(step["calls"], step[key]) for step in steps]
        for key, title in titles.items()
    }


def write(file: Path, most: int) -> None:
    """Put the limit into a configuration file, which is made if there is none."""
    text = file.read_text("utf-8") if file.exists() else ""
    text = with_setting(text, "max_calls", str(most))
    assert parse(text, str(file), file.parent).server.max_calls == most
    file.write_text(text, "utf-8")
    print(f"written to {file}")


if __name__ == "__main__":
    raise SystemExit(main())
