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


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--url", "ws://127.0.0.1:1/v1/stream"), "no server answers at ws://"),
        (("--url", "127.0.0.1:8080"), "no server answers at 127.0.0.1:8080"),
        (("--wav", "none.wav"), "none.wav: is no WAV file that can be read"),
        (("--wav", __file__), "is no WAV file that can be read"),
    ],
)
async def test_the_example_says_what_is_wrong_in_one_line(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    """It is the first program that many write from."""
    silence = tmp_path / "silence.wav"
    with wave.open(str(silence), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *(str(EXAMPLE), "--wav", str(silence), *words),
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(30):
        _, err = await process.communicate()
    assert (process.returncode, err.count(b"\n")) == (1, 1)
    assert said in err.decode()
