"""A kiosk: talks to voiceserver over one WebSocket, see docs/stream.md.

pip install websockets sounddevice       # sounddevice: for microphone and speaker
python examples/kiosk.py
python examples/kiosk.py --wav question.wav --reply answer.wav       # no devices

A server with an API key: put the key into VOICESERVER_API_KEY here too.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import time
import wave
from collections.abc import AsyncIterator
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidStatus,
    InvalidURI,
)

RATE = 16_000  # Hz; a recording brings its own
SILENCE_S = 12.0  # after a recording: the server decides from silence that it is over
START_MS = 60  # kept in hand before playing, against an uneven network


class Speaker:
    """Plays what comes; silence while nothing does. Without devices it only keeps."""

    def __init__(self, rate: int, device: bool) -> None:
        self.kept = bytearray()
        self._waiting = bytearray()
        self._least = rate * 2 * START_MS // 1000
        self._playing = False
        if device:
            import sounddevice

            self._stream = sounddevice.RawOutputStream(
                rate, rate // 50, channels=1, dtype="int16", callback=self._fill
            )
            self._stream.start()

    def play(self, pcm: bytes) -> None:
        self._waiting += pcm
        self.kept += pcm

    def stop(self) -> None:
        """The user interrupted: what was not played is not wanted any more."""
        self._waiting.clear()

    def _fill(self, out: Any, n_frames: int, _time: Any, _status: Any) -> None:
        self._playing = len(self._waiting) >= (1 if self._playing else self._least)
        n_bytes = min(len(self._waiting), n_frames * 2) if self._playing else 0
        out[:] = bytes(self._waiting[:n_bytes]).ljust(n_frames * 2, b"\0")
        del self._waiting[:n_bytes]


async def microphone(rate: int) -> AsyncIterator[bytes]:
    """20 ms after 20 ms of the default microphone."""
    import sounddevice

    loop, heard = asyncio.get_running_loop(), asyncio.Queue[bytes](maxsize=100)

    def take(pcm: bytes) -> None:
        if not heard.full():
            heard.put_nowait(pcm)

    def callback(pcm: Any, _n: int, _time: Any, _status: Any) -> None:
        loop.call_soon_threadsafe(take, bytes(pcm))

    with sounddevice.RawInputStream(
        rate, rate // 50, channels=1, dtype="int16", callback=callback
    ):
        while True:
            yield await heard.get()


async def recording(file: wave.Wave_read) -> AsyncIterator[bytes]:
    """A recording at the speed of speech, then silence."""
    size, began_s = file.getframerate() // 50, time.monotonic()
    for number in range(file.getnframes() // size + round(SILENCE_S * 50)):
        await asyncio.sleep(max(0.0, began_s + number * 0.02 - time.monotonic()))
        yield file.readframes(size).ljust(size * 2, b"\0")


async def send(socket: ClientConnection, sound: AsyncIterator[bytes]) -> None:
    with contextlib.suppress(ConnectionClosed):  # the listening side says why
        async for pcm in sound:
            await socket.send(pcm)


async def listen(socket: ClientConnection, speaker: Speaker, once: bool) -> None:
    """Play the audio, show the words; until the server, or one answer, is over."""
    async for message in socket:
        if isinstance(message, bytes):
            speaker.play(message)
            continue
        event = json.loads(message)
        match event["type"]:
            case "conversation.item.input_audio_transcription.completed":
                print("You:   ", event["transcript"], flush=True)
            case "response.output_audio_transcript.done":
                print("Server:", event["transcript"], flush=True)
            case "output_audio_buffer.cleared":
                speaker.stop()
            case "output_audio_buffer.stopped" if once:
                return
            case "error":
                print("Error: ", event["error"]["message"], flush=True)


def opened(name: str) -> wave.Wave_read:
    try:
        file: wave.Wave_read = wave.open(name)  # noqa: SIM115
    except (OSError, EOFError, wave.Error) as error:
        raise SystemExit(f"{name}: is no WAV file that can be read ({error})") from None
    if (file.getnchannels(), file.getsampwidth()) != (1, 2):
        raise SystemExit(f"{name}: the recording must be 16-bit mono")
    return file


def loudspeaker(rate: int, device: bool) -> Speaker:
    try:
        return Speaker(rate, device)
    except Exception as error:  # noqa: BLE001 - of a library that may not be there
        advice = "pip install sounddevice, or speak a recording: --wav FILE"
        raise SystemExit(f"no loudspeaker can be used ({error}); {advice}") from None


@contextlib.asynccontextmanager
async def connected(
    url: str, headers: dict[str, str]
) -> AsyncIterator[ClientConnection]:
    try:
        async with connect(url, additional_headers=headers) as socket:
            yield socket
    except InvalidStatus as error:
        told = (error.response.body or b"").decode(errors="replace")
        status = error.response.status_code
        raise SystemExit(f"the server refused ({status}): {told}") from None
    except (OSError, InvalidHandshake, InvalidURI) as error:
        advice = "is it running? voiceserver serve"
        raise SystemExit(f"no server answers at {url} ({error}); {advice}") from None


async def talk(arguments: argparse.Namespace) -> None:
    file = opened(arguments.wav) if arguments.wav else None
    rate = file.getframerate() if file else RATE
    speaker = loudspeaker(rate, device=file is None)
    key = os.environ.get("VOICESERVER_API_KEY")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    url = f"{arguments.url}?format=pcm_s16le&rate={rate}"
    sound = recording(file) if file else microphone(rate)
    async with (
        connected(url, headers) as socket,
        asyncio.TaskGroup() as group,
    ):
        sending = group.create_task(send(socket, sound))
        await listen(socket, speaker, once=file is not None)
        sending.cancel()
    if arguments.reply:
        with wave.open(arguments.reply, "wb") as reply:
            reply.setparams((1, 2, rate, 0, "NONE", ""))
            reply.writeframes(bytes(speaker.kept))


def main() -> None:
    parser = argparse.ArgumentParser(description="A kiosk for voiceserver.")
    parser.add_argument("--url", default="ws://127.0.0.1:8080/v1/stream")
    parser.add_argument("--wav", help="speak this instead of using the microphone")
    parser.add_argument("--reply", help="write the answer into this WAV file")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(talk(parser.parse_args()))


if __name__ == "__main__":
    main()
