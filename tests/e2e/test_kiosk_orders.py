"""A spoken order, from the microphone to the desk: the kiosk example, whole."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import numpy as np
import pytest

from benchmarks.caller import RATE, Caller
from tests.browser import open_browser
from tests.e2e.running import PATIENT, free_port, lasting_server
from tests.recordings import microphone, recording
from voiceserver.audio import MIC_RATE, Samples, resample, to_int16

pytestmark = [
    pytest.mark.net,
    pytest.mark.speech,
    pytest.mark.weights("whisper-base"),
]

KIOSK = Path(__file__).parents[2] / "examples" / "kiosk_orders"
# A person at a counter, whom Whisper hears alike with and without Opus: "Can I get a
# drip coffee with a lot of milk and a little bit of sugar?"
ORDER = "barista/0c6a26aa-bc20-4c64-960a-9162b5f81925.flac"
WORDS = "drip coffee with a lot of milk"
SLOTS = {
    "drink": "drip coffee",
    "milk": "a lot of milk",
    "sugar": "a little bit of sugar",
}
ASSENT = "kathleen/arctic_a0063_1592747084.flac"  # "Yes, it was a man who asked."
ASSENT_S = 0.66
FRAME = MIC_RATE // 50
LIMIT_S = 60
CONFIG = f"""{PATIENT}
[engines]
recogniser = "whisper"
[recogniser]
processes = 1
model = "whisper-base"
[text]
domain = "{{folder}}/coffee.toml"
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A kiosk and the desk that its orders go to.

    Attributes:
        url: Of the server.
        desk: What the desk has printed.
    """

    url: str
    desk: Path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The example, on other ports, for all tests here."""
    pytest.importorskip("ctranslate2", reason="needs voiceserver[whisper]")
    recording(ORDER)
    folder, port = tmp_path_factory.mktemp("kiosk"), str(free_port())
    for name in ("desk.py", "coffee.toml"):
        text = (KIOSK / name).read_text().replace("8099", port)
        (folder / name).write_text(text)
    with (folder / "desk").open("w") as printed:
        desk = subprocess.Popen(
            [sys.executable, str(folder / "desk.py")], stdout=printed
        )
        try:
            with lasting_server(CONFIG.format(folder=folder)) as server:
                yield Place(server.url, folder / "desk")
        finally:
            desk.kill()
            desk.wait()


def yes() -> Samples:
    """A person's "Yes": a reader's first word, up to the pause after it."""
    return recording(ASSENT)[: int(ASSENT_S * MIC_RATE)]


class Kiosk:
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

    async def hear(self) -> AsyncIterator[Mapping[str, object]]:
        """Give the events."""
        async for message in self._line:
            if message.type is aiohttp.WSMsgType.TEXT:
                yield json.loads(message.data)


async def events(caller: Caller) -> AsyncIterator[Mapping[str, object]]:
    """Give the events of a call over WebRTC."""
    n_read = 0
    while True:
        for _, event in caller.events[n_read:]:
            n_read += 1
            yield event
        await asyncio.sleep(0.02)


async def order(
    say: Callable[[Samples], None], told: AsyncIterator[Mapping[str, object]]
) -> None:
    """Order, and agree to what is read back."""
    say(recording(ORDER))
    stages: list[object] = []
    async for event in told:
        if event["type"] == "voiceserver.form.updated":
            form = event["form"]
            assert isinstance(form, dict)
            stages.append(form["stage"])
            assert form["slots"] == SLOTS
        if event["type"] == "output_audio_buffer.stopped":
            if stages[-1:] == ["done"]:
                break
            say(yes())
    assert stages == ["confirming", "done"]


async def order_over_stream(url: str) -> None:
    """By a program at a counter: raw audio."""
    async with (
        aiohttp.ClientSession() as client,
        client.ws_connect(url + "/v1/stream") as line,
        asyncio.TaskGroup() as group,
    ):
        kiosk = Kiosk(line)
        speaking = group.create_task(kiosk.speak())
        await order(kiosk.say, kiosk.hear())
        speaking.cancel()


async def order_over_webrtc(url: str) -> None:
    """As a browser does."""
    caller = Caller(url)
    await caller.connect()
    try:
        await order(
            lambda said: caller.microphone.say(resample(said, MIC_RATE, RATE)),
            events(caller),
        )
    finally:
        await caller.close()


async def test_orders_are_spoken_read_back_and_lie_on_the_desk(place: Place) -> None:
    """One over each of both ways in, at the same time."""
    async with asyncio.timeout(LIMIT_S), asyncio.TaskGroup() as group:
        group.create_task(order_over_stream(place.url))
        group.create_task(order_over_webrtc(place.url))
    taken = place.desk.read_text().splitlines()
    assert [line.split(": ")[:2] for line in taken] == [
        [number, "order_drink"] for number in ("1", "2")
    ]
    assert all(SLOTS["drink"] in line for line in taken)


async def test_the_page_shows_the_words_and_the_order(
    place: Place, tmp_path: Path
) -> None:
    """By a browser, whose microphone is the same person."""
    wav = microphone(tmp_path, 2.5, ORDER, 25.0)
    async with open_browser(microphone=wav) as browser:
        await browser.navigate(place.url)
        await browser.click("#talk")
        line = "#transcript [data-role=user]:not([data-partial=true])"
        await browser.wait_for(
            f"[...document.querySelectorAll({json.dumps(line)})].some("
            f"line => line.innerText.toLowerCase().includes({json.dumps(WORDS)}))",
            LIMIT_S,
        )
        values = "[...document.querySelectorAll('#order dd')].map(e => e.innerText)"
        shown = await browser.wait_for(f"({values}).join(', ')")
        assert shown == ", ".join(SLOTS.values())
        assert browser.complaints == []
