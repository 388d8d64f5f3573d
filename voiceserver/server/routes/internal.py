"""What a front asks of its worker, and nobody else may: tokens, and when a call ends.

These routes are there in workers only, which listen at a Unix socket that no other user
can open; the front's secret is asked for besides.
"""

from __future__ import annotations

import hmac
import json

from aiohttp import web

from voiceserver.server.access.tokens import Kept
from voiceserver.server.answers import Refusal
from voiceserver.server.body import JSON_LIMIT, json_object, read_body
from voiceserver.server.state import SHARE, STATE

PREFIX = "/internal/"
SECRET_HEADER = "X-Voiceserver-Front"
TOKENS = PREFIX + "tokens"
ENDED = PREFIX + "calls/{call_id}/ended"
TOKEN_LIMIT = 4 * JSON_LIMIT  # bytes; a session is read from half as many at most


def check_front(request: web.Request) -> None:
    """Refuse whoever is not the front (403)."""
    share = request.app[SHARE]
    given = request.headers.get(SECRET_HEADER, "").encode()
    if not hmac.compare_digest(given, share.secret.encode()):
        raise Refusal(403, "This is the server's own.", "not_allowed")


def written(kept: Kept) -> bytes:
    """A token as ``keep`` reads it."""
    token = {
        "digest": kept.digest.hex(),
        "expires_s": kept.expires_s,
        "session": kept.session,
    }
    return json.dumps(token, ensure_ascii=False).encode()


async def keep(request: web.Request) -> web.Response:
    """``POST /internal/tokens``: take a token that another worker made."""
    token = json_object(await read_body(request, TOKEN_LIMIT), "The token")
    digest, expires_s = str(token["digest"]), float(str(token["expires_s"]))
    session = token["session"]
    assert isinstance(session, dict)
    kept = Kept(bytes.fromhex(digest), expires_s, session)
    request.app[STATE].tokens.keep(kept)
    return web.Response(status=204)


async def ended(request: web.Request) -> web.Response:
    """``GET /internal/calls/{id}/ended``: answered when the call is over."""
    await request.app[STATE].calls.ended(request.match_info["call_id"])
    return web.Response(status=204)
