"""Faults of a provider beside pipecat's ServiceSwitcher and LiveKit's FallbackAdapter.

``python -m benchmarks.rivals`` asks the same chat service on loopback, whose first
provider fails in a set way and whose second is well, through our text chain and through
theirs, which the environment of clients has (``make setup-clients``): each as it comes,
at the same time, turn by turn. *Dead air* is the time from the asking to the
first words of an answer; a turn without any counts as ``LIMIT_S``. What of it a caller
hears filled (``docs/latency-budget.md``) is not in it. Writes
``benchmarks/results/rivals.json`` and ``rivals.svg``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import time
from contextlib import aclosing
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.budget import chat_service
from benchmarks.drawing import plt
from benchmarks.figures import RESULTS, write
from benchmarks.processes import machine
from voiceserver.config import Config, TextConfig, TextProvider
from voiceserver.engines.base import Message, TextRequest
from voiceserver.engines.providers.chains import text_chain
from voiceserver.engines.providers.costs import Costs
from voiceserver.engines.providers.services.http import Http
from voiceserver.engines.responder import Responder
from voiceserver.engines.responder.standby import Standby
from voiceserver.errors import EngineFailed
from voiceserver.metrics import Metrics

FAULTS = ("ok", "500", "429", "hang", "headers-hang", "slow:900", "stall:2", "cut:2",
          "empty")  # fmt: skip
DRAWS = 1000  # of the turns anew, for an interval
TURNS = 6  # of a call, with what the turns before it taught
LIMIT_S = 10.0
SAID = "is the light on in the kitchen"
DRIVER = Path(__file__).with_name("rivals_driver.py")
OURS = "voiceserver"
CLIENTS = ".venv-clients/bin/python"


async def ours(url: str) -> dict[str, list[dict[str, Any]]]:
    """All faults at the same time, each a call of its own."""
    async with Http() as http:
        calls = [asyncio.create_task(_call(url, http, fault)) for fault in FAULTS]
        return dict(zip(FAULTS, await asyncio.gather(*calls), strict=True))


async def _call(url: str, http: Http, fault: str) -> list[dict[str, Any]]:
    names = {"first": fault, "second": "ok"}
    provider = tuple(TextProvider(name, url, model) for name, model in names.items())
    config = Config(text=TextConfig(provider=provider))
    metrics = Metrics()
    last = Standby(Responder(config.responder))
    async with text_chain(config, http, last, metrics, Costs(metrics)) as chain:
        return [await _turn(chain) for _ in range(TURNS)]


async def _turn(chain: Any) -> dict[str, Any]:
    began_s, first_s, text = time.perf_counter(), None, ""
    request = TextRequest((Message("user", SAID),), "Be short.")
    try:
        async with asyncio.timeout(LIMIT_S), aclosing(chain.reply(request)) as items:
            async for item in items:
                if isinstance(item, str) and item:
                    first_s = first_s or time.perf_counter() - began_s
                    text += item
    except (TimeoutError, EngineFailed):  # what broke off has few words, or none
        pass
    return {"first_s": first_s, "whole": text.rstrip().endswith("shut.")}


async def theirs(python: str, who: str, url: str) -> dict[str, Any]:
    """The same by a process of another environment; what it prints is JSON.

    Raises:
        RuntimeError: If it fails; with the end of what it printed.
    """
    given = json.dumps(
        {"who": who, "url": url, "faults": FAULTS, "turns": TURNS, "limit_s": LIMIT_S}
        | {"said": SAID}
    )
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        python, str(DRIVER), given, stdout=pipe, stderr=pipe
    )
    printed, errors = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{who}: {errors.decode()[-2000:]}")
    told: dict[str, Any] = json.loads(printed.decode().splitlines()[-1])
    return told


def summed(turns: list[dict[str, Any]]) -> dict[str, Any]:
    """Dead air and answers of the turns of one fault."""
    ms = [1000 * (LIMIT_S if t["first_s"] is None else t["first_s"]) for t in turns]
    drawn = np.random.default_rng(0).choice(ms, (DRAWS, len(ms)))
    low, high = np.percentile(np.median(drawn, axis=1), (2.5, 97.5))
    return {
        "dead_air_p50_ms": round(float(np.percentile(ms, 50))),
        "dead_air_p50_95_ms": [round(float(low)), round(float(high))],
        "dead_air_p95_ms": round(float(np.percentile(ms, 95))),
        "first_turn_ms": round(ms[0]),
        "without_an_answer": sum(t["first_s"] is None for t in turns),
        "whole_answers": sum(t["whole"] for t in turns),
        "turns": len(turns),
    }


def plot(result: dict[str, Any], path: Path) -> None:
    """Median dead air by fault, and the 95th percentile as a thin line."""
    figure, axis = plt.subplots(figsize=(7, 4.2))
    systems = list(result["systems"])
    colours = dict(zip(systems, ("#3b6fb6", "#c46b3b", "#7a9a4a"), strict=False))
    for row, fault in enumerate(FAULTS):
        for at, system in enumerate(systems):
            told = result["systems"][system]["faults"][fault]
            y = row + (at - 1) * 0.27
            p50, p95 = told["dead_air_p50_ms"], told["dead_air_p95_ms"]
            label = system if not row else None
            axis.barh(y, p50, 0.24, color=colours[system], label=label)
            axis.plot([p50, p95], [y, y], color=colours[system], lw=1)
    axis.set_yticks(range(len(FAULTS)), FAULTS)
    axis.invert_yaxis()
    axis.set_xscale("log")
    axis.set_xlabel("dead air, ms: median, line to the 95th percentile")
    axis.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


async def measured(python: str) -> dict[str, Any]:
    """All three at the same time, each asking a service of its own."""
    found: dict[str, Any] = {}
    with chat_service() as a, chat_service() as b, chat_service() as c:
        own, switcher, adapter = await asyncio.gather(
            ours(a), theirs(python, "pipecat", b), theirs(python, "livekit", c)
        )
    found[OURS] = {"version": "this", "faults": own}
    found["pipecat ServiceSwitcher"] = switcher
    found["LiveKit FallbackAdapter"] = adapter
    for told in found.values():
        told["faults"] = {name: summed(each) for name, each in told["faults"].items()}
    return found


def main() -> None:
    """Ask, write, draw."""
    parser = argparse.ArgumentParser(description="Faults beside other failovers.")
    parser.add_argument("--python", default=CLIENTS, help="of the other environment")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    systems = asyncio.run(measured(options.python))
    result = {"machine": machine(), "limit_s": LIMIT_S, "systems": systems}
    print(json.dumps(systems, indent=1))
    write(RESULTS / "rivals.json", result)
    plot(result, RESULTS / "rivals.svg")


if __name__ == "__main__":
    main()
