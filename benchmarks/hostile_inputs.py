"""What a hostile client may send, each for a few seconds.

An input is a coroutine function that takes the server's address. It asserts nothing:
the server may refuse, slow down or hang up, as it likes.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import json
import socket
import struct
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import av
import numpy as np
import soundfile
from aiortc import RTCConfiguration, RTCPeerConnection

from benchmarks.caller import Caller

Input = Callable[[str], Awaitable[None]]
PATH = "/v1/realtime"
BASE64_BYTES = 6_000_000  # 8 MB on the wire
HELD_S = 2.0
_GONE = (aiohttp.ClientError, ConnectionError, TimeoutError, OSError)


async def audio_in_one_event(url: str, kind: str = "audio/pcm") -> None:
    """Minutes of sound in 8 MB."""
    sound = base64.b64encode(b"\xff" * BASE64_BYTES).decode()
    async with _socket(url, kind) as client:
        await client.send_str(
            json.dumps({"type": "input_audio_buffer.append", "audio": sound})
        )
        await _last(client)
        await _answered(client)


async def g711_in_one_event(url: str) -> None:
    """The same, 12 minutes of it."""
    await audio_in_one_event(url, "audio/pcmu")


async def audio_within_bounds(url: str) -> None:
    """Six times the most that one event may hold: 60 s of G.711."""
    sound = base64.b64encode(b"\x55" * 8_000 * 59).decode()
    async with _socket(url, "audio/pcmu") as client:
        for _ in range(6):
            await client.send_str(
                json.dumps({"type": "input_audio_buffer.append", "audio": sound})
            )
        await _last(client)
        await _answered(client)


async def floats(url: str) -> None:
    """JSON of 8 MB that is all small numbers."""
    await _update(url, "1.0," * 2_000_000 + "1.0", 3)


async def values_within_bounds(url: str) -> None:
    """The most that is read, as many numbers among it as are taken."""
    numbers = f"1.{'7' * 60}," * 2_000
    await _update(url, numbers + '"ab",' * 14_000 + "1.0", 40)


async def empty_objects(url: str) -> None:
    """JSON of 8 MB that is all braces."""
    await _update(url, "{}," * 2_600_000 + "{}", 2)


async def deep(url: str) -> None:
    """Nested a hundred thousand times."""
    await _update(url, "[" * 100_000 + "]" * 100_000, 3)


async def large_items(url: str) -> None:
    """A conversation of 150 items of 128 KiB."""
    part = {"type": "input_text", "text": "\U0001f600" * 32_768}
    item = {"type": "message", "role": "user", "content": [part]}
    event = {"type": "conversation.item.create", "item": item}
    text = json.dumps(event, ensure_ascii=False)
    async with _socket(url) as client, asyncio.TaskGroup() as group:
        reading = group.create_task(_answered(client))
        for _ in range(150):
            await client.send_str(text)
        await _last(client)
        await reading


async def small_events(url: str) -> None:
    """Two thousand without a pause."""
    async with _socket(url) as client:
        for _ in range(2_000):
            await client.send_str('{"type":"nonsense"}')
        await asyncio.sleep(HELD_S)


async def events_on_the_data_channel(url: str) -> None:
    """Three thousand without a pause."""
    caller = Caller(url)
    await caller.connect()
    for _ in range(3_000):
        caller.send({"type": "nonsense"})
    await asyncio.sleep(HELD_S)
    await caller.vanish()


async def message_without_end(url: str) -> None:
    """Megabytes of one message on the data channel."""
    caller = Caller(url)
    await caller.connect()
    sctp: Any = caller._peer.sctp
    sctp._remote_max_message_size = 0  # no limit
    caller.send({"type": "x" * 8_000_000})
    await asyncio.sleep(2 * HELD_S)
    await caller.vanish()


async def large_offer(url: str) -> None:
    """As large as is read, of lines that cost."""
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    peer.addTransceiver("audio")
    await peer.setLocalDescription(await peer.createOffer())
    offer = peer.localDescription.sdp
    await peer.close()
    async with aiohttp.ClientSession() as client:
        for line in ("a=ssrc:{} cname:x", "a=rtpmap:{} opus/48000/2"):
            lines = [line.format(number % 128 + 96) for number in range(950)]
            body = offer + "".join(f"{one}\r\n" for one in lines)
            for _ in range(3):
                with contextlib.suppress(*_GONE):
                    await _posted(
                        client,
                        url + PATH + "/calls",
                        data=body[:31_900],
                        headers={"Content-Type": "application/sdp"},
                    )


async def idle_connections(url: str) -> None:
    """Six hundred that ask once and stay."""
    await _held(url, 600, b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")


async def silent_connections(url: str) -> None:
    """Eleven hundred that say nothing: with TLS, unfinished handshakes."""
    await _held(url, 1_100, b"")


async def slow_uploads(url: str) -> None:
    """Thirty forms that do not come."""
    head = (
        b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: "
        b"multipart/form-data; boundary=b\r\nContent-Length: 1000000\r\n\r\n--b\r\n"
    )
    await _held(url, 30, head)


async def slow_readers(url: str) -> None:
    """Twenty that ask for minutes of speech and take none of it."""
    text = json.dumps({"input": "Hello there. " * 250, "response_format": "wav"})
    head = (
        "POST /v1/audio/speech HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: "
        f"application/json\r\nContent-Length: {len(text)}\r\n\r\n"
    )
    await _held(url, 20, (head + text).encode())


async def bombs(url: str) -> None:
    """Eight files of a kilobyte that claim 55 million samples."""
    await _transcribe(url, [bomb()] * 8)


async def long_silence(url: str) -> None:
    """Eight times ten minutes in some 30 kB."""
    file = io.BytesIO()
    soundfile.write(file, np.zeros(16_000 * 600, np.int16), 16_000, format="FLAC")
    await _transcribe(url, [file.getvalue()] * 8)


async def large_upload(url: str) -> None:
    """19 MB, which is taken."""
    file = io.BytesIO()
    soundfile.write(file, np.zeros(16_000 * 599, np.int16), 16_000, format="WAV")
    await _transcribe(url, [file.getvalue()])


INPUTS: Mapping[str, Input] = {
    one.__name__: one
    for one in (
        g711_in_one_event,
        audio_within_bounds,
        floats,
        values_within_bounds,
        empty_objects,
        deep,
        large_items,
        small_events,
        events_on_the_data_channel,
        message_without_end,
        large_offer,
        idle_connections,
        silent_connections,
        slow_uploads,
        slow_readers,
        bombs,
        long_silence,
        large_upload,
    )
} | {"audio_in_one_event": audio_in_one_event}


def bomb(n_samples: int = 55_000_000) -> bytes:
    """A small MP4 whose table of samples says that there are very many."""
    sink = io.BytesIO()
    with av.open(sink, "w", format="mp4") as container:
        stream: Any = container.add_stream("aac", rate=16_000)
        stream.layout = "mono"
        for number in range(20):
            quiet = np.zeros((1, 1024), np.float32)
            frame = av.AudioFrame.from_ndarray(quiet, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 16_000, number * 1024
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    content = bytearray(sink.getvalue())
    for box, at, *values in (
        (b"stsz", 8, 1, n_samples),
        (b"stsc", 8, 1, 1, n_samples, 1),
        (b"stco", 8, 1),
        (b"stts", 8, 1, n_samples, 1024),
    ):
        place = content.find(box) + at
        struct.pack_into(f">{len(values)}I", content, place, *values)
    return bytes(content)


@contextlib.asynccontextmanager
async def _socket(
    url: str, kind: str = "audio/pcm"
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with aiohttp.ClientSession() as session:
        with contextlib.suppress(*_GONE):
            async with session.ws_connect(url + PATH, max_msg_size=0) as client:
                sound = {"input": {"format": {"type": kind}, "turn_detection": None}}
                update = {"type": "realtime", "audio": sound}
                await client.send_json({"type": "session.update", "session": update})
                yield client


async def _answered(client: aiohttp.ClientWebSocketResponse) -> None:
    """Wait until all that was sent has been read, or the server hung up."""
    async with asyncio.timeout(60):
        async for message in client:
            if "'last'" in str(message.data):
                return


async def _last(client: aiohttp.ClientWebSocketResponse) -> None:
    await client.send_json({"type": "conversation.item.retrieve", "item_id": "last"})


async def _update(url: str, values: str, times: int) -> None:
    async with _socket(url) as client:
        for _ in range(times):
            await client.send_str(f'{{"type":"session.update","session":[{values}]}}')
        await _last(client)
        await _answered(client)


async def _held(url: str, number: int, request: bytes) -> None:
    """Open connections that send this, and keep them."""
    place = urlsplit(url)
    held: list[socket.socket] = []
    try:
        for _ in range(number):
            with contextlib.suppress(OSError):
                one = socket.socket()
                held.append(one)
                one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
                one.setblocking(False)
                loop = asyncio.get_running_loop()
                async with asyncio.timeout(5):
                    await loop.sock_connect(one, (place.hostname, place.port))
                one.send(request)
        await asyncio.sleep(HELD_S)
    finally:
        for one in held:
            one.close()


async def _transcribe(url: str, contents: list[bytes]) -> None:
    async with aiohttp.ClientSession() as client:
        await asyncio.gather(*(_upload(client, url, one) for one in contents))


async def _upload(client: aiohttp.ClientSession, url: str, content: bytes) -> None:
    form = aiohttp.FormData()
    form.add_field("file", io.BytesIO(content), filename="a")
    with contextlib.suppress(*_GONE):
        await _posted(client, url + "/v1/audio/transcriptions", data=form)


async def _posted(client: aiohttp.ClientSession, url: str, **options: Any) -> None:
    async with client.post(url, ssl=False, **options) as answer:
        await answer.read()


def main() -> None:
    """Say that all is loaded; send the input of a name for each line that comes."""
    name, url = sys.argv[1:]
    print("ready", flush=True)

    async def send() -> None:
        await INPUTS[name](url)

    for _ in sys.stdin:
        asyncio.run(send())
        print("sent", flush=True)


if __name__ == "__main__":
    main()
