"""``/v1/telephony/{service}``: telephone services bring calls; ``docs/phone.md``.

``POST`` (or a plain ``GET``) is the service's webhook: who calls whom, answered with
what the service shall do, which is to open the WebSocket at the same address.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web

from voiceserver.carriers.base import Caller
from voiceserver.carriers.telephony.attendant import session_at
from voiceserver.carriers.telephony.beginning import beginning
from voiceserver.carriers.telephony.call import TelephonyCall
from voiceserver.carriers.telephony.documents import XML, Written, rejected
from voiceserver.carriers.telephony.messages import Started
from voiceserver.carriers.telephony.reading import text_in, texts_in
from voiceserver.carriers.telephony.services import SERVICES, Service
from voiceserver.carriers.websocket.socket import POLICY, close_in_time
from voiceserver.errors import Overloaded, VoiceServerError
from voiceserver.server.access.genesys_signature import SignedRequest
from voiceserver.server.access.phone_access import PhoneAccess
from voiceserver.server.answers import Refusal, invalid, refusal_of
from voiceserver.server.body import JSON_LIMIT, json_object, read_body
from voiceserver.server.routes.sockets import AiohttpSocket
from voiceserver.server.state import STATE, ServerState

log = logging.getLogger(__name__)

PREFIX = "/v1/telephony/"
PATH = PREFIX + "{service}"
# 1 s of 48 kHz PCM in base64, or 30 s of mu-law; services send 20 to 100 ms.
MAX_MESSAGE_BYTES = 262_144
TRY_LATER = 1013  # close code (IANA's registry of WebSocket close codes)
ACCESS: web.AppKey[PhoneAccess] = web.AppKey("phone_access", PhoneAccess)
_FROM, _TO = ("From", "from", "CallFrom"), ("To", "to", "CallTo")
_CALL = ("CallSid", "CallUUID", "uuid", "call_sid", "callSid")


def is_upgrade(request: web.Request) -> bool:
    """Whether a request asks for a WebSocket."""
    return request.headers.get("Upgrade", "").lower() == "websocket"


async def connect(request: web.Request) -> web.StreamResponse:
    """``GET /v1/telephony/{service}``: hold a call until it is over."""
    if not is_upgrade(request):
        return await document(request)
    service, state = _service(request), request.app[STATE]
    known = _known(request, service)
    # Before there is a socket: a service tells its caller that the line is busy.
    state.engines.for_a_call()
    state.calls.check_room(request.remote or "")
    framing = service.framing()
    socket = AiohttpSocket(request, MAX_MESSAGE_BYTES, service.protocols)
    await socket.open()
    try:
        started = _numbered(request, await beginning(socket, framing))
        _check_stream(request, service, started, known)
        call_id, _ = await state.exchange.place(
            lambda incoming: TelephonyCall(incoming, socket, service, framing, started),
            _caller(request, state, started),
        )
    except asyncio.CancelledError:
        raise
    except Exception as error:  # the boundary to the service
        if not isinstance(error, VoiceServerError):
            state.metrics.faults.labels("telephony", type(error).__name__).inc()
            log.exception("a telephone call failed", extra={"path": request.path})
        refusal = refusal_of(error)
        log.info("a telephone call was refused", extra={"reason": refusal.code})
        code = TRY_LATER if refusal.status == 503 else POLICY
        await close_in_time(socket, code, str(refusal))
        return socket.response
    await state.exchange.ended(call_id)
    return socket.response


async def document(request: web.Request) -> web.Response:
    """``POST /v1/telephony/{service}``: say where the service finds the socket."""
    service, state = _service(request), request.app[STATE]
    if service.document is None:
        message = (
            f"{service.name} has no webhook: have it open a WebSocket at this address; "
            "docs/phone.md says how."
        )
        raise Refusal(426, message, "upgrade_required", None, {"Upgrade": "websocket"})
    fields = await _fields(request)
    access = request.app[ACCESS]
    form = fields if request.method == "POST" else {}
    if not _known(request, service, form):
        raise _unknown()
    call = text_in(fields, *_CALL)
    given = request.headers.get(_header(service), "")
    if given:
        access.check_new(f"{service.name} {given} {call}")
    try:
        state.engines.for_a_call()
        state.calls.check_room(request.remote or "")
    except VoiceServerError as error:
        if not isinstance(error, Overloaded | Refusal) or not _speaks_twiml(service):
            raise
        return _answer(rejected())
    parameters = {"from": text_in(fields, *_FROM), "to": text_in(fields, *_TO)}
    parameters = {name: value for name, value in parameters.items() if value}
    if access.guarded:
        parameters["token"] = access.token()
    url = _public_url(request, state).replace("http", "ws", 1) + request.path
    return _answer(service.document(url, parameters))


def _service(request: web.Request) -> Service:
    service = SERVICES.get(request.match_info["service"])
    if service is None:
        message = f"There is no such service; there are: {', '.join(SERVICES)}."
        raise Refusal(404, message, "not_found", "service")
    return service


def _known(
    request: web.Request, service: Service, form: Mapping[str, str] | None = None
) -> bool:
    """Whether the request itself admits; a stream may still bring a token."""
    access = request.app[ACCESS]
    if access.wants_signature(service.name):
        return _signed_by_genesys(request)
    given = request.headers.get("Authorization")
    # Genesys names the integration's API key in a header of its own.
    token = request.query.get("token") or request.headers.get("X-API-KEY")
    if access.knows(given, token):
        return True
    url = _public_url(request, request.app[STATE]) + request.path_qs
    signature = request.headers.get(_header(service))
    return access.signed(service.signs, signature, url, form or {})


def _signed_by_genesys(request: web.Request) -> bool:
    """Whether it is signed with the integration's secret."""
    public = urlsplit(_public_url(request, request.app[STATE]))
    headers = {name.lower(): value for name, value in request.headers.items()}
    signed = SignedRequest(
        public.netloc.lower(), public.path + request.raw_path, headers
    )
    return request.app[ACCESS].signed_by_genesys(signed)


def _header(service: Service) -> str:
    return f"X-{service.signs or 'none'}-Signature"


def _unknown() -> Refusal:
    message = (
        "This telephone service is not known here: its request carries neither a valid "
        "signature nor a token that is still good; docs/phone.md says how to set it up."
    )
    return Refusal(403, message, "not_admitted")


def _check_stream(
    request: web.Request, service: Service, started: Started, known: bool
) -> None:
    """Check that a stream may be a call.

    Raises:
        Refusal: If nothing admits it, or it was there before.
    """
    access = request.app[ACCESS]
    token = started.parameters.get("token", "")
    if not known and (access.wants_signature(service.name) or not access.takes(token)):
        raise _unknown()
    if started.stream or started.call:
        access.check_new(f"{service.name} {started.stream} {started.call}")


def _numbered(request: web.Request, started: Started) -> Started:
    """Numbers that the stream does not tell may be in the socket's address."""
    query = request.query
    caller = started.caller or query.get("from", "")
    called = started.called or query.get("to", "")
    return replace(started, caller=caller, called=called)


def _caller(request: web.Request, state: ServerState, started: Started) -> Caller:
    """Who calls, and what the session is to be."""
    number = state.config.telephony.at(started.called)
    return Caller(request.remote or "", session=session_at(number))


async def _fields(request: web.Request) -> dict[str, str]:
    """What a webhook says: a form, JSON, or a query."""
    if request.method == "GET":
        return dict(request.query)
    body = await read_body(request, JSON_LIMIT)
    if request.content_type == "application/json":
        return texts_in(json_object(body, "The body"))
    if request.content_type != "application/x-www-form-urlencoded":
        message = "Send a form or JSON, as the service's webhooks do."
        raise invalid(message, code="unsupported_media_type")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=256)
    except ValueError:
        raise invalid("The body is not a form.", code="invalid_body") from None
    return dict(pairs)


def _public_url(request: web.Request, state: ServerState) -> str:
    """Where the service reaches the server, without a slash at the end."""
    configured = state.config.telephony.public_url
    if configured:
        return configured.rstrip("/")
    return f"{request.scheme}://{request.host}"


def _speaks_twiml(service: Service) -> bool:
    return service.name in ("twilio", "signalwire", "telnyx")


def _answer(written: Written) -> web.Response:
    kind = written.content_type
    charset = "utf-8" if kind == XML else None
    return web.Response(text=written.body, content_type=kind, charset=charset)
