"""What the operator's page is told."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tests.engines.watch.test_standings import record
from tests.server.running import engines_over, running
from voiceserver.engines.watch.followed import Followed
from voiceserver.engines.watch.standings import line
from voiceserver.server.routes.ops import _standings

pytestmark = pytest.mark.net
KEY = "a key of sixteen or more"


async def test_a_turn_and_a_warning_are_told() -> None:
    """Of the process; no word of what was said."""
    part = {"type": "input_text", "text": "xyzzy"}
    item = {"type": "message", "role": "user", "content": [part]}
    async with (
        running(engines=engines_over("house")) as server,
        server.client.ws_connect("/v1/realtime") as call,
    ):
        await call.send_json({"type": "conversation.item.create", "item": item})
        await call.send_json({"type": "response.create"})
        while (await call.receive_json())["type"] != "response.done":
            pass
        logging.getLogger("voiceserver.x").warning("odd", extra={"n": 3})
        async with server.client.get("/v1/ops") as answer:
            text = await answer.text()
            (process,) = (await answer.json())["data"]
    (told,) = process["calls"]
    assert told["carrier"] == "websocket"
    assert process["providers"][0]["name"] == "house"
    assert (process["process"], process["load"], process["alarms"]) == (1, "normal", [])
    assert process["problems"][-1]["line"] == "odd n=3"
    assert "xyzzy" not in text


async def test_it_needs_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page does not: it asks for it."""
    monkeypatch.setenv("OPERATOR", KEY)
    async with running(engines=engines_over("a"), api_key_env="OPERATOR") as server:
        assert (await server.error("GET", "/v1/ops"))[0] == 401
        async with server.client.get("/ops") as answer:
            assert answer.status == 200
            assert answer.content_type == "text/html"


async def test_candidates_are_told_from_their_record(tmp_path: Path) -> None:
    """One that cannot be read is none."""
    path = tmp_path / "shadow.jsonl"
    followed = Followed(path)
    assert _standings(Followed(Path())) == _standings(followed) == []
    path.write_text("".join(line(one) for one in record(70, 20, 10)))
    (told,) = _standings(followed)
    assert (told["name"], told["advice"]) == ("c", "promote")
