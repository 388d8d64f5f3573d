"""``/v1/calls``: calls that the server makes, by a carrier that can.

Whoever has the API key asks for one, reads or is told how it goes, and ends it; whom it
may go to, the operator's configuration says. Knows nothing of carriers.
"""

from __future__ import annotations

import json
from contextlib import aclosing

from aiohttp import web

from voiceserver.carriers.base import Dialler, Wanted
from voiceserver.server.answers import Refusal, invalid, json_answer
from voiceserver.server.body import JSON_LIMIT, read_json
from voiceserver.server.state import KEY_NAME, STATE

PATH = "/v1/calls"
FIELDS = ("to", "from", "trunk", "session", "machine_detection", "message")
DETECTIONS = ("none", "message", "hang_up")
LONGEST = 256  # characters of a text
LONGEST_MESSAGE = 1000  # of what is said to a machine: about a minute
HINT = "Calls cannot be made here; [sip] and a [[sip.trunk]] with dial are needed."


async def dial(request: web.Request) -> web.Response:
    """``POST /v1/calls``: call somebody; 201 once it is on its way."""
    state = request.app[STATE]
    dialler = _dialler(request)
    state.engines.for_a_call()
    state.calls.check_room(request.remote or "", request.get(KEY_NAME, ""))
    made = await dialler.dial(_wanted(await read_json(request, JSON_LIMIT), request))
    location = f"{PATH}/{made['id']}"
    return json_answer(made, 201, {"Location": location})


async def shown(request: web.Request) -> web.Response:
    """``GET /v1/calls/{id}``: how it stands, or what became of it."""
    return json_answer(_found(request))


async def events(request: web.Request) -> web.StreamResponse:
    """``GET /v1/calls/{id}/events``: each state as it comes, until it has ended."""
    _found(request)
    answer = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
    )
    await answer.prepare(request)
    states = _dialler(request).states(request.match_info["call_id"])
    async with aclosing(states):
        async for state in states:
            text = json.dumps(state, separators=(",", ":"))
            await answer.write(f"data: {text}\n\n".encode())
    await answer.write_eof()
    return answer


def _dialler(request: web.Request) -> Dialler:
    dialler = request.app[STATE].dialler
    if dialler is None:
        raise Refusal(404, HINT, "not_configured")
    return dialler


def _found(request: web.Request) -> dict[str, object]:
    found = _dialler(request).find(request.match_info["call_id"])
    if found is None:
        raise Refusal(404, "There is no such call.", "call_not_found", "call_id")
    return dict(found)


def _wanted(content: dict[str, object], request: web.Request) -> Wanted:
    """Read what is asked for.

    Raises:
        Refusal: If it cannot be used; names the field.
    """
    unknown = sorted(set(content) - set(FIELDS))
    if unknown:
        raise invalid(f"There is no '{unknown[0]}'.", unknown[0], "unknown_field")
    session = content.get("session", {})
    if not isinstance(session, dict):
        raise invalid("'session' must be an object.", "session")
    detection = content.get("machine_detection", "none")
    if detection not in DETECTIONS:
        names = ", ".join(DETECTIONS)
        what = f"'machine_detection' must be one of {names}."
        raise invalid(what, "machine_detection")
    message = _text(content, "message", LONGEST_MESSAGE)
    if message and detection != "message":
        what = "A 'message' needs 'machine_detection' to be 'message'."
        raise invalid(what, "message")
    return Wanted(
        _text(content, "to", needed=True),
        _text(content, "from"),
        _text(content, "trunk"),
        session,
        request.remote or "",
        request.get(KEY_NAME, ""),
        str(detection),
        message,
    )


def _text(
    content: dict[str, object], name: str, most: int = LONGEST, needed: bool = False
) -> str:
    given = content.get(name, "")
    if not isinstance(given, str) or len(given) > most or (needed and not given):
        raise invalid(f"'{name}' must be text of 1 to {most} characters.", name)
    return given
