"""What the media path costs in delay, audio and CPU; stock aiortc in the same run.

*Delay* is from a packet's sending to its leaving the receiver, network included.
*Missing* is the share of the timeline that no packet and no correction brought;
*discarded* the share of arrived packets that came to nothing. Networks are simulated,
five times each; calls are real ones on loopback. Words: ``benchmarks.media_words``.

    python -m benchmarks.media [--calls 4] [--seconds 15]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import pstats
import random
import statistics
import tempfile
from pathlib import Path

from benchmarks import plots
from benchmarks.caller import Caller
from benchmarks.figures import RESULTS, write
from benchmarks.media_networks import (
    NETWORKS,
    PTIME_MS,
    RECEIVERS,
    Network,
    Played,
    arrivals,
)
from benchmarks.media_peer import PROFILE_FROM_S
from benchmarks.processes import machine, serving
from voiceserver.media.jitter import Origin

N_PACKETS, SEEDS = 3_000, 5
REPAIRS = 0.82  # share of packets of recorded speech that carry a copy, by libopus
EVENT_MS = 600 * PTIME_MS  # when the last packet of a blackout would have been sent
PROFILED = 12  # functions
SETTLED_MS = 60.0  # a delay that a conversation does not feel


def quantile(values: list[float], share: float) -> float:
    """Return the value below which a share of them lies."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def judged(network: Network, receiver: str) -> dict[str, float]:
    """Run a network through a receiver; return what it made of it."""
    delays: list[float] = []
    settled: list[float] = []
    at_end: list[float] = []
    sent = arrived = received = recovered = made_up = 0
    for seed in range(SEEDS):
        rng = random.Random(seed)
        carrying = [rng.random() < REPAIRS for _ in range(N_PACKETS)]
        arriving = arrivals(network, N_PACKETS, seed)
        played = RECEIVERS[receiver](arriving, carrying.__getitem__)
        sent, arrived = sent + N_PACKETS, arrived + len(arriving)
        received += _count(played, Origin.RECEIVED)
        recovered += _count(played, Origin.RECOVERED)
        made_up += _count(played, Origin.CONCEALED)
        late = [
            (one.at_ms, one.at_ms - one.number * PTIME_MS)
            for one in played
            if one.origin is Origin.RECEIVED
        ]
        delays += [delay_ms for _, delay_ms in late]
        at_end += [delay_ms for _, delay_ms in late[-100:]]
        back = [at for at, ms in late if at > EVENT_MS and ms <= SETTLED_MS]
        settled.append(back[0] - EVENT_MS if back else float("inf"))
    lost = sent - arrived
    return {
        "delay_p50_ms": round(quantile(delays, 0.5), 1),
        "delay_p95_ms": round(quantile(delays, 0.95), 1),
        "delay_at_end_ms": round(quantile(at_end, 0.5), 1),
        "missing_percent": round(100 * (sent - received - recovered) / sent, 2),
        "discarded_percent": round(100 * (arrived - received) / arrived, 2),
        "recovered_percent": round(100 * recovered / sent, 2),
        "made_up_over_lost": round((made_up + recovered) / max(1, lost), 2),
        "settled_after_ms": round(min(1e6, statistics.median(settled)), 1),
    }


def _count(played: list[Played], origin: Origin) -> int:
    return sum(one.origin is origin for one in played)


async def _hold(url: str, n_calls: int, seconds: float) -> list[int]:
    """Hold calls; return how many packets each received in the time."""
    callers = [Caller(url) for _ in range(n_calls)]
    for caller in callers:
        await caller.connect()
    await asyncio.sleep(2)
    before = [len(caller.packets) for caller in callers]
    await asyncio.sleep(seconds)
    found = [len(caller.packets) - n for caller, n in zip(callers, before, strict=True)]
    for caller in callers:
        await caller.close()
    return found


def cpu(path: str, n_calls: int, seconds: float) -> dict[str, float]:
    """Measure the CPU time of calls through a server's media path."""
    command = ["-m", "benchmarks.media_peer", "--path", path]
    with serving(command) as server:

        async def measure() -> tuple[float, list[int], float]:
            async with asyncio.TaskGroup() as group:
                holding = group.create_task(_hold(server.url, n_calls, seconds))
                await asyncio.sleep(2 + 0.5 * n_calls)
                before = server.cost()
                await asyncio.sleep(max(1.0, seconds - 0.5 * n_calls))
                after = server.cost()
            spent = (after.front_cpu_s - before.front_cpu_s) / (
                after.at_s - before.at_s
            )
            return spent, holding.result(), after.front_rss_mb

        spent, packets, rss_mb = asyncio.run(measure())
    return {
        "calls": n_calls,
        "cpu_per_call": round(spent / n_calls, 4),
        "packets_per_s": round(statistics.mean(packets) / seconds, 1),
        "rss_mb": round(rss_mb, 1),
    }


def profile(path: str, n_calls: int, seconds: float) -> list[dict[str, object]]:
    """Tell where a server's time goes: microseconds per packet pair, by function.

    Measured under Python's profiler, which makes Python itself look dearer.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "profile"
        command = ["-m", "benchmarks.media_peer", "--path", path]
        with serving([*command, "--profile", str(file)]) as server:
            asyncio.run(_hold(server.url, n_calls, PROFILE_FROM_S + seconds))
        stats = pstats.Stats(str(file)).get_stats_profile().func_profiles
    n_pairs = max(50.0 * n_calls * seconds, 1.0)
    rows = [
        {
            "function": name,
            "file": Path(row.file_name).name,
            "us": round(row.tottime / n_pairs * 1e6, 1),
        }
        for name, row in stats.items()
    ]
    return sorted(rows, key=lambda row: -float(str(row["us"])))[:PROFILED]


def main() -> None:
    """Measure all of it and write the table and the plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("-o", "--output", type=Path, default=RESULTS / "media.json")
    args = parser.parse_args()
    result: dict[str, object] = {"machine": machine()}
    result["networks"] = networks = {
        network.name: {name: judged(network, name) for name in RECEIVERS}
        for network in NETWORKS
    }
    for name, rows in networks.items():
        for receiver, row in rows.items():
            print(f"{name:30} {receiver:6}", row)
    result["calls"] = calls = {
        path: [cpu(path, args.calls, args.seconds) for _ in range(args.rounds)]
        for path in RECEIVERS
    }
    print(json.dumps(calls))
    result["profile"] = {
        path: profile(path, args.calls, args.seconds) for path in RECEIVERS
    }
    print(json.dumps(result["profile"], indent=1))
    write(args.output, result)
    plots.media(result, args.output.with_suffix(".svg"))


if __name__ == "__main__":
    main()
