"""``voiceserver call``: has the running server ring somebody, and says how it goes.

Asks the server that the configuration describes, by HTTP; an interrupt hangs up.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp

from voiceserver.cli.arguments import EXIT_FAILED, EXIT_GOOD
from voiceserver.cli.loop import run
from voiceserver.cli.server_client import ASK_LIMIT_S, server_client
from voiceserver.config import Config
from voiceserver.errors import BadRequest, CallRefused

PATH = "/v1/calls"


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
    async with server_client(config) as client:
        return await _made(client, order)


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
