"""``WS /v1/stream``: calls of kiosks, scripts and load tests; ``docs/stream.md``.

What the binary messages hold is in the address, so audio may flow from the first
message on; everything else is said in events.
"""

from __future__ import annotations

from aiohttp import web

from voiceserver.carriers.websocket.stream import StreamCall
from voiceserver.carriers.websocket.stream_audio import PCM, read_format
from voiceserver.server.routes.sockets import AiohttpSocket, hold, require_upgrade

PATH = "/v1/stream"
HINT = "docs/stream.md says how"
# An event of the size that the data channel takes too; 4 s of PCM at 16 kHz.
MAX_MESSAGE_BYTES = 131_072


async def connect(request: web.Request) -> web.StreamResponse:
    """``GET /v1/stream``: hold a call until it is over."""
    require_upgrade(request, HINT)
    query = request.query
    form = read_format(query.get("format", PCM), query.get("rate", "16000"))
    socket = AiohttpSocket(request, MAX_MESSAGE_BYTES)
    return await hold(
        request, socket, lambda incoming: StreamCall(incoming, socket, form)
    )
