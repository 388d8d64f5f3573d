"""``POST /v1/realtime/client_secrets``: make a token, with the session inside."""

from __future__ import annotations

from aiohttp import web

from voiceserver.dialects.fields import checked, choice, integer, mapping
from voiceserver.server.answers import json_answer
from voiceserver.server.body import read_json
from voiceserver.server.state import KEY_NAME, STATE

PATH = "/v1/realtime/client_secrets"
DEFAULT_S, SHORTEST_S, LONGEST_S = 600, 10, 7200  # OpenAI's


def _anything(value: object, _path: str) -> object:
    return value


async def create(request: web.Request) -> web.Response:
    """Make a token."""
    state = request.app[STATE]
    engines = state.engines.get()
    body = await read_json(request)
    fields = checked(body, {"session": _anything, "expires_after": _anything}, "body")
    after = checked(
        mapping(fields.get("expires_after", {}), "expires_after"),
        {"anchor": choice("created_at"), "seconds": integer(SHORTEST_S, LONGEST_S)},
        "expires_after",
    )
    session = mapping(fields.get("session", {}), "session")
    voices = engines.voices(state.config.speech.voice)
    shown = state.dialect.shown(state.config, voices, session)
    lasts_s = after.get("seconds", DEFAULT_S)
    key_name = request.get(KEY_NAME, "")
    value, expires_s = state.tokens.new(session, lasts_s, key_name)
    return json_answer({"value": value, "expires_at": expires_s, "session": shown})
