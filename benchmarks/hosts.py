"""What it costs to come to the wrong host: an offer there against one at the right one.

Two hosts of one cluster in one process, on loopback; host ``a`` drains, so that ``b``
takes every call. ``right`` are offers to ``b``, ``wrong`` offers to ``a``, which passes
them on with a seal; by turns, in this order, each hung up before the next. What answers
the offer is no real call, so that the figure is the way's alone. The difference has
both fronts and the client on one core: on two machines it is less, but for the network.
CPU time is told beside, as what else the machine does shows in it least.

    python -m benchmarks.hosts [--offers 300]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from pathlib import Path
from typing import Any

import uvloop

from benchmarks import plots
from benchmarks.figures import spread, write
from benchmarks.processes import machine
from tests.server.front.hosted import Hosted, hosted

RESULT = Path(__file__).parent / "results" / "hosts.json"
WARM_UP = 20
AIM_MS = 15.0


async def offered(hosts: Hosted, entry: str) -> tuple[float, float]:
    """Offer a call at a host, hang it up; return ms until the answer, and of CPU.

    One that is refused is offered again, and does not count.
    """
    began, used_s = time.perf_counter(), time.process_time()
    status, _, headers = await hosts[entry].place()
    took_ms = 1000 * (time.perf_counter() - began)
    used_ms = 1000 * (time.process_time() - used_s)
    if status == 503:  # it cannot keep up, with whatever else the machine does
        await asyncio.sleep(1.0)
        await hosts.beat()
        return await offered(hosts, entry)
    assert status == 201, status
    where = headers["Location"]
    assert "/rtc_b." in where, where
    async with hosts["b"].client.delete(where) as answer:
        assert answer.status == 204
    return took_ms, used_ms


async def measure(n_offers: int) -> dict[str, list[tuple[float, float]]]:
    """Offer by turns; return ms and ms of CPU of each way."""
    took: dict[str, list[tuple[float, float]]] = {"right": [], "wrong": []}
    async with hosted("a", "b") as hosts:
        hosts.spread("a").hosts.draining = True
        for n in range(WARM_UP + n_offers):
            for way, entry in (("right", "b"), ("wrong", "a")):
                found = await offered(hosts, entry)
                if n >= WARM_UP:
                    took[way].append(found)
            await hosts.beat()
    return took


def main() -> None:
    """Measure and write ``results/hosts.json``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--offers", type=int, default=300)
    options = parser.parse_args()
    before = machine()
    took = uvloop.run(measure(options.offers))
    result: dict[str, object] = {"machine": before, "offers": options.offers}
    for n, what in enumerate(("", "cpu_")):
        right, wrong = ([one[n] for one in took[way]] for way in ("right", "wrong"))
        result[f"right_{what}ms"] = spread(right, 2)
        result[f"wrong_{what}ms"] = spread(wrong, 2)
        more = [later - sooner for sooner, later in zip(right, wrong, strict=True)]
        result[f"more_{what}ms"] = spread(more, 2)
    result["aim_ms"] = AIM_MS
    result["load_average_after"] = [round(load, 2) for load in os.getloadavg()]
    print(result)
    write(RESULT, result)
    plot(result, RESULT.with_suffix(".svg"))


def plot(result: dict[str, Any], path: Path) -> None:
    """Draw both ways and what lies between, by the clock and by the processor's."""
    parts = {
        f"an offer, {what}": {
            way: result[f"{way}_{key}ms"] for way in ("right", "wrong", "more")
        }
        for what, key in (("by the clock", ""), ("CPU time", "cpu_"))
    }
    plots.ways(parts, {"aim of what is more": result["aim_ms"]}, path)


if __name__ == "__main__":
    main()
