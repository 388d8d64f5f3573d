"""A transcription service on loopback, OpenAI's way, with faults on demand."""

from __future__ import annotations

import asyncio
import io
from dataclasses import dataclass, field

import soundfile as sf
from aiohttp import web

BODIES = {
    "html": b"<p>hello",
    "no_text": b'{"txt": "hello"}',
    "list": b"[]",
    "number": b'{"text": 7}',
    "surrogate": b'{"text": "Hello \\ud83d there."}',
    "deep": b"[" * 100_000,
}


@dataclass
class FaultyTranscriptionServer:
    """Serves while entered.

    Attributes:
        text: What it hears.
        fault: ``""``, a status, ``"hang"``, ``"slow"``, ``"cut"``, or of ``BODIES``.
        forms: Fields of the requests, in order; the file as its seconds.
        base_url: Up to ``/v1``.
    """

    text: str = "Hello there."
    fault: str = ""
    forms: list[dict[str, str]] = field(default_factory=list)
    base_url: str = ""

    async def __aenter__(self) -> FaultyTranscriptionServer:
        self._ending = asyncio.Event()
        app = web.Application()
        app.router.add_post("/v1/audio/transcriptions", self._hear)
        app.router.add_get("/v1/models", self._listed)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.base_url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._ending.set()
        await self._runner.cleanup()

    async def _listed(self, request: web.Request) -> web.Response:
        return web.json_response({"data": []})

    async def _hear(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
        file = form["file"]
        assert isinstance(file, web.FileField)
        samples, rate = sf.read(io.BytesIO(file.file.read()))
        fields["seconds"] = f"{len(samples) / rate:.2f}"
        self.forms.append(fields)
        if self.fault.isdigit():
            return web.Response(status=int(self.fault), headers={"Retry-After": "3"})
        if self.fault == "hang":
            await self._ending.wait()
        if self.fault == "slow":
            await asyncio.sleep(0.3)
        if self.fault == "cut":
            assert request.transport is not None
            request.transport.abort()
        if self.fault in BODIES:
            return web.Response(body=BODIES[self.fault])
        return web.json_response({"text": self.text, "logprobs": [{"logprob": -0.5}]})
