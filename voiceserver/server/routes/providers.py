"""For the operator: how the providers stand, and taking one out or putting it back.

Behind the API key like the rest of the API; a client's token is not enough.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from aiohttp import web

from voiceserver.engines.opened import Provider
from voiceserver.server.answers import Refusal, json_answer
from voiceserver.server.state import STATE

log = logging.getLogger(__name__)

Alarm: TypeAlias = Mapping[str, object]

PATH = "/v1/providers"
ACTION = "/{slot}/{name}/{what}"
_ACTIONS = {"drain": True, "restore": False}


def shown(provider: Provider, alarms: Sequence[Alarm] = ()) -> dict[str, object]:
    """A provider as the operator sees it."""
    drifts = [
        {key: value for key, value in alarm.items() if key not in ("type", "provider")}
        for alarm in alarms
        if (provider.slot, provider.name) == ("text", alarm["provider"])
    ]
    return {
        "object": "provider",
        "slot": provider.slot,
        "name": provider.name,
        "region": provider.region,
        "state": provider.state,
        "drift": drifts,
    }


async def listed(request: web.Request) -> web.Response:
    """``GET /v1/providers``: in order of preference: region, breaker, drift."""
    engines = request.app[STATE].engines.get()
    alarms = engines.alarms()
    listing = [shown(each, alarms) for each in engines.providers]
    return json_answer({"object": "list", "data": listing})


async def drain(request: web.Request) -> web.Response:
    """``POST /v1/providers/{slot}/{name}/drain`` and ``.../restore``."""
    wanted = request.match_info
    drained = _ACTIONS.get(wanted["what"])
    for provider in request.app[STATE].engines.get().providers:
        if (provider.slot, provider.name) == (wanted["slot"], wanted["name"]):
            break
    else:
        what = "There is no such provider; GET /v1/providers lists them."
        raise Refusal(404, what, "provider_not_found", "name")
    if drained is None:
        what = "A provider can be told to 'drain' or to 'restore'."
        raise Refusal(404, what, "not_found")
    provider.drain(drained)
    log.warning(
        "a provider was drained" if drained else "a provider was restored",
        extra={"provider": provider.name, "slot": provider.slot},
    )
    return json_answer(shown(provider))
