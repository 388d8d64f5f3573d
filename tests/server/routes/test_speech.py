"""Text in, speech out."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import json
import socket
from collections.abc import AsyncGenerator, Callable
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.fakes import FakeSpeech
from tests.polling import until
from tests.server.front.fronted import fronted
from tests.server.running import fake_engines, running
from voiceserver.audio import SPEECH_RATE
from voiceserver.config import Config, SpeechConfig
from voiceserver.engines.base import SpeechChunk, SpeechRequest
from voiceserver.engines.opened import Engines
from voiceserver.errors import EngineFailed
from voiceserver.files.decoding import decode
from voiceserver.files.encoder import MEDIA_TYPES

pytestmark = pytest.mark.net
PATH = "/v1/audio/speech"


class BrokenSpeech(FakeSpeech):
    """Fails after ``good`` phrases."""

    def __init__(self, good: int) -> None:
        super().__init__(first_s=0.0)
        self.good = good

    async def speak(self, request: SpeechRequest) -> AsyncGenerator[SpeechChunk, None]:
        if self.good == 0:
            raise EngineFailed("speech", "the voice is gone")
        self.good -= 1
        async for chunk in super().speak(request):
            yield chunk


def with_speech(speech: FakeSpeech) -> Engines:
    return dataclasses.replace(fake_engines(), speech=speech)


@pytest.mark.parametrize("format", list(MEDIA_TYPES))
async def test_text_is_spoken_in_each_format(format: str) -> None:
    """200 ms a word from the fake voice: two words are 0.4 s."""
    order = {"model": "tts-1", "input": "Hello there.", "response_format": format}
    async with running() as server, server.client.post(PATH, json=order) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"] == MEDIA_TYPES[format]  # type: ignore[index]
        assert answer.headers["Server"] == "voiceserver"
        content = await answer.read()
    if format == "pcm":
        assert len(content) == 2 * SPEECH_RATE * 2 // 5
    else:
        assert len(decode(content)) == pytest.approx(6_400, rel=0.3)


async def test_speech_comes_in_events_if_asked() -> None:
    """Deltas that join to the file, and what it cost: 0.4 s are 8 tokens."""
    order = {"input": "Hello there.", "response_format": "pcm", "stream_format": "sse"}
    async with running() as server, server.client.post(PATH, json=order) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        lines = (await answer.text()).split("\n\n")
    assert lines.pop() == ""
    *deltas, done = [json.loads(line.removeprefix("data: ")) for line in lines]
    content = b"".join(base64.b64decode(delta["audio"]) for delta in deltas)
    assert len(content) == 2 * SPEECH_RATE * 2 // 5
    assert done["type"] == "speech.audio.done"
    assert done["usage"] == {"input_tokens": 3, "output_tokens": 8, "total_tokens": 11}


@pytest.mark.parametrize(
    "nulls", [(), ("model", "voice", "speed", "instructions"), ("response_format",)]
)
async def test_without_a_format_it_is_mp3(nulls: tuple[str, ...]) -> None:
    """As OpenAI's; null is a member that was left out."""
    order = {"input": "Hello.", "stream_format": None} | dict.fromkeys(nulls)
    async with running() as server, server.client.post(PATH, json=order) as answer:
        assert answer.headers["Content-Type"] == "audio/mpeg"
        await answer.read()


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"input": None}, "input"),
        ({"input": ""}, "input"),
        ({"input": " \n"}, "input"),
        ({"input": "\u0000\ud800"}, "input"),
        ({"input": "\U0001f600 \u2764\ufe0f !?"}, "input"),
        ({"input": ["a"]}, "input"),
        ({"input": "a" * 4097}, "input"),
        ({"response_format": "aac"}, "response_format"),
        ({"response_format": ["wav"]}, "response_format"),
        ({"stream_format": "mp3"}, "stream_format"),
        ({"speed": 0.2}, "speed"),
        ({"speed": 5}, "speed"),
        ({"speed": "fast"}, "speed"),
        ({"speed": True}, "speed"),
        ({"speed": 1e400}, "speed"),
        ({"model": 3}, "model"),
        ({"voice": "nobody"}, "voice"),
        ({"voice": 3}, "voice"),
    ],
)
async def test_a_bad_order_is_refused(change: dict[str, object], param: str) -> None:
    """Naming the field."""
    async with running() as server:
        status, error = await server.error("POST", PATH, json={"input": "Hi."} | change)
        assert status == 400
        assert param in (error["param"], "speed")


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"{", "application/json", 400),
        (b'{"input": "\xff"}', "application/json", 400),
        (b'{"speed": NaN, "input": "a"}', "application/json", 400),
        (b"[" * 60_000, "application/json", 400),
        (b'{"input": "' + b"a" * 120_000 + b'"}', "application/json", 413),
        (b"input=hello", "application/x-www-form-urlencoded", 415),
    ],
)
async def test_a_body_that_is_no_order_is_refused(
    body: bytes, kind: str, status: int
) -> None:
    """Before the synthesizer is asked."""
    async with running() as server:
        got, _ = await server.error(
            "POST", PATH, data=body, headers={"Content-Type": kind}
        )
        assert got == status


@pytest.mark.parametrize(
    "text",
    [
        "\u4f60\u597d\uff0c\u4e16\u754c",
        "\u0645\u0631\u062d\u0628\u0627",
        "<b>Bold</b> & <script>alert(1)</script>",
        "# Heading\n\n* one\n* two `code`",
        "word" * 1000,
        "A \U0001f600 smile.",
    ],
)
async def test_unusual_text_is_spoken(text: str) -> None:
    """Other scripts, markup, one endless word, emoji among words."""
    order = {"input": text, "response_format": "pcm"}
    async with running() as server, server.client.post(PATH, json=order) as answer:
        assert answer.status == 200
        assert len(await answer.read()) > 0


async def test_how_long_a_text_may_be_is_configured() -> None:
    """Counted in characters, however many bytes of JSON they take."""
    config = Config(speech=SpeechConfig(longest_input=10_000))
    async with running(config) as server:
        order = {"input": "\U0001f600" * 10_000}
        _, error = await server.error("POST", PATH, json=order)
        assert "nothing to speak" in error["message"]
        order = {"input": "a" * 10_001}
        _, error = await server.error("POST", PATH, json=order)
        assert "10001 characters; at most 10000" in error["message"]


async def test_an_engine_that_fails_at_once_is_an_error() -> None:
    """One that the client can read, and no half file."""
    async with running(engines=with_speech(BrokenSpeech(0))) as server:
        status, error = await server.error("POST", PATH, json={"input": "Hello."})
        assert (status, error["code"]) == (503, "engine_failed")


async def test_an_engine_that_fails_later_cuts_the_connection() -> None:
    """So that half a file does not pass for a whole one; and it is counted."""
    order = {"input": "Hello there. And more. And on.", "response_format": "pcm"}
    async with running(engines=with_speech(BrokenSpeech(1))) as server:
        async with server.client.post(PATH, json=order) as answer:
            assert answer.status == 200
            with pytest.raises(aiohttp.ClientError):
                await answer.read()
        value = server.metrics.registry.get_sample_value(
            "voiceserver_faults_total", {"where": "http", "kind": "EngineFailed"}
        )
        assert value == 1


async def test_a_client_that_leaves_stops_the_synthesizer() -> None:
    """Nobody listens any more."""
    speech = FakeSpeech(first_s=0.001)
    order = {"input": "One two. " * 400, "response_format": "pcm"}
    async with running(engines=with_speech(speech)) as server:
        async with server.client.post(PATH, json=order) as answer:
            await answer.content.readany()
            answer.close()
        async with server.client.get("/readyz") as answer:
            assert answer.status == 200
    assert speech.open_streams == 0


class CountedSpeech(FakeSpeech):
    """Knows how much of it was taken."""

    taken_s = 0.0

    async def speak(self, request: SpeechRequest) -> AsyncGenerator[SpeechChunk, None]:
        async for chunk in super().speak(request):
            self.taken_s += len(chunk.samples) / SPEECH_RATE
            yield chunk


@pytest.mark.parametrize("serving", [running, fronted])
async def test_who_takes_nothing_is_soon_known(serving: Callable[..., Any]) -> None:
    """Some speech is made for it, and then no more: no megabytes wait in a kernel."""
    speech = CountedSpeech(first_s=0.0)
    order = {"input": "One two. " * 450, "response_format": "wav"}
    async with serving(engines=with_speech(speech)) as server:
        place = urlsplit(server.url)
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(client, (place.hostname, place.port))
            text = json.dumps(order)
            head = f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: "
            kind = "Content-Type: application/json"
            asked = f"{head}{len(text)}\r\n{kind}\r\n\r\n{text}"
            await loop.sock_sendall(client, asked.encode())
            await until(lambda: speech.taken_s > 0)
            before_s = -1.0
            while speech.taken_s > before_s:
                before_s = speech.taken_s
                await asyncio.sleep(0.3)
            assert 0 < speech.taken_s < 40


class HeldSpeech(FakeSpeech):
    """Begins, and ends when ``go`` is set."""

    def __init__(self) -> None:
        super().__init__(first_s=0.0)
        self.go = asyncio.Event()

    async def speak(self, request: SpeechRequest) -> AsyncGenerator[SpeechChunk, None]:
        async for chunk in super().speak(request):
            yield chunk
            await self.go.wait()


async def test_too_many_at_a_time_are_refused() -> None:
    """As many as calls are taken; the next when one is done."""
    speech = HeldSpeech()
    order = {"input": "Hello.", "response_format": "pcm"}
    async with running(engines=with_speech(speech), max_calls=1) as server:
        async with server.client.post(PATH, json=order) as first:
            status, error = await server.error("POST", PATH, json=order)
            assert (status, error["code"]) == (503, "busy")
            speech.go.set()
            await first.read()
        async with server.client.post(PATH, json=order) as second:
            assert second.status == 200
            await second.read()


async def test_ssml_is_followed() -> None:
    """Breaks are silence, a slower rate is asked of the voice."""
    speech = FakeSpeech(first_s=0.0)
    text = (
        '<speak>One two.<break time="1s"/><prosody rate="50%">Three.</prosody></speak>'
    )
    order = {"input": text, "response_format": "pcm"}
    async with (
        running(engines=with_speech(speech)) as server,
        server.client.post(PATH, json=order) as answer,
    ):
        content = await answer.read()
    assert [(r.text, r.speed) for r in speech.requests] == [
        ("One two.", 1.0),
        ("Three.", 0.5),
    ]
    assert len(content) == 2 * SPEECH_RATE * 8 // 5


async def test_malformed_ssml_says_where() -> None:
    """Before anything is spoken."""
    async with running() as server:
        order = {"input": "<speak>One <b>two</speak>"}
        status, error = await server.error("POST", PATH, json=order)
    assert status == 400
    assert error["code"] == "invalid_ssml"
    assert "<b> is not supported" in str(error["message"])


async def test_instructions_name_a_style() -> None:
    """What else they say is ignored."""
    speech = FakeSpeech(first_s=0.0)
    order = {
        "input": "Hello.",
        "instructions": "Please speak in an EXCITED, hurried way.",
        "response_format": "pcm",
    }
    async with running(engines=with_speech(speech)) as server:
        async with server.client.post(PATH, json=order) as answer:
            await answer.read()
        status, error = await server.error(
            "POST", PATH, json={"input": "Hello.", "instructions": 3}
        )
    assert [r.style for r in speech.requests] == ["excited"]
    assert (status, error["param"]) == (400, "instructions")
