"""What it costs to come to the wrong host: an offer there against one at the right one.

Two hosts of one cluster in one process, on loopback; host ``a`` drains, so that ``b``
takes every call. ``right`` are offers to ``b``, ``wrong`` offers to ``a``, which passes
them on with a seal; by turns, in this order, each hung up before the next. What answers
the offer is no real call, so that the figure is the way's alone. The difference has
both fronts and the client on one core: on two machines it is less, but for the network.

    python -m benchmarks.hosts [--offers 300]
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from pathlib import Path

import uvloop

from benchmarks.figures import spread, write
from benchmarks.processes import machine
from tests.server.front.hosted import Hosted, hosted

RESULT = Path(__file__).parent / "results" / "hosts.json"
WARM_UP = 20
AIM_MS = 15.0


async def offered(hosts: Hosted, entry: str) -> float:
    """Offer a call at a host, hang it up; return ms until the answer."""
    began = time.perf_counter()
    status, _, headers = await hosts[entry].place()
    took_ms = 1000 * (time.perf_counter() - began)
    assert status == 201, status
    where = headers["Location"]
    assert "/rtc_b." in where, where
    async with hosts["b"].client.delete(where) as answer:
        assert answer.status == 204
    return took_ms


async def measure(n_offers: int) -> dict[str, list[float]]:
    """Offer by turns; return ms of each way."""
    took: dict[str, list[float]] = {"right": [], "wrong": []}
    async with hosted("a", "b") as hosts:
        hosts.spread("a").hosts.draining = True
        for n in range(WARM_UP + n_offers):
            for way, entry in (("right", "b"), ("wrong", "a")):
                took_ms = await offered(hosts, entry)
                if n >= WARM_UP:
                    took[way].append(took_ms)
            await asyncio.sleep(0)
    return took


def main() -> None:
    """Measure and write ``results/hosts.json``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--offers", type=int, default=300)
    options = parser.parse_args()
    before = machine()
    took = uvloop.run(measure(options.offers))
    more = [wrong - right for right, wrong in zip(*took.values(), strict=True)]
    result = {
        "machine": before,
        "offers": options.offers,
        "right_ms": spread(took["right"], 2),
        "wrong_ms": spread(took["wrong"], 2),
        "more_ms": spread(more, 2),
        "aim_ms": AIM_MS,
        "within_aim": statistics.median(more) <= AIM_MS,
    }
    print(result)
    write(RESULT, result)


if __name__ == "__main__":
    main()
