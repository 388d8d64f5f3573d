"""``WS /v1/realtime``: calls over one WebSocket, and sidebands of calls.

Servers send the key in ``Authorization``; browsers, which cannot, as a subprotocol
(``openai-insecure-api-key.KEY``) beside ``realtime``, which must be echoed.
"""

from __future__ import annotations

import aiohttp
from aiohttp import web

from voiceserver.carriers.base import MakeCall
from voiceserver.carriers.websocket.messages import WebSocketCall
from voiceserver.carriers.websocket.sideband import Sideband
from voiceserver.carriers.websocket.socket import MAX_REASON_BYTES
from voiceserver.clock import MonotonicClock
from voiceserver.server.answers import Refusal, busy
from voiceserver.server.routes.calls import caller_of
from voiceserver.server.state import STATE, TOKEN_SESSION

PATH = "/v1/realtime"
SUBPROTOCOL = "realtime"
HINT = "WebRTC calls go to /v1/realtime/calls"
_KEY_PROTOCOL = "openai-insecure-api-key."
MAX_SIDEBANDS = 4  # of one call
# 60 s of 24 kHz PCM fit. Unmasking and decoding 8 MiB held the loop for 30 ms.
MAX_MESSAGE_BYTES = 4 * 1024 * 1024
HEARTBEAT_S = 20.0  # finds half-open sockets, half of it later


class AiohttpSocket:
    """A WebSocket of aiohttp, as the carrier wants it.

    Args:
        request: The client's upgrade.
        most_bytes: Of a message; a larger one closes the socket with 1009.
        protocols: That are spoken; the client's first of them is echoed.
    """

    def __init__(
        self,
        request: web.Request,
        most_bytes: int = MAX_MESSAGE_BYTES,
        protocols: tuple[str, ...] = (SUBPROTOCOL,),
    ) -> None:
        self._request = request
        self._socket = web.WebSocketResponse(
            protocols=protocols,
            heartbeat=HEARTBEAT_S,
            max_msg_size=most_bytes,
            compress=False,  # audio does not get smaller, only slower
        )

    async def open(self) -> None:
        """Complete the handshake."""
        await self._socket.prepare(self._request)

    async def receive(self) -> str | bytes | None:
        """The next message, text or binary; None once the socket is closed."""
        message = await self._socket.receive()
        match message.type:
            case aiohttp.WSMsgType.TEXT:
                return str(message.data)
            case aiohttp.WSMsgType.BINARY:
                return bytes(message.data)
            case _:
                return None

    async def send(self, message: str | bytes) -> None:
        """Send a message, waiting for room."""
        if isinstance(message, str):
            await self._socket.send_str(message)
        else:
            await self._socket.send_bytes(message)

    async def close(self, code: int, reason: str) -> None:
        """Close; may be called again."""
        told = reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")
        await self._socket.close(code=code, message=told.encode())

    @property
    def response(self) -> web.WebSocketResponse:
        """What the route returns."""
        return self._socket


def require_upgrade(request: web.Request, hint: str) -> None:
    """Refuse a plain request (426); ``hint`` tells where else to go."""
    if request.headers.get("Upgrade", "").lower() != "websocket":
        message = f"This address speaks WebSocket; {hint}."
        headers = {"Upgrade": "websocket"}
        raise Refusal(426, message, "upgrade_required", None, headers)


async def connect(request: web.Request) -> web.StreamResponse:
    """``GET /v1/realtime``: hold a call until it is over."""
    require_upgrade(request, HINT)
    if (call_id := request.query.get("call_id")) is not None:
        return await _listen(request, call_id)
    socket = AiohttpSocket(request)
    return await hold(request, socket, lambda incoming: WebSocketCall(incoming, socket))


async def hold(
    request: web.Request, socket: AiohttpSocket, make: MakeCall
) -> web.StreamResponse:
    """Hold a call on a WebSocket until it is over."""
    exchange = request.app[STATE].exchange
    call_id, _ = await exchange.place(make, caller_of(request))
    await exchange.ended(call_id)
    return socket.response


async def _listen(request: web.Request, call_id: str) -> web.StreamResponse:
    """``?call_id=``: listen to a call in progress, and command it."""
    state = request.app[STATE]
    if TOKEN_SESSION in request:
        message = "A token may place calls; to listen to one takes an API key."
        raise Refusal(403, message, "key_needed")
    call = state.calls.find(call_id)
    if call is None:
        raise Refusal(404, "There is no such call.", "call_not_found", "call_id")
    if state.sidebands.get(call_id, 0) >= MAX_SIDEBANDS:
        raise busy(f"A call has {MAX_SIDEBANDS} listeners at most.", "too_many")
    state.sidebands[call_id] = state.sidebands.get(call_id, 0) + 1
    socket = AiohttpSocket(request)
    try:
        await Sideband(
            socket, call.conversation, MonotonicClock(), dict(request.query)
        ).run()
    finally:
        state.sidebands[call_id] -= 1
        if not state.sidebands[call_id]:
            del state.sidebands[call_id]
    return socket.response


def key_in_subprotocol(request: web.Request) -> str | None:
    """The key as an ``Authorization`` header would have it.

    A WebSocket of a browser has no headers of its own, so OpenAI's clients put the key
    among the subprotocols.
    """
    for name in request.headers.get("Sec-WebSocket-Protocol", "").split(","):
        if name.strip().startswith(_KEY_PROTOCOL):
            return f"Bearer {name.strip().removeprefix(_KEY_PROTOCOL)}"
    return None
