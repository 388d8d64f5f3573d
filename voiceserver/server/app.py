"""The HTTP application: every route, and what every request passes through first.

From the outside in: the connection counts as having sent a request; errors become
answers; ``Host`` and ``Origin`` are checked, then the API key for what needs one; then
the route. Every answer, a stream too, gets its CORS headers just before it is sent.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

from aiohttp import web
from aiohttp.typedefs import Middleware

from voiceserver.metrics import Metrics
from voiceserver.server.access.phone_access import PhoneAccess
from voiceserver.server.access.security import AccessRules
from voiceserver.server.access.tokens import PREFIX, Tokens
from voiceserver.server.answers import Route, errors_told
from voiceserver.server.body import AUDIO_LIMIT
from voiceserver.server.page import PageFile, add_page
from voiceserver.server.routes import (
    call_control,
    calls,
    calls_out,
    client_secrets,
    internal,
    listings,
    ops,
    providers,
    sockets,
    stream,
    telephony,
)
from voiceserver.server.routes.speech import speech
from voiceserver.server.routes.transcriptions import transcription
from voiceserver.server.shares import Share
from voiceserver.server.state import KEY_NAME, SHARE, STATE, TOKEN_SESSION, ServerState

Asking = Callable[[web.Request], AbstractContextManager[None]]

OPEN_PATHS = frozenset({"/healthz", "/readyz"})
# Where calls are placed by WebSocket; a front passes them on.
SOCKETS: dict[str, Route] = {
    sockets.PATH: sockets.connect,
    stream.PATH: stream.connect,
    telephony.PATH: telephony.connect,
}
_TOKEN_PATHS = frozenset({*SOCKETS, calls.PATH})
PREFLIGHT_S = 600  # a browser may remember the answer so long
_HEADER_NAMES = re.compile(r"[A-Za-z0-9\-, ]{0,1024}\Z")


def bare_application(
    rules: AccessRules,
    tokens: Tokens,
    metrics: Metrics,
    page: Mapping[str, PageFile],
    asking: Asking = lambda request: contextlib.nullcontext(),
) -> web.Application:
    """Make what every request passes through, with the page and no other route.

    Args:
        rules: Whom to let in.
        tokens: Taken in place of a key where calls are placed.
        metrics: Where unforeseen errors are counted.
        page: Files of the browser page.
        asking: Entered with each request, from its head to its answer.
    """

    @web.middleware
    async def arrived(request: web.Request, handler: Route) -> web.StreamResponse:
        with asking(request):
            return await handler(request)

    async def complete(request: web.Request, answer: web.StreamResponse) -> None:
        answer.headers["Server"] = "voiceserver"  # not aiohttp's version
        headers = request.headers
        answer.headers.update(
            cors_headers(rules, headers.get("Origin"), headers.get("Host"))
        )

    app = web.Application(
        middlewares=[
            arrived,
            errors_told(metrics),
            _admitted(rules, tokens, frozenset(f"/{name}" for name in page)),
        ],
        client_max_size=AUDIO_LIMIT,
    )
    app.on_response_prepare.append(complete)
    add_page(app, page)
    return app


def application(
    state: ServerState,
    page: Mapping[str, PageFile],
    asking: Asking = lambda request: contextlib.nullcontext(),
    share: Share | None = None,
) -> web.Application:
    """Make the application of a server that holds calls.

    Args:
        state: What routes need.
        page: Files of the browser page.
        asking: Entered with each request, from its head to its answer.
        share: Which worker it is; None if it is the whole server.
    """
    app = bare_application(state.rules, state.tokens, state.metrics, page, asking)
    app[STATE] = state
    app[telephony.ACCESS] = PhoneAccess(state.config.telephony, state.rules)
    router = app.router
    for path, connect in SOCKETS.items():
        router.add_get(path, connect)
    router.add_post(telephony.PATH, telephony.document)
    router.add_post(client_secrets.PATH, client_secrets.create)
    router.add_post(calls.PATH, calls.place)
    of_call = calls.PATH + "/{call_id}"
    router.add_delete(of_call, call_control.hang_up)
    router.add_post(of_call + "/hangup", call_control.hang_up)
    router.add_post(of_call + "/accept", call_control.accept)
    router.add_post(of_call + "/reject", call_control.reject)
    router.add_post(of_call + "/refer", call_control.refer)
    router.add_post(calls_out.PATH, calls_out.dial)
    router.add_get(calls_out.PATH + "/{call_id}", calls_out.shown)
    router.add_get(calls_out.PATH + "/{call_id}/events", calls_out.events)
    router.add_delete(calls_out.PATH + "/{call_id}", call_control.hang_up)
    router.add_post("/v1/audio/speech", speech)
    router.add_post("/v1/audio/transcriptions", transcription)
    router.add_get("/v1/models", listings.models)
    router.add_get("/v1/models/{model:.+}", listings.model)
    router.add_get("/v1/voices", listings.voices)
    router.add_get(providers.PATH, providers.listed)
    router.add_post(providers.PATH + providers.ACTION, providers.drain)
    router.add_get("/healthz", listings.healthz)
    router.add_get("/readyz", listings.readyz)
    router.add_get("/metrics", listings.metrics)
    router.add_get(ops.PATH, ops.ops)
    if share is not None:
        app[SHARE] = share
        router.add_post(internal.TOKENS, internal.keep)
        router.add_get(internal.ENDED, internal.ended)
    return app


def cors_headers(
    rules: AccessRules, origin: str | None, host: str | None
) -> dict[str, str]:
    """Return the headers that let a page of ``origin`` read an answer."""
    headers = {"Vary": "Origin"}
    if origin is not None and rules.allows_origin(origin, host or ""):
        headers["Access-Control-Allow-Origin"] = origin
        # agents-js reads the call's id from it.
        headers["Access-Control-Expose-Headers"] = "Location, Retry-After"
    return headers


def _admitted(
    rules: AccessRules, tokens: Tokens, page_paths: frozenset[str]
) -> Middleware:
    """Make the middleware that checks where a request comes from, and its key."""

    @web.middleware
    async def admitted(request: web.Request, handler: Route) -> web.StreamResponse:
        headers = request.headers
        if request.path.startswith(internal.PREFIX) and SHARE in request.app:
            internal.check_front(request)
            return await handler(request)
        rules.check_source(headers.get("Host"), headers.get("Origin"))
        if request.method == "OPTIONS" and request.path.startswith("/v1/"):
            return _preflight(request)
        # Telephone services have ways of their own to show who they are.
        own_ways = request.path.startswith(telephony.PREFIX)
        known = request.path in OPEN_PATHS or request.path in page_paths
        if not own_ways and not known:
            _check_key(rules, tokens, request)
        return await handler(request)

    return admitted


def _check_key(rules: AccessRules, tokens: Tokens, request: web.Request) -> None:
    """Check the API key, or take a token where calls are placed."""
    given = request.headers.get("Authorization")
    if given is None and request.path in SOCKETS:
        given = sockets.key_in_subprotocol(request)
    _, _, key = (given or "").partition(" ")
    if request.path in _TOKEN_PATHS and key.strip().startswith(PREFIX):
        kept = tokens.find(key.strip())
        if kept is not None:
            request[TOKEN_SESSION] = kept.session
            request[KEY_NAME] = kept.key_name
            return
    request[KEY_NAME] = rules.check_key(given)


def _preflight(request: web.Request) -> web.Response:
    """Answer a browser's question; SDKs add headers of their own, so take any."""
    names = request.headers.get("Access-Control-Request-Headers", "")
    allowed = names if _HEADER_NAMES.match(names) else ""
    headers = {
        "Access-Control-Allow-Methods": "GET, POST, DELETE, OPTIONS",
        "Access-Control-Allow-Headers": allowed or "Authorization, Content-Type",
        "Access-Control-Max-Age": str(PREFLIGHT_S),
    }
    if request.headers.get("Access-Control-Request-Private-Network") == "true":
        # A public page asking for loopback; its origin has been checked.
        headers["Access-Control-Allow-Private-Network"] = "true"
    return web.Response(status=204, headers=headers)
