"""``WS /v1/stream``: calls of kiosks, scripts and load tests; ``docs/stream.md``.

What the binary messages hold is in the address, so audio may flow from the first
message on; everything else is said in events.
"""

from __future__ import annotations

from aiohttp import web

from voiceserver.carriers.websocket.stream_audio import PCM, read_format
from voiceserver.server.routes.calls import starting_session
from voiceserver.server.routes.sockets import AiohttpSocket, require_upgrade
from voiceserver.server.state import KEY_NAME, STATE

PATH = "/v1/stream"
HINT = "docs/stream.md says how"
# An event of the size that the data channel takes too; 4 s of PCM at 16 kHz.
MAX_MESSAGE_BYTES = 131_072


async def connect(request: web.Request) -> web.StreamResponse:
    """``GET /v1/stream``: hold a call until it is over."""
    state = request.app[STATE]
    require_upgrade(request, HINT)
    engines = state.engines.for_a_call()
    query = request.query
    form = read_format(query.get("format", PCM), query.get("rate", "16000"))
    session = starting_session(request) or None
    socket = AiohttpSocket(request, MAX_MESSAGE_BYTES)
    call_id, _ = await state.calls.place(
        lambda call_id: state.connect_call(
            call_id, socket, engines, session, form, extensions=True
        ),
        "",
        request.remote or "",
        request.get(KEY_NAME, ""),
    )
    await state.calls.ended(call_id)
    return socket.response
