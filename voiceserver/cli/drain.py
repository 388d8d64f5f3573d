"""``voiceserver drain``: has a host of the cluster take no more calls.

Asks the running server of this machine, which passes it on; waits until the host has no
call left, and says how many there are meanwhile. An interrupt only ends the waiting.
"""

from __future__ import annotations

import asyncio

import aiohttp

from voiceserver.cli.arguments import EXIT_GOOD
from voiceserver.cli.loop import run
from voiceserver.cli.server_client import ASK_LIMIT_S, server_client
from voiceserver.config import Config
from voiceserver.errors import CallRefused

PATH = "/v1/hosts/{host}/drain"
ASK_EACH_S = 2.0


def drain(config: Config, host: str, off: bool = False, wait: bool = True) -> int:
    """Drain a host, or have it take calls again.

    Args:
        config: Of the server that is asked.
        host: Its name in the cluster.
        off: Have it take calls again.
        wait: Return when it has none left, and not at once.

    Raises:
        CallRefused: If no server answers, or it knows no such host.
    """
    run(_drain(config, host, off, wait))
    return EXIT_GOOD


async def _drain(config: Config, host: str, off: bool, wait: bool) -> None:
    last = -1
    while True:
        async with server_client(config) as client:
            left = await _asked(client, host, "DELETE" if off else "POST")
        if off:
            print(f"{host} takes calls", flush=True)
            return
        if left != last:
            last = left
            print(f"{host} takes no more calls; {_words(left)}", flush=True)
        if not left or not wait:
            return
        await asyncio.sleep(ASK_EACH_S)


async def _asked(client: aiohttp.ClientSession, host: str, method: str) -> int:
    """Ask; return how many calls it has left, or lets through."""
    limit = aiohttp.ClientTimeout(total=ASK_LIMIT_S)
    async with client.request(method, PATH.format(host=host), timeout=limit) as answer:
        told = await answer.json()
        if answer.status == 404 and "error" in told:
            code = told["error"].get("code")
            if code != "host_not_found":
                raise CallRefused(
                    "this server is no host of a cluster; see docs/cluster.md"
                )
        if answer.status != 200:
            error = told.get("error", {})
            raise CallRefused(str(error.get("message", answer.reason)))
    return int(told["calls"]) + int(told["relayed"])


def _words(left: int) -> str:
    if not left:
        return "it has none left"
    return "1 call is left" if left == 1 else f"{left} calls are left"
