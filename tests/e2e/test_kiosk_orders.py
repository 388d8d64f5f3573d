"""A spoken order, from the microphone to the desk: the kiosk example, whole."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import numpy as np
import pytest

from tests.e2e.running import free_port, running_server
from tests.recordings import recording
from voiceserver.audio import MIC_RATE, Samples, to_int16
from voiceserver.weights.place import is_there

pytestmark = [pytest.mark.net, pytest.mark.weights]

KIOSK = Path(__file__).parents[2] / "examples" / "kiosk_orders"
# A person at a counter: "Can I get a medium roast house coffee with brown sugar?"
ORDER = "barista/04b09ada-5dcc-491a-ae95-fe4e4993869e.flac"
SLOTS = {"roast": "medium roast", "drink": "house coffee", "sugar": "brown sugar"}
ASSENT = "kathleen/arctic_a0063_1592747084.flac"  # "Yes, it was a man who asked."
ASSENT_S = 0.66
FRAME = MIC_RATE // 50
LIMIT_S = 60


@asynccontextmanager
async def desk(folder: Path, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the example's desk at a port."""
    program = folder / "desk.py"
    text = (KIOSK / "desk.py").read_text().replace("8099", str(port))
    program.write_text(text)
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(program), stdout=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        process.kill()
        await process.wait()


def yes() -> Samples:
    """A person's "Yes": a reader's first word, up to the pause after it."""
    return recording(ASSENT)[: int(ASSENT_S * MIC_RATE)]


class Caller:
    """Speaks into ``/v1/stream`` in real time; quiet where there is nothing to say."""

    def __init__(self, line: aiohttp.ClientWebSocketResponse) -> None:
        self._line = line
        self._waiting: list[Samples] = []

    def say(self, samples: Samples) -> None:
        """Say it next."""
        self._waiting += [
            samples[at : at + FRAME] for at in range(0, len(samples), FRAME)
        ]

    async def speak(self) -> None:
        """Send a frame every 20 ms, for ever."""
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        while True:
            frame = np.zeros(FRAME, np.float32)
            if self._waiting:
                said = self._waiting.pop(0)
                frame[: len(said)] = said
            await self._line.send_bytes(to_int16(frame).astype("<i2").tobytes())
            due_s += 0.02
            await asyncio.sleep(max(0.0, due_s - loop.time()))

    async def hear(self) -> AsyncIterator[dict[str, object]]:
        """Give the events."""
        async for message in self._line:
            if message.type is aiohttp.WSMsgType.TEXT:
                yield json.loads(message.data)


async def test_an_order_is_spoken_read_back_and_lies_on_the_desk(
    tmp_path: Path,
) -> None:
    pytest.importorskip("ctranslate2", reason="needs voiceserver[whisper]")
    if not is_there("whisper-base"):
        pytest.skip("needs the weights: voiceserver models get whisper-base")
    order, assent, port = recording(ORDER), yes(), free_port()
    domain = (KIOSK / "coffee.toml").read_text().replace("8099", str(port))
    (tmp_path / "coffee.toml").write_text(domain)
    config = f"""
[engines]
recogniser = "whisper"
[recogniser]
processes = 1
model = "whisper-base"
[text]
domain = "{tmp_path / "coffee.toml"}"
"""
    async with (
        desk(tmp_path, port) as process,
        running_server(config) as server,
        aiohttp.ClientSession() as client,
        client.ws_connect(server.url + "/v1/stream") as line,
        asyncio.timeout(LIMIT_S),
        asyncio.TaskGroup() as group,
    ):
        caller = Caller(line)
        speaking = group.create_task(caller.speak())
        caller.say(order)
        told = []
        async for event in caller.hear():
            if event["type"] == "voiceserver.form.updated":
                form = event["form"]
                assert isinstance(form, dict)
                told.append(form["stage"])
                assert form["slots"] == SLOTS
            if event["type"] == "output_audio_buffer.stopped":
                if told[-1:] == ["done"]:
                    break
                caller.say(assent)
        speaking.cancel()
        assert process.stdout is not None
        taken = (await process.stdout.readline()).decode()
    assert told == ["confirming", "done"]
    assert taken.startswith("1: order_drink: ")
    assert str(SLOTS["drink"]) in taken
