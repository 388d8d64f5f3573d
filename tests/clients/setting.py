"""What every client program needs: where the server is, and the lines of the README.

Only the standard library: it runs in the environment of the clients.
"""

from __future__ import annotations

import asyncio
import os
import re
import wave
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

README = Path(__file__).resolve().parents[2] / "README.md"
HOST = "127.0.0.1:8080"  # as the README has it
KEY = "KEY"
RATE = 24_000  # Hz of the recorded question
CHUNK_S = 0.02
LIMIT_S = 100.0

# What the stub engines hear and say.
HEARD = "this is a test sentence"
ANSWER = "This is the answer of the stub."
REPLY_S = 8.0


@dataclass(frozen=True, slots=True)
class Setting:
    """A running server and something to say to it.

    Attributes:
        host: ``address:port`` of the server.
        key: Its API key.
        question: Recorded speech, 16-bit mono at 24 kHz.
    """

    host: str
    key: str
    question: bytes

    @classmethod
    def given(cls) -> Setting:
        """The setting that the environment names."""
        with wave.open(os.environ["QUESTION_WAV"]) as file:
            assert (file.getframerate(), file.getnchannels()) == (RATE, 1)
            question = file.readframes(file.getnframes())
        return cls(os.environ["SERVER_HOST"], os.environ["SERVER_KEY"], question)

    def lines(self, client: str) -> str:
        """The README's lines for a client, with this server's address and key."""
        rows = re.findall(
            rf"^\| \*\*{re.escape(client)}\*\*[^|]*\| (.*) \|$",
            README.read_text(),
            re.MULTILINE,
        )
        assert len(rows) == 1, f"README has {len(rows)} rows for {client!r}"
        code = "\n".join(re.findall(r"`([^`]+)`", rows[0]))
        assert HOST in code or KEY not in code
        return code.replace(HOST, self.host).replace(f'"{KEY}"', repr(self.key))

    def run_lines(self, client: str, names: dict[str, Any]) -> dict[str, Any]:
        """Run the README's lines; return all names afterwards."""
        names = dict(names)
        exec(compile(self.lines(client), f"README, {client}", "exec"), names)
        return names

    def chunks(self, silence_s: float = 1.0) -> list[bytes]:
        """The question and the silence after it, in pieces of 20 ms."""
        size = round(RATE * CHUNK_S) * 2
        sound = self.question + bytes(round(silence_s * RATE) * 2)
        return [sound[at : at + size] for at in range(0, len(sound), size)]

    async def speak(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        """Say the question in real time, and be silent for a second."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        for number, chunk in enumerate(self.chunks()):
            await asyncio.sleep(max(0.0, began_s + number * CHUNK_S - loop.time()))
            await send(chunk)


def refusal(kind: type[Exception], call: Callable[..., Any], **given: Any) -> Any:
    """The error that a call is refused with."""
    try:
        call(**given)
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was expected for {list(given)}")


async def until(condition: Callable[[], Any], what: str, limit_s: float = 20.0) -> Any:
    """Wait until a condition holds; return its value."""
    loop = asyncio.get_running_loop()
    late_s = loop.time() + limit_s
    while not (value := condition()):
        assert loop.time() < late_s, f"not within {limit_s} s: {what}"
        await asyncio.sleep(0.02)
    return value


def run(main: Callable[[Setting], Awaitable[None]]) -> None:
    """Run a client program within its limit."""

    async def limited() -> None:
        async with asyncio.timeout(LIMIT_S):
            await main(Setting.given())

    asyncio.run(limited())
    print("all of it worked")
