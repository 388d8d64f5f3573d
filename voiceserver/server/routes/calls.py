"""``/v1/realtime/calls``: WebRTC calls are placed over HTTP.

As OpenAI's API: a body of raw SDP, or a form of ``sdp`` and ``session``; answered 201
with the call's address in ``Location``. What a session is, the dialect knows.
"""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from voiceserver.carriers.base import Caller, merged
from voiceserver.server.answers import invalid
from voiceserver.server.body import (
    JSON_LIMIT,
    OFFER_LIMIT,
    json_object,
    read_body,
    read_form,
    require_type,
)
from voiceserver.server.state import KEY_NAME, STATE, TOKEN_SESSION

PATH = "/v1/realtime/calls"
SDP = "application/sdp"


async def place(request: web.Request) -> web.Response:
    """``POST /v1/realtime/calls``: answer an offer."""
    state = request.app[STATE]
    # Before the body costs anything.
    state.engines.for_a_call()
    state.calls.check_room(request.remote or "", request.get(KEY_NAME, ""))
    offer, session = await _offer(request)
    if not offer.strip():
        raise invalid("The offer is empty; send SDP.", "sdp", "invalid_sdp")
    caller = caller_of(request, session or {})
    call_id, answer = await state.exchange.place(state.webrtc, caller, offer)
    return web.Response(
        text=answer,
        status=201,
        content_type=SDP,
        headers={"Location": f"{PATH}/{call_id}"},
    )


def caller_of(
    request: web.Request, session: Mapping[str, object] | None = None
) -> Caller:
    """Who sent a request, and what address, token and ``session`` ask for.

    What ``session`` says beats the token, and that the address.
    """
    return Caller(
        request.remote or "",
        request.get(KEY_NAME, ""),
        dict(request.query),
        merged(request.get(TOKEN_SESSION, {}), session or {}),
    )


async def _offer(request: web.Request) -> tuple[str, dict[str, object] | None]:
    """Read the offer, and the session object where there is one."""
    require_type(request, SDP, "multipart/form-data")
    if request.content_type == SDP:
        body = await read_body(request, OFFER_LIMIT)
        try:
            return body.decode("utf-8"), None
        except UnicodeDecodeError:
            raise invalid("The offer is not text.", "sdp", "invalid_sdp") from None
    form = await read_form(request, {"sdp": OFFER_LIMIT, "session": JSON_LIMIT})
    if "sdp" not in form:
        raise invalid("The form has no part 'sdp'.", "sdp", "missing_field")
    session = None
    if "session" in form:
        session = json_object(form["session"].content, "The part 'session'", "session")
    return form["sdp"].text("sdp"), session
