"""What can be asked about the server: models, voices, health, readiness, metrics."""

from __future__ import annotations

import asyncio

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from voiceserver.engines.opened import Engines
from voiceserver.server.answers import Refusal, busy, json_answer
from voiceserver.server.state import STATE

OWN_MODEL = "voiceserver"  # the default route


def model_stages(engines: Engines) -> dict[str, str]:
    """Return the ids of ``/v1/models`` and the stage of a turn that each serves.

    The default route first, then each engine; only ids of the text stage may be
    pinned by a conversation.
    """
    return {
        engines.speech.name: "speech",
        engines.recogniser.name: "recognition",
        engines.text.name: "text",
        OWN_MODEL: "text",
    }


def _model(name: str, stage: str) -> dict[str, object]:
    return {
        "id": name,
        "object": "model",
        "created": 0,
        "owned_by": "voiceserver",
        "stage": stage,
    }


async def models(request: web.Request) -> web.Response:
    """``GET /v1/models``."""
    stages = model_stages(request.app[STATE].engines.get())
    listed = [_model(name, stage) for name, stage in reversed(stages.items())]
    return json_answer({"object": "list", "data": listed})


async def model(request: web.Request) -> web.Response:
    """``GET /v1/models/{id}``."""
    name = request.match_info["model"]
    stages = model_stages(request.app[STATE].engines.get())
    if name not in stages:
        raise Refusal(404, "There is no such model.", "model_not_found", "model")
    return json_answer(_model(name, stages[name]))


async def voices(request: web.Request) -> web.Response:
    """``GET /v1/voices``: the names that ``voice`` may take, the default first."""
    state = request.app[STATE]
    engines = state.engines.get()
    offered = engines.speech.voices
    listed = [
        {
            "id": name,
            "object": "voice",
            "own": name in offered,
        }
        for name in engines.voices(state.config.speech.voice).names
    ]
    return json_answer({"object": "list", "data": listed})


async def healthz(_request: web.Request) -> web.Response:
    """``GET /healthz``: the process lives."""
    return json_answer({"status": "ok"})


async def readyz(request: web.Request) -> web.Response:
    """``GET /readyz``: calls are taken; 503 while warming up and when closing."""
    state = request.app[STATE]
    if state.calls.closing:
        raise busy("The server is shutting down.", "closing")
    state.engines.get()
    return json_answer({"status": "ready", "calls": len(state.calls)})


async def metrics(request: web.Request) -> web.Response:
    """``GET /metrics``, in Prometheus' text format."""
    registry = request.app[STATE].metrics.registry
    # Some milliseconds once there are many series: not on the loop.
    text = await asyncio.to_thread(generate_latest, registry)
    return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_LATEST})
