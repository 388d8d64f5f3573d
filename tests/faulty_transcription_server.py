"""A transcription service on loopback, OpenAI's way and Azure's, with faults."""

from __future__ import annotations

import asyncio
import io
from dataclasses import dataclass, field

import soundfile as sf
from aiohttp import web

SHORT = "/speech/recognition/conversation/cognitiveservices/v1"
FAST = "/speechtotext/transcriptions:transcribe"
KEYS = ("Authorization", "Ocp-Apim-Subscription-Key")
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
        keys: Headers of the requests that carry a key.
        base_url: Up to ``/v1``.
        root_url: Before that, for Azure's.
    """

    text: str = "Hello there."
    fault: str = ""
    forms: list[dict[str, str]] = field(default_factory=list)
    keys: list[dict[str, str]] = field(default_factory=list)
    base_url: str = ""
    root_url: str = ""

    async def __aenter__(self) -> FaultyTranscriptionServer:
        self._ending = asyncio.Event()
        app = web.Application()
        app.router.add_post("/v1/audio/transcriptions", self._hear)
        app.router.add_get("/v1/models", self._listed)
        app.router.add_get("/", self._listed)
        app.router.add_post(SHORT, self._hear_short)
        app.router.add_post(FAST, self._hear)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.root_url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self.base_url = f"{self.root_url}/v1"
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._ending.set()
        await self._runner.cleanup()

    async def _listed(self, request: web.Request) -> web.Response:
        return web.json_response({"data": []})

    async def _hear(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
        file = form["audio" if request.path == FAST else "file"]
        assert isinstance(file, web.FileField)
        samples, rate = sf.read(io.BytesIO(file.file.read()))
        fields["seconds"] = f"{len(samples) / rate:.2f}"
        fields |= request.query
        return await self._answer(request, fields)

    async def _hear_short(self, request: web.Request) -> web.StreamResponse:
        samples, rate = sf.read(io.BytesIO(await request.read()))
        fields = {"seconds": f"{len(samples) / rate:.2f}"} | dict(request.query)
        return await self._answer(request, fields)

    async def _answer(
        self, request: web.Request, fields: dict[str, str]
    ) -> web.StreamResponse:
        self.forms.append(fields)
        self.keys.append({k: v for k, v in request.headers.items() if k in KEYS})
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
        return web.json_response(self._heard(request.path))

    def _heard(self, path: str) -> dict[str, object]:
        said = {"text": self.text}
        told = {"locale": "es-ES" if self.fault == "language" else "en-US"}
        match path:
            case "/v1/audio/transcriptions":
                return said | {"logprobs": [{"logprob": -0.5}]}
            case _ if path == FAST:
                phrases = [said | told | {"confidence": 0.5}]
                return {"combinedPhrases": [said], "phrases": phrases}
        best = {"Display": self.text, "Confidence": 0.5}
        status = "Success" if self.text else "NoMatch"
        return {"RecognitionStatus": status, "NBest": [best]}
