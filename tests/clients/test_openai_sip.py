"""A program for OpenAI's SIP API, unmodified: a real telephone rings, a real server."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.carriers.sip.baresip import telephone
from tests.clients.setting import RATE
from tests.clients.test_clients import KEY, PYTHON, ROOT, START_LIMIT_S, installed
from tests.e2e.running import free_port
from tests.server.access.test_webhook_signature import SECRET

pytestmark = pytest.mark.net

CONFIG = """
[server]
api_key_env = "VOICESERVER_TEST_KEY"
port = {port}
[engines]
vad = "stub"
recogniser = "stub"
text = "stub"
speech = "stub"
turns = "none"
[sip]
port = {sip_port}
[[sip.trunk]]
cidr = ["127.0.0.0/8"]
dial = ["sip:200@127.0.0.1"]
[sip.webhook]
url = "http://127.0.0.1:{webhook_port}/calls"
secret_env = "WEBHOOK_SECRET"
"""


class Program:
    """A process that is read line by line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def says(self, wanted: str, limit_s: float = 60.0) -> None:
        """Wait for a line with these words."""
        assert self._process.stdout is not None
        told: list[str] = []
        try:
            async with asyncio.timeout(limit_s):
                while line := await self._process.stdout.readline():
                    told.append(line.decode())
                    if wanted in told[-1]:
                        return
        except TimeoutError:
            told.append(f"(nothing more within {limit_s:g} s)")
        raise AssertionError(f"no {wanted!r} in {''.join(told)[-6000:]}")


@contextlib.asynccontextmanager
async def program(*command: str, **environment: str) -> AsyncIterator[Program]:
    """Run one inside."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield Program(process)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def test_a_program_for_openais_sip_api_takes_calls(tmp_path: Path) -> None:
    """It refuses one; takes one, speaks, hears a key, transfers, and hangs up."""
    installed(PYTHON)
    port, sip_port, webhook_port = free_port(), free_port(), free_port()
    config = tmp_path / "voiceserver.toml"
    config.write_text(
        CONFIG.format(port=port, sip_port=sip_port, webhook_port=webhook_port)
    )
    question = tmp_path / "question.wav"
    soundfile.write(question, np.zeros(RATE), RATE, subtype="PCM_16")
    secrets = {
        "VOICESERVER_TEST_KEY": KEY,
        "WEBHOOK_SECRET": SECRET,
        "WEBHOOK_PORT": str(webhook_port),
        "SIP_PORT": str(sip_port),
        "SERVER_HOST": f"127.0.0.1:{port}",
        "SERVER_KEY": KEY,
        "QUESTION_WAV": str(question),
    }
    serve = ("-m", "voiceserver", "serve", "--config", str(config))
    async with (
        telephone(tmp_path / "phone") as phone,
        program(sys.executable, *serve, **secrets) as server,
        program(str(PYTHON), "-m", "tests.clients.openai_sip", **secrets) as app,
    ):
        await server.says("listens at", 2 * START_LIMIT_S)
        await app.says("ring")
        dial = f"sip:100@127.0.0.1:{sip_port}"
        phone.command("dial", dial)
        refused = await phone.until("CALL_CLOSED")
        assert "486" in refused["param"]
        await app.says("ring again")
        phone.command("dial", dial)
        await phone.until("CALL_ESTABLISHED")
        await app.says("press 5")
        phone.command("sndcode", "5")
        await phone.until("CALL_CLOSED")
        await app.says("all of it worked")
    assert np.abs(phone.heard()).max() > 0.05
