"""The kiosk example against a real server."""

from __future__ import annotations

import asyncio
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from tests.e2e.running import STUBS, running_server
from voiceserver.engines.stub import ANSWER, HEARD, SPEECH_S

pytestmark = pytest.mark.net

EXAMPLE = Path(__file__).parents[2] / "examples" / "kiosk.py"


async def test_the_example_asks_a_recording_and_keeps_the_answer(
    tmp_path: Path,
) -> None:
    """Its words are shown, and its sound is written as long as it was."""
    question, reply = tmp_path / "question.wav", tmp_path / "reply.wav"
    noise = np.random.default_rng(0).standard_normal(16_000) * 3_000
    with wave.open(str(question), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(noise.astype("<i2").tobytes())
    async with running_server(STUBS) as server:
        url = server.url.replace("http", "ws") + "/v1/stream"
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *(str(EXAMPLE), "--url", url),
            *("--wav", str(question), "--reply", str(reply)),
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(60):
                shown, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    assert process.returncode == 0
    assert shown.decode().split("\n") == [f"You:    {HEARD}", f"Server: {ANSWER}", ""]
    with wave.open(str(reply)) as file:
        assert file.getnframes() == pytest.approx(SPEECH_S * 16_000, rel=0.02)
