"""What a shadow costs the callers, and whether its money is kept.

``python -m benchmarks.shadow`` asks a text chain a thousand turns with a shadow of a
fifth of them, and a thousand without, over loopback from a chat service in a process of
its own: four at once, in blocks that alternate, so that what else the machine does
falls on both alike. *First words* is the time from the asking to the first delta. At
last all turns are shadowed on money for a few of them. Writes
``benchmarks/results/shadow.json`` and ``shadow.svg``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import random
import tempfile
import time
from contextlib import aclosing
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.budget import chat_service
from benchmarks.drawing import plt
from benchmarks.figures import RESULTS, spread, write
from benchmarks.processes import machine
from tests.polling import until
from voiceserver.config import Config, TextConfig, TextProvider
from voiceserver.engines.base import Message, TextModel, TextRequest
from voiceserver.engines.providers.chains import text_chain
from voiceserver.engines.providers.costs import Costs
from voiceserver.engines.providers.services.chat import ChatModel
from voiceserver.engines.providers.services.http import Http
from voiceserver.engines.responder import Responder
from voiceserver.engines.responder.standby import Standby
from voiceserver.engines.watch.shadow import Shadow, WithShadow
from voiceserver.engines.watch.standings import read
from voiceserver.metrics import Metrics

TURNS, AT_ONCE, BLOCKS = 1000, 4, 10
SHARE = 0.2
# The service says that it writes 7 tokens: 70 millionths of a dollar an answer. What is
# held back for the longest answer is 5,120.
PRICE_OUT, CAP_USD = 10.0, 0.008
LONGEST = 512  # tokens
LIMIT_S = 60.0
LONGEST_S = 0.6  # that the service needs for an answer
SAID = "tell me about the light in the kitchen, please"


class Bench:
    """A chain, and shadows over the same service.

    Args:
        url: Of the chat service.
        http: Asks it.
        folder: Where the records are.
    """

    def __init__(self, url: str, http: Http, folder: Path) -> None:
        live, candidate = (
            TextProvider(name, url, "ok", price_out=PRICE_OUT, max_concurrency=64)
            for name in ("live", "candidate")
        )
        config = Config(text=TextConfig(provider=(live,)))
        self.metrics = Metrics()
        last = Standby(Responder(config.responder))
        self.chain = text_chain(config, http, last, self.metrics, Costs(self.metrics))
        self._candidate = ChatModel(candidate, http)
        self._folder = folder

    def shadow(self, name: str, share: float, limit_usd: float) -> Shadow:
        """One of a share, on so much money a day."""
        return Shadow(
            [("candidate", self._candidate)],
            None,
            share,
            limit_usd,
            self._folder / f"{name}.jsonl",
            self.metrics,
            lambda: False,
            random.Random(1),
        )


async def talk(model: TextModel, turns: int) -> list[float]:
    """Hold turns, some at once; return when their first words came, ms."""
    first_ms: list[float] = []
    rest = iter(range(turns))

    async def hold() -> None:
        for _ in rest:
            request = TextRequest((Message("user", SAID),), max_output_tokens=LONGEST)
            began_s, first_s = time.perf_counter(), 0.0
            async with aclosing(model.reply(request)) as items:
                async for _item in items:
                    first_s = first_s or time.perf_counter()
            first_ms.append(1000 * (first_s - began_s))

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(hold())
    return first_ms


async def drained(shadow: Shadow) -> None:
    """Wait until nothing waits for the candidate, and what it is asked is answered."""
    await until(lambda: not len(shadow), LIMIT_S)
    await asyncio.sleep(LONGEST_S)


async def measured(
    url: str, folder: Path, turns: int
) -> tuple[dict[str, Any], dict[str, list[float]]]:
    """Hold all turns; return what was measured, and when first words came."""
    async with Http() as http:
        bench = Bench(url, http, folder)
        first: dict[str, list[float]] = {"with": [], "without": []}
        async with bench.chain as chain:
            await talk(chain, 2 * AT_ONCE)  # connections are open then
            async with bench.shadow("with", SHARE, 1.0) as shadow:
                for block in range(2 * BLOCKS):
                    name = ("with", "without", "without", "with")[block % 4]
                    model = WithShadow(chain, shadow) if name == "with" else chain
                    first[name] += await talk(model, turns // BLOCKS)
                    await drained(shadow)
            async with bench.shadow("capped", 1.0, CAP_USD) as shadow:
                await talk(WithShadow(chain, shadow), turns // 4)
                await drained(shadow)
    sample = bench.metrics.registry.get_sample_value
    ends = {
        end: sample("voiceserver_shadow_answers_total", {"end": end}) or 0
        for end in ("candidate", "live", "tie", "failed", "dropped", "unpaid")
    }
    return {
        "turns": turns,
        "at_once": AT_ONCE,
        "first_words_ms": {name: spread(each) for name, each in first.items()},
        **ratio(first),
        "shadowed": money(folder / "with.jsonl", 1.0),
        "capped": {"turns": turns // 4, **money(folder / "capped.jsonl", CAP_USD)},
        "ends": ends,
    }, first


def ratio(first: dict[str, list[float]], draws: int = 2000) -> dict[str, Any]:
    """p95 with a shadow by p95 without, and its interval by drawing the turns anew."""
    both = np.array([first["with"], first["without"]])
    rng = np.random.default_rng(0)
    rows = rng.integers(0, both.shape[1], (draws, both.shape[1]))
    p95 = np.percentile(both[:, rows], 95, axis=2)
    low, high = np.percentile(p95[0] / p95[1], [2.5, 97.5])
    one, other = np.percentile(both, 95, axis=1)
    return {
        "p95_ratio": round(float(one / other), 3),
        "p95_ratio_95": [round(float(low), 3), round(float(high), 3)],
    }


def money(path: Path, cap_usd: float) -> dict[str, Any]:
    """What the record of a shadow says was spent."""
    rows = [
        one for each in read(path.read_text().splitlines()).values() for one in each
    ]
    spent = sum(one.cost_usd for one in rows)
    return {
        "answers": len(rows),
        "spent_usd": round(spent, 6),
        "cap_usd": cap_usd,
        "kept": spent <= cap_usd,
    }


def plot(first: dict[str, list[float]], path: Path) -> None:
    """How many of the turns have begun to sound by when."""
    figure, axis = plt.subplots(figsize=(6, 3.4))
    for name, colour in (("without", "#999999"), ("with", "#3b6fb6")):
        x = np.sort(first[name])
        axis.plot(x, np.arange(1, len(x) + 1) / len(x), color=colour, label=name)
    axis.axhline(0.95, color="#bbbbbb", lw=0.8, ls="--")
    axis.set(xlabel="first words, ms", ylabel="share of turns", ylim=(0, 1.01))
    axis.legend(fontsize=8, title="shadow at 20 %", title_fontsize=8)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Run, write, draw."""
    parser = argparse.ArgumentParser(description="What a shadow costs the callers.")
    parser.add_argument("--turns", type=int, default=TURNS)
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder, chat_service() as url:
        told, first = asyncio.run(measured(url, Path(folder), options.turns))
    result = {"machine": machine(), **told}
    print(json.dumps({k: v for k, v in result.items() if k != "machine"}, indent=1))
    write(RESULTS / "shadow.json", result)
    plot(first, RESULTS / "shadow.svg")


if __name__ == "__main__":
    main()
