"""How fast it answers and falls silent, and what a call costs.

A real WebRTC client on loopback speaks recorded human utterances in real time. With
stub engines the server itself is measured; with the embedded engines, all of it.

*Reply latency*: first packet of the reply above -40 dBFS, decoded at the client's
socket, minus the last voiced sample sent. *Interruption to silence*: first voiced
sample of an interrupting utterance sent, to the end of the old reply's last packet.

    python -m benchmarks.conversation [--calls 1 8 16] [--rounds 2]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from dataclasses import dataclass, field

import numpy as np
import uvloop

from benchmarks import plots
from benchmarks.caller import RATE, Caller, Refused, decode, encoded
from benchmarks.figures import RESULTS, spread, write
from benchmarks.processes import STUB_ENGINES, Server, machine, serving
from benchmarks.recordings import Utterance, read
from voiceserver.audio import Samples, level_db

AUDIBLE_DB = -40.0
SILENCE_MS, INTERRUPT_MS = 500, 200
INTO_REPLY_S = 1.5  # a barge-in comes so long after the reply began
GIVE_UP_S = 8.0
LATE = 100  # looks, 20 ms apart
MOST_ECHOES = 4  # calls of the baseline; more than some ten do not fit on two cores
UTTERANCES = (
    "speech/command/brooklyn.wav",
    "speech/command/whatstheweatherlike.wav",
    "speech/read/sb_spk2_snt2.wav",
    "speech/read/sb_spk1_snt1.wav",
)
STUB_CONFIG = f"""{STUB_ENGINES}[turn]
policy = "fixed"
silence_ms = {SILENCE_MS}
interrupt_ms = {INTERRUPT_MS}
[server]
max_calls = 16
"""


@dataclass
class Measured:
    """What the callers of one run saw."""

    reply_ms: list[float] = field(default_factory=list)
    silence_ms: list[float] = field(default_factory=list)
    connect_ms: list[float] = field(default_factory=list)
    unanswered: int = 0
    refused: int = 0


def dominant_hz(samples: Samples) -> float:
    """Frequency of the strongest component."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(spectrum.argmax() * RATE / len(samples))


async def converse(caller: Caller, utterances: list[Utterance]) -> list[list[float]]:
    """Speak each utterance into the reply of the one before.

    Returns:
        When each frame of each utterance was sent.
    """
    await asyncio.sleep(1.0)
    sent: list[list[float]] = []
    for utterance in utterances:
        caller.microphone.say(utterance.samples)
        await asyncio.sleep(len(utterance.samples) / RATE + 0.1)
        for _ in range(LATE):  # this loop, not the server
            if not caller.microphone.said:
                await asyncio.sleep(0.02)
        sent.append(list(caller.microphone.sent_s))
        await asyncio.sleep((SILENCE_MS / 1000) + 0.2 + INTO_REPLY_S)
    return sent


def judge(
    caller: Caller, utterances: list[Utterance], sent: list[list[float]]
) -> Measured:
    """Find replies and their ends in what came back.

    The stub voice begins with 100 ms of 1500 Hz and goes on at 440 Hz, which tells
    the opening of a reply from its middle.
    """
    frames = [
        (at_s, dominant_hz(samples))
        for at_s, samples in decode(caller.packets)
        if level_db(samples) > AUDIBLE_DB
    ]
    measured = Measured(connect_ms=[caller.connect_s * 1000])
    for index, (utterance, times) in enumerate(zip(utterances, sent, strict=True)):
        if len(times) * 960 < utterance.voiced_until:
            measured.unanswered += 1  # the call has ended
            continue
        last_s = times[(utterance.voiced_until - 1) // 960]
        first_s = times[utterance.voiced_from // 960]
        openings = [at for at, hz in frames if at > last_s and 1300 < hz < 1700]
        opening_s = openings[0] if openings else None
        if opening_s is None or opening_s - last_s > GIVE_UP_S:
            measured.unanswered += 1
            continue
        measured.reply_ms.append((opening_s - last_s) * 1000)
        old = [at for at, hz in frames if first_s < at < opening_s and 350 < hz < 550]
        if index and old:
            measured.silence_ms.append((old[-1] + 0.020 - first_s) * 1000)
    return measured


Talk = tuple[Caller, list[list[float]]]


async def run_calls(server: Server, count: int, rounds: int) -> dict[str, object]:
    """Hold ``count`` calls at once, ``rounds`` times."""
    utterances = [read(name) for name in UTTERANCES]
    together = Measured()
    cpu_s = all_cpu_s = call_s = 0.0
    idle = server.cost()
    peak_mb = idle.all_rss_mb

    for utterance in utterances:
        encoded(utterance.samples)  # before any call needs the loop

    async def call(delay_s: float) -> Talk | None:
        await asyncio.sleep(delay_s)
        caller = Caller(server.url)
        try:
            await caller.connect()
        except (Refused, TimeoutError):
            await caller.close()
            return None
        try:
            sent = await converse(caller, utterances)
        finally:
            await caller.close()
        return caller, sent

    for _ in range(rounds):
        before = server.cost()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(call(0.37 * i)) for i in range(count)]
            await asyncio.sleep(5)
            peak_mb = max(peak_mb, server.cost().all_rss_mb)
        after = server.cost()
        cpu_s += after.front_cpu_s - before.front_cpu_s
        all_cpu_s += after.all_cpu_s - before.all_cpu_s
        call_s += count * (after.at_s - before.at_s)
        for task in tasks:
            talk = task.result()
            if talk is None:
                together.refused += 1
                continue
            one = judge(talk[0], utterances, talk[1])
            together.reply_ms += one.reply_ms
            together.silence_ms += one.silence_ms
            together.connect_ms += one.connect_ms
            together.unanswered += one.unanswered
    return {
        "calls": count,
        "turns": len(together.reply_ms) + together.unanswered,
        "unanswered": together.unanswered,
        "refused": together.refused,
        "reply_ms": spread(together.reply_ms),
        "reply_after_silence_ms": spread(
            [value - SILENCE_MS for value in together.reply_ms]
        ),
        "interruption_to_silence_ms": spread(together.silence_ms),
        "connect_ms": spread(together.connect_ms),
        "cpu_s_per_call_s": round(cpu_s / call_s, 4),
        "cpu_s_per_call_s_all_processes": round(all_cpu_s / call_s, 4),
        "rss_mb_per_call": round((peak_mb - idle.all_rss_mb) / count, 1),
        "rss_mb_idle": round(idle.all_rss_mb, 1),
        "loop_lag_ms_p99": loop_lag_ms(server),
    }


def loop_lag_ms(server: Server) -> float | None:
    """Upper bound of the bucket that holds the 99th percentile, in ms."""
    buckets = server.metric("voiceserver_loop_lag_seconds_bucket")
    if not buckets:
        return None
    edges = sorted(
        (float(key.split('le="')[1].split('"')[0]), count)
        for key, count in buckets.items()
    )
    total = edges[-1][1]
    return next(edge for edge, count in edges if count >= 0.99 * total) * 1000


async def echo_cost(count: int) -> float:
    """CPU of the stock echo server for the same calls, per call second."""
    with serving(["-m", "benchmarks.echo_server"]) as server:
        callers = [Caller(server.url) for _ in range(count)]
        for caller in callers:
            await caller.connect()
        before = server.cost()
        await asyncio.sleep(8)
        after = server.cost()
        for caller in callers:
            await caller.close()
    return (after.front_cpu_s - before.front_cpu_s) / (
        count * (after.at_s - before.at_s)
    )


async def measure(counts: list[int], rounds: int) -> dict[str, object]:
    """Run everything with stub engines."""
    runs = []
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as config:
        config.write(STUB_CONFIG)
        config.flush()
        command = ["-m", "voiceserver", "serve", "--config", config.name]
        for count in counts:
            with serving(command) as server:
                run = await run_calls(server, count, rounds)
            echo = await echo_cost(min(count, MOST_ECHOES))
            run["echo_cpu_s_per_call_s"] = round(echo, 4)
            runs.append(run)
            print(json.dumps(run, indent=1), flush=True)
    return {
        "machine": machine(),
        "silence_ms": SILENCE_MS,
        "interrupt_ms": INTERRUPT_MS,
        "aims": {
            "reply_after_silence_ms": 130,
            "interruption_to_silence_ms": 300,
            "connect_ms": 1000,
        },
        "runs": runs,
    }


def main() -> None:
    """Measure, write JSON and a plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, nargs="+", default=[1, 8, 16])
    parser.add_argument("--rounds", type=int, default=2)
    args = parser.parse_args()
    result = uvloop.run(measure(args.calls, args.rounds))
    path = RESULTS / "conversation.json"
    write(path, result)
    plots.conversation(result, RESULTS / "conversation.svg")
    print(f"wrote {path} and its plot")


if __name__ == "__main__":
    main()
