"""``POST /v1/realtime/calls/{id}/...``: what becomes of a call that rings, or goes on.

As OpenAI's API for calls by SIP: ``accept`` and ``reject`` decide about one that a
webhook told of, ``refer`` hands it over, ``hangup`` ends it. Knows no carrier.
"""

from __future__ import annotations

from aiohttp import web

from voiceserver.carriers.base import Transferable
from voiceserver.server.answers import Refusal, invalid
from voiceserver.server.body import JSON_LIMIT, json_object, read_body, read_json
from voiceserver.server.pending_calls import DECLINED, PendingCall
from voiceserver.server.state import STATE

ACTIONS = ("accept", "reject", "refer", "hangup")


async def accept(request: web.Request) -> web.Response:
    """``.../accept``: take it, as the session that is the body; answered once it is."""
    pending = _ringing(request)
    await pending.accept(await read_json(request))
    return web.Response()


async def reject(request: web.Request) -> web.Response:
    """``.../reject``: refuse it, by ``status_code`` of SIP where the body has one."""
    pending = _ringing(request)
    body = await read_body(request, JSON_LIMIT)
    asked = json_object(body, "The body") if body.strip() else {}
    status = asked.get("status_code", DECLINED)
    known = isinstance(status, int) and not isinstance(status, bool)
    if not known or not 400 <= int(str(status)) <= 699:
        raise invalid("status_code must be 400..699.", "status_code")
    await pending.decline(int(str(status)))
    return web.Response()


async def refer(request: web.Request) -> web.Response:
    """``.../refer``: transfer it to ``target_uri``; answered once it is agreed to.

    Or, with ``call_id``, to the other side of another call of this server.
    """
    body = await read_json(request)
    target, other_id = body.get("target_uri"), body.get("call_id")
    if other_id is None and (not isinstance(target, str) or not target):
        raise invalid("target_uri must be like tel:+14155550123.", "target_uri")
    call = request.app[STATE].calls.find(request.match_info["call_id"])
    if call is None:
        raise Refusal(404, "There is no such call.", "call_not_found", "call_id")
    if not isinstance(call, Transferable):
        raise invalid("Only calls by SIP can be transferred.", "call_id", "no_transfer")
    if other_id is None:
        await call.refer(str(target))
        return web.Response()
    other = request.app[STATE].calls.find(str(other_id))
    if other is None or target is not None:
        what = "call_id must be another call's; target_uri is not given then."
        raise invalid(what, "call_id")
    await call.connect(other)
    return web.Response()


async def hang_up(request: web.Request) -> web.Response:
    """``DELETE /v1/realtime/calls/{id}`` and ``POST .../hangup``."""
    state = request.app[STATE]
    call_id = request.match_info["call_id"]
    pending = state.exchange.pending.find(call_id)
    if pending is not None:
        await pending.decline(DECLINED)
    elif not state.calls.hang_up(call_id, "The client hung up."):
        raise Refusal(404, "There is no such call.", "call_not_found", "call_id")
    return web.Response(status=204 if request.method == "DELETE" else 200)


def _ringing(request: web.Request) -> PendingCall:
    """The call that is meant.

    Raises:
        Refusal: If it does not ring (404): it was decided about, or given up.
    """
    call_id = request.match_info["call_id"]
    pending = request.app[STATE].exchange.pending.find(call_id)
    if pending is None:
        message = "No call of this id waits to be taken."
        raise Refusal(404, message, "call_not_found", "call_id")
    return pending
