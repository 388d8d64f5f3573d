"""The HTTP application: every route, and what every request passes through first.

From the outside in: the connection counts as having sent a request; errors become
answers; ``Host`` and ``Origin`` are checked, then the API key for what needs one; then
the route. Every answer, a stream too, gets its CORS headers just before it is sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from aiohttp import web
from aiohttp.typedefs import Middleware

from voiceserver.server import calls, listings, sockets, stream
from voiceserver.server.answers import Route, errors_told
from voiceserver.server.body import AUDIO_LIMIT
from voiceserver.server.page import PageFile, add_page
from voiceserver.server.speech import speech
from voiceserver.server.state import STATE, ServerState
from voiceserver.server.transcription import transcription

OPEN_PATHS = frozenset({"/healthz", "/readyz"})
_SOCKETS = frozenset({sockets.PATH, stream.PATH})
_KEY_PROTOCOL = "openai-insecure-api-key."
PREFLIGHT_S = 600  # a browser may remember the answer so long
_HEADER_NAMES = re.compile(r"[A-Za-z0-9\-, ]{0,1024}\Z")


def application(
    state: ServerState,
    page: Mapping[str, PageFile],
    began: Callable[[web.Request], None] = lambda request: None,
) -> web.Application:
    """Make the application.

    Args:
        state: What routes need.
        page: Files of the browser page.
        began: Told of each request when its head has arrived.
    """

    @web.middleware
    async def arrived(request: web.Request, handler: Route) -> web.StreamResponse:
        began(request)
        return await handler(request)

    async def complete(request: web.Request, answer: web.StreamResponse) -> None:
        answer.headers["Server"] = "voiceserver"  # not aiohttp's version
        headers = request.headers
        answer.headers.update(
            cors_headers(state, headers.get("Origin"), headers.get("Host"))
        )

    app = web.Application(
        middlewares=[
            arrived,
            errors_told(state.metrics),
            _admitted(state, frozenset(f"/{name}" for name in page)),
        ],
        client_max_size=AUDIO_LIMIT,
    )
    app[STATE] = state
    app.on_response_prepare.append(complete)
    router = app.router
    router.add_get(sockets.PATH, sockets.connect)
    router.add_get(stream.PATH, stream.connect)
    router.add_post(calls.PATH, calls.place)
    router.add_delete(calls.PATH + "/{call_id}", calls.hang_up)
    router.add_post(calls.PATH + "/{call_id}/hangup", calls.hang_up)
    router.add_post("/v1/audio/speech", speech)
    router.add_post("/v1/audio/transcriptions", transcription)
    router.add_get("/v1/models", listings.models)
    router.add_get("/v1/models/{model:.+}", listings.model)
    router.add_get("/v1/voices", listings.voices)
    router.add_get("/healthz", listings.healthz)
    router.add_get("/readyz", listings.readyz)
    router.add_get("/metrics", listings.metrics)
    add_page(app, page)
    return app


def cors_headers(
    state: ServerState, origin: str | None, host: str | None
) -> dict[str, str]:
    """Return the headers that let a page of ``origin`` read an answer."""
    headers = {"Vary": "Origin"}
    if origin is not None and state.rules.allows_origin(origin, host or ""):
        headers["Access-Control-Allow-Origin"] = origin
        # agents-js reads the call's id from it.
        headers["Access-Control-Expose-Headers"] = "Location, Retry-After"
    return headers


def _admitted(state: ServerState, page_paths: frozenset[str]) -> Middleware:
    """Make the middleware that checks where a request comes from, and its key."""

    @web.middleware
    async def admitted(request: web.Request, handler: Route) -> web.StreamResponse:
        headers = request.headers
        state.rules.check_source(headers.get("Host"), headers.get("Origin"))
        if request.method == "OPTIONS" and request.path.startswith("/v1/"):
            return _preflight(request)
        if request.path not in OPEN_PATHS and request.path not in page_paths:
            state.rules.check_key(_authorization(request))
        return await handler(request)

    return admitted


def _authorization(request: web.Request) -> str | None:
    """The ``Authorization`` header, or what a browser sends in its place.

    A WebSocket of a browser has no headers of its own, so OpenAI's clients put the key
    among the subprotocols.
    """
    given = request.headers.get("Authorization")
    if given is not None or request.path not in _SOCKETS:
        return given
    for name in request.headers.get("Sec-WebSocket-Protocol", "").split(","):
        if name.strip().startswith(_KEY_PROTOCOL):
            return f"Bearer {name.strip().removeprefix(_KEY_PROTOCOL)}"
    return None


def _preflight(request: web.Request) -> web.Response:
    """Answer a browser's question; SDKs add headers of their own, so take any."""
    asked = request.headers.get("Access-Control-Request-Headers", "")
    allowed = asked if _HEADER_NAMES.match(asked) else ""
    headers = {
        "Access-Control-Allow-Methods": "GET, POST, DELETE, OPTIONS",
        "Access-Control-Allow-Headers": allowed or "Authorization, Content-Type",
        "Access-Control-Max-Age": str(PREFLIGHT_S),
    }
    if request.headers.get("Access-Control-Request-Private-Network") == "true":
        # A public page asking for loopback; its origin has been checked.
        headers["Access-Control-Allow-Private-Network"] = "true"
    return web.Response(status=204, headers=headers)
