"""``GET /v1/ops``: all that the operator's page shows, of this process, as JSON.

Behind the API key like the rest; a client's token is not enough. Numbers, names and
log lines; what callers say, and what they are told, is never in it.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict

from aiohttp import web

from voiceserver import __version__
from voiceserver.engines.opened import Engines
from voiceserver.engines.watch.followed import Followed
from voiceserver.server.answers import json_answer
from voiceserver.server.routes.providers import shown
from voiceserver.server.state import SHARE, STATE, ServerState

PATH = "/v1/ops"


async def ops(request: web.Request) -> web.Response:
    """Answer with a list of processes: this one."""
    state = request.app[STATE]
    share = request.app.get(SHARE)
    process = await told(state) | {"process": share.number if share else 1}
    if share is not None and share.host:
        process["host"] = share.host
    return json_answer({"object": "list", "data": [process]})


async def told(state: ServerState) -> dict[str, object]:
    """What is to be told of a process."""
    journal, engines = state.exchange.journal, state.engines.warm
    return {
        "object": "process",
        "version": __version__,
        "up_s": round(journal.now_s() - journal.since_s),
        "calls": journal.calls(),
        "max_calls": state.config.server.max_calls,
        "turns": journal.turns,
        "cost_by_hour": journal.cost_by_hour,
        "max_usd_per_day": state.config.budget.max_usd_per_day,
        "problems": state.problems.told,
        "recording": state.config.record.calls,
        "shadow": await asyncio.to_thread(_standings, state.shadow),
    } | _engines(engines)


def _engines(engines: Engines | None) -> dict[str, object]:
    if engines is None:
        return {
            "load": "starting",
            "engines": {},
            "providers": [],
            "alarms": [],
            "reliability": [],
        }
    alarms = engines.alarms()
    return {
        "load": engines.overload.level.name.lower(),
        "engines": {
            "recogniser": engines.recogniser.name,
            "text": engines.text.name,
            "speech": engines.speech.name,
        },
        "providers": [shown(each, alarms) for each in engines.providers],
        "alarms": alarms,
        "reliability": list(engines.reliability),
    }


def _standings(record: Followed) -> list[dict[str, object]]:
    """How candidates stand, from the record."""
    return [
        {"name": name, "version": version} | asdict(one)
        for (name, version), one in record.look().items()
    ]
