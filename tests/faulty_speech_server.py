"""A speech service on loopback, OpenAI's and Azure's way, with faults on demand."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import numpy as np
from aiohttp import web

RATE = 24_000
HZ = 300


@dataclass
class FaultySpeechServer:
    """Serves while entered.

    Attributes:
        fault: ``""``, ``"429"``, ``"401"``, ``"502"``, ``"hang"``, ``"slow"``,
            ``"cut"``, ``"empty"``, ``"wav"``, ``"mp3"`` or ``"html"``.
        ms: Length of the audio.
        bodies: Of the requests, in order.
        headers: Of the requests.
    """

    fault: str = ""
    ms: int = 500
    bodies: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    base_url: str = ""

    async def __aenter__(self) -> FaultySpeechServer:
        self._ending = asyncio.Event()
        app = web.Application()
        app.router.add_post("/{rest:.*}", self._speak)
        app.router.add_get("/{rest:.*}", self._listed)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.base_url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._ending.set()
        await self._runner.cleanup()

    async def _listed(self, request: web.Request) -> web.Response:
        return web.json_response([])

    async def _speak(self, request: web.Request) -> web.StreamResponse:
        self.bodies.append(await request.text())
        self.headers.append(dict(request.headers))
        if self.fault.isdigit():
            headers = {"Retry-After": "3"} if self.fault == "429" else {}
            return web.Response(status=int(self.fault), headers=headers)
        if self.fault == "html":
            return web.Response(text="<p>hello", content_type="text/html")
        if self.fault == "hang":
            await self._ending.wait()
        if self.fault == "slow":
            await asyncio.sleep(0.25)
        kind = "audio/mpeg" if self.fault == "mp3" else "audio/pcm"
        response = web.StreamResponse(headers={"Content-Type": kind})
        await response.prepare(request)
        if self.fault == "empty":
            return response
        audio = (b"RIFF" if self.fault == "wav" else b"") + tone(self.ms)
        half = len(audio) // 2 + 1  # in the middle of a sample
        await response.write(audio[:half])
        if self.fault == "cut":
            await asyncio.sleep(0.05)
            assert request.transport is not None
            request.transport.abort()
            return response
        await response.write(audio[half:])
        return response


def tone(ms: int) -> bytes:
    """PCM, 24 kHz, 16 bit."""
    at_s = np.arange(ms * RATE // 1000) / RATE
    return (8000 * np.sin(2 * np.pi * HZ * at_s)).astype("<i2").tobytes()
