"""``voiceserver call``: has the running server ring somebody, and says how it goes.

Asks the server that the configuration describes, by HTTP; an interrupt hangs up.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp

from voiceserver.cli.arguments import EXIT_FAILED, EXIT_GOOD
from voiceserver.cli.loop import run
from voiceserver.config import Config
from voiceserver.errors import BadRequest, CallRefused

PATH = "/v1/calls"
CONNECT_LIMIT_S = 5.0
ASK_LIMIT_S = 30.0


@dataclass(frozen=True, slots=True)
class CallOrder:
    """What is asked for.

    Attributes:
        to: Who is called.
        caller: Our number; ``""`` is the trunk's own.
        trunk: By which it goes out; ``""`` is the first that may.
        instructions: What the language model is told; ``""`` is the number's.
        machine: What follows where an answering machine takes it: ``"message"`` or
            ``"hang_up"``; ``""`` does not look.
        message: What is said to a machine; ``""`` leaves that to the language model.
    """

    to: str
    caller: str = ""
    trunk: str = ""
    instructions: str = ""
    machine: str = ""
    message: str = ""

    def asked(self) -> dict[str, object]:
        """As JSON."""
        given = {
            "to": self.to,
            "from": self.caller,
            "trunk": self.trunk,
            "machine_detection": self.machine,
            "message": self.message,
        }
        asked: dict[str, object] = {name: text for name, text in given.items() if text}
        if self.instructions:
            asked["session"] = {"instructions": self.instructions}
        return asked


def call(config: Config, order: CallOrder) -> int:
    """Ring somebody; print each state as it comes. 0 if somebody took the call."""
    return EXIT_GOOD if run(_call(config, order)) else EXIT_FAILED


async def _call(config: Config, order: CallOrder) -> bool:
    """Whether somebody took it.

    Raises:
        BadRequest: If it may not be made.
        CallRefused: If there is no server, or it cannot make it.
    """
    server = config.server
    host = server.host.replace("0.0.0.0", "127.0.0.1")
    named = "[::1]" if host == "::" else f"[{host}]" if ":" in host else host
    url = f"{'https' if server.tls_cert else 'http'}://{named}:{server.port}"
    key = os.environ.get(server.api_key_env, "") if server.api_key_env else ""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    limit = aiohttp.ClientTimeout(total=None, connect=CONNECT_LIMIT_S)
    try:
        async with aiohttp.ClientSession(
            url, headers=headers, timeout=limit, connector=_connector(config)
        ) as client:
            return await _made(client, order)
    except aiohttp.ClientError as error:
        what = f"No server answers at {url} ({type(error).__name__})"
        raise CallRefused(f"{what}; start it: voiceserver serve") from None


def _connector(config: Config) -> aiohttp.TCPConnector:
    """To this very machine, whose certificate is for another name."""
    if not config.server.tls_cert:
        return aiohttp.TCPConnector()
    context = ssl.create_default_context(cafile=config.server.tls_cert)
    context.check_hostname = False
    return aiohttp.TCPConnector(ssl=context)


async def _made(client: aiohttp.ClientSession, order: CallOrder) -> bool:
    limit = aiohttp.ClientTimeout(total=ASK_LIMIT_S)
    async with client.post(PATH, json=order.asked(), timeout=limit) as answer:
        made = await answer.json()
        if answer.status != 201:
            told = str(made.get("error", {}).get("message", answer.reason))
            raise BadRequest(told) if answer.status == 400 else CallRefused(told)
    path = f"{PATH}/{made['id']}"
    try:
        return await _followed(client, path)
    except asyncio.CancelledError:
        async with client.delete(path, timeout=limit):
            pass
        raise


async def _followed(client: aiohttp.ClientSession, path: str) -> bool:
    async with client.get(f"{path}/events") as events:
        async for line in events.content:
            if not line.startswith(b"data: "):
                continue
            state = json.loads(line.removeprefix(b"data: "))
            print(_words(state), flush=True)
            if state["state"] == "ended":
                return str(state["result"]) == "completed"
    return False


def _words(state: Mapping[str, object]) -> str:
    """A state, in a line."""
    said = [str(state["state"])]
    said += [str(state[name]) for name in ("result", "reason") if state.get(name)]
    return ": ".join(said)
