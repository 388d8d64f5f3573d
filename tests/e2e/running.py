"""A real server process for end-to-end tests: the command a person would run."""

from __future__ import annotations

import asyncio
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from benchmarks.processes import Server, serving

START_LIMIT_S = 90.0  # of a busy machine
STOP_LIMIT_S = 15.0
STUBS = '[engines]\nvad = "stub"\nrecogniser = "stub"\ntext = "stub"\nspeech = "stub"\n'
# Where what is late on a busy machine is not what is tested: limits that only lateness
# could reach are out of its reach.
PATIENT = """
[budget]
recognition_ms = 40000
recognition_last_ms = 40000
speech_first_ms = 10000
speech_last_ms = 10000
"""


def free_port() -> int:
    """A TCP port that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(slots=True)
class Running:
    """A server that answers.

    Attributes:
        url: Its address.
        process: The front.
        log: What all its processes print.
    """

    url: str
    process: asyncio.subprocess.Process
    log: Path

    @property
    def pid(self) -> int:
        """Process id of the front."""
        return self.process.pid


async def post(url: str, json: object) -> bytes:
    """Post JSON and return the body of a good answer."""
    async with aiohttp.ClientSession() as client, client.post(url, json=json) as reply:
        body = await reply.read()
        assert reply.status == 200, body
        return body


@contextmanager
def lasting_server(config: str = "") -> Iterator[Server]:
    """Run one for several tests: it belongs to no event loop.

    For tests that leave it as they found it.

    Args:
        config: Text of its ``voiceserver.toml``.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "voiceserver.toml"
        path.write_text(config)
        with serving(["-m", "voiceserver", "serve", "--config", str(path)]) as server:
            yield server


@asynccontextmanager
async def running_server(config: str = "", port: int = 0) -> AsyncIterator[Running]:
    """Run ``voiceserver serve`` until the block ends.

    Args:
        config: Text of its ``voiceserver.toml``.
        port: TCP port; 0 takes a free one.
    """
    port = port or free_port()
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "voiceserver.toml"
        path.write_text(config)
        log = (Path(folder) / "log").open("w+b")
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "voiceserver", "serve", "--config", str(path)),
            *("--port", str(port)),
            stdout=log,
            stderr=log,
        )
        try:
            if not await _ready(url, process):
                log.seek(0)
                raise AssertionError(log.read().decode(errors="replace")[-3000:])
            yield Running(url, process, Path(log.name))
        finally:
            await _stop(process)
            log.close()


async def _ready(url: str, process: asyncio.subprocess.Process) -> bool:
    loop = asyncio.get_running_loop()
    until_s = loop.time() + START_LIMIT_S
    async with aiohttp.ClientSession() as client:
        while loop.time() < until_s and process.returncode is None:
            try:
                async with client.get(f"{url}/readyz") as reply:
                    if reply.status == 200:
                        return True
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)
    return False


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_LIMIT_S)
        except TimeoutError:
            process.kill()
            await process.wait()
