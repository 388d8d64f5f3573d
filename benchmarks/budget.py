"""How the latency budget holds: in virtual time, and live over faulty providers.

Live, calls of this server's sessions speak at the same time and are answered by chat
services on loopback that fail in set ways; recognition (30 ms) and voice (45 ms) are
fakes, everything between is the server's. *Silence after the commit* is the time from
the decision that the turn is over to the first audio frame taken by the carrier, of
any kind and of the answer. *Own CPU* is that of a reply alone, in virtual time: live it
drowns in what else the machine does. *Loop lag* is how late a 20 ms timer wakes beside
the calls: that much of the silence is the machine's load.

    python -m benchmarks budget [--turns 10000] [--calls 1 8 16] [--rounds 3]
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks import plots
from benchmarks.budget_simulation import attainment, faulty, own_cpu_ms
from benchmarks.figures import RESULTS, spread, write
from benchmarks.processes import machine
from tests.fakes import Call, FakeRecogniser, FakeSpeech
from voiceserver.audio import SPEECH_RATE
from voiceserver.budget import TurnRecord
from voiceserver.config import (
    BudgetConfig,
    Config,
    TextConfig,
    TextProvider,
    TurnConfig,
)
from voiceserver.engines.base import SpeechChunk, SpeechRequest
from voiceserver.engines.providers.chains import text_chain
from voiceserver.engines.providers.costs import Costs
from voiceserver.engines.providers.services.http import Http
from voiceserver.engines.responder import Responder
from voiceserver.engines.responder.standby import Standby
from voiceserver.metrics import Metrics
from voiceserver.server.observability.lag import TICK_S

AIMS = {
    "any_audio_ms": 700,
    "first_answer_p50_ms": 350,
    "first_answer_p95_ms": 600,
    "first_answer_p99_ms": 900,
    "speculated_first_answer_ms": 60,
    "own_cpu_ms_per_turn": 3,
}
# What the providers do, in order of preference; and replies begun on a guess.
SCENARIOS: dict[str, tuple[tuple[str, ...], int]] = {
    "healthy": (("ok",), 0),
    "healthy, speculating": (("ok",), 3),
    "first hangs": (("hang", "ok"), 0),
    "first is slow": (("slow:900", "ok"), 0),
    "first thinks": (("think:3000", "ok"), 0),
    "first stalls": (("stall:2", "ok"), 0),
    "first refuses": (("500", "ok"), 0),
    "all hang": (("hang", "headers-hang"), 0),
}
SPEAK_S, LISTEN_S, LEAD_S = 0.6, 2.8, 0.6
FILLER_S, WORD_S = 0.45, 0.03  # brisk, so that a turn is over before the next
SILENCE_MS = 500


@contextmanager
def chat_service() -> Iterator[str]:
    """Run the chat service in a process of its own; give its URL."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.chat_service"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def live(
    url: str, faults: tuple[str, ...], speculations: int, calls: int, rounds: int
) -> dict[str, Any]:
    """Hold ``calls`` calls of ``rounds`` turns each; return what was measured."""
    config = Config(
        turn=TurnConfig(policy="fixed", silence_ms=SILENCE_MS),
        budget=BudgetConfig(speculations=speculations),
        text=TextConfig(
            provider=tuple(
                TextProvider(f"{n}-{fault}", url, fault, max_concurrency=64)
                for n, fault in enumerate(faults)
            )
        ),
    )
    metrics = Metrics()
    async with Http() as http:
        last = Standby(Responder(config.responder))
        async with text_chain(config, http, last, metrics, Costs(metrics)) as chain:
            gc.collect()
            gc.freeze()  # as the server does once it is warm
            lags: list[float] = []
            async with asyncio.TaskGroup() as group:
                watching = group.create_task(_watch(lags))
                records = await _talk(config, chain, calls, rounds)
                watching.cancel()
            return _summary(records) | {"loop_lag_ms": spread(lags)}


async def _watch(lags: list[float]) -> None:
    """Collect how late a 20 ms timer wakes, in ms."""
    while True:
        due_s = time.perf_counter() + TICK_S
        await asyncio.sleep(TICK_S)
        lags.append(max(0.0, time.perf_counter() - due_s) * 1000)


class NearVoice(FakeSpeech):
    """Begins after 45 ms; a lone word, which a filler is, takes a filler's time."""

    def __init__(self) -> None:
        super().__init__(0.045)
        self.word_samples = round(WORD_S * SPEECH_RATE)
        self._lone = FakeSpeech(0.045)
        self._lone.word_samples = round(FILLER_S * SPEECH_RATE)

    def speak(self, request: SpeechRequest) -> AsyncGenerator[SpeechChunk, None]:
        """Stream a phrase."""
        lone = " " not in request.text
        return self._lone.speak(request) if lone else super().speak(request)


async def _talk(
    config: Config, chain: object, calls: int, rounds: int
) -> list[TurnRecord]:
    """Hold calls side by side; return their ledger lines."""
    script: list[tuple[float, bool]] = [(LEAD_S, False)]
    for _ in range(rounds):
        script += [(SPEAK_S, True), (LISTEN_S, False)]
    held: list[Call] = []

    async def hold(after_s: float) -> None:
        await asyncio.sleep(after_s)
        recogniser = FakeRecogniser(["what is the time"])
        recogniser.words_per_s = 10
        call = Call(config, recogniser, chain, NearVoice())
        held.append(call)
        await call.run(script)

    async with asyncio.TaskGroup() as group:
        for n in range(calls):
            # Not in step, and yet often at the same time.
            group.create_task(hold(0.13 * n % 1.0))
    return [record for call in held for record in call.dialect.records]


def _summary(records: list[TurnRecord]) -> dict[str, Any]:
    steps = Counter(step for record in records for step in record.steps)
    turns = max(1, len(records))
    first = [r.first_audio_ms for r in records if r.first_audio_ms is not None]
    spent = sum(r.spent.tokens_wasted for r in records)
    return {
        "turns": len(records),
        "any_audio_ms": spread(
            [r.any_audio_ms for r in records if r.any_audio_ms is not None]
        ),
        "first_answer_ms": spread(first),
        "without_an_answer": len(records) - len(first),
        "steps_percent": {
            step: round(100 * n / turns, 1) for step, n in sorted(steps.items())
        },
        "speculation_held_percent": round(
            100 * sum(r.speculation == "held" for r in records) / turns, 1
        ),
        "answered_by_percent": {
            by: round(100 * n / turns, 1)
            for by, n in sorted(Counter(r.answered_by for r in records).items())
        },
        "tokens_wasted_per_turn": round(spent / turns, 1),
    }


def main() -> int:
    """Measure; write results and plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=10_000)
    parser.add_argument("--calls", type=int, nargs="+", default=[1, 8, 16])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--part", choices=["all", "simulation", "live"], default="all")
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    path = RESULTS / "budget.json"
    result: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    result["aims"] = AIMS
    result["machine"] = machine()
    if given.part != "live":
        result["simulated"] = {
            "own_cpu_ms_per_turn": own_cpu_ms(1000),
            "attainment": attainment(max(1, given.turns * 2 // 5), seed=1),
            "faults": faulty(given.turns, seed=2),
        }
    if given.part != "simulation":
        before = [
            run for run in result.get("live", ()) if run["calls"] not in given.calls
        ]
        runs = [*before, *_live(given.calls, given.rounds)]
        result["live"] = sorted(runs, key=lambda run: run["calls"])
    write(path, result)
    if "live" in result:
        plots.budget(result, RESULTS / "budget.svg")
    print(json.dumps(result, indent=1))
    return 0


def _live(calls: list[int], rounds: int) -> Iterator[dict[str, Any]]:
    with chat_service() as url:
        for n in calls:
            for name, (faults, speculations) in SCENARIOS.items():
                run = asyncio.run(live(url, faults, speculations, n, rounds))
                print(n, name, run["any_audio_ms"], run["first_answer_ms"], flush=True)
                load = machine()["load_average"]
                yield {"calls": n, "scenario": name, "load_average": load, **run}


if __name__ == "__main__":
    raise SystemExit(main())
