"""Making tokens, and what they open."""

from __future__ import annotations

import json
import time
from typing import Any

import aiohttp
import pytest

from tests.server.running import Running, running

pytestmark = pytest.mark.net
PATH = "/v1/realtime/client_secrets"
KEY = {"Authorization": "Bearer a-key-that-is-long-enough"}


async def minted(server: Running, **body: Any) -> dict[str, Any]:
    async with server.client.post(PATH, json=body, headers=KEY) as answer:
        assert answer.status == 200
        content: dict[str, Any] = await answer.json()
        return content


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VS_KEY", "a-key-that-is-long-enough")


@pytest.mark.usefixtures("key")
async def test_a_token_carries_its_session_into_the_call() -> None:
    """Its model beats that of the address; the effective session is shown."""
    session = {"type": "realtime", "model": "mine", "instructions": "Be brief."}
    async with running(api_key_env="VS_KEY") as server:
        made = await minted(server, session=session)
        assert made["session"]["instructions"] == "Be brief."
        assert 590 <= made["expires_at"] - time.time() <= 600
        headers = {"Authorization": f"Bearer {made['value']}"}
        url = "/v1/realtime?model=other"
        async with server.client.ws_connect(url, headers=headers) as socket:
            created = json.loads(await socket.receive_str(timeout=10))
        assert created["session"]["model"] == "mine"
        assert created["session"]["instructions"] == "Be brief."
        status, _, _ = await server.place(headers=headers)
        assert status == 201
        assert server.placed[0].session == session


@pytest.mark.usefixtures("key")
async def test_a_token_opens_calls_and_nothing_else() -> None:
    """No models, no tokens, no sideband; a made-up one opens nothing."""
    async with running(api_key_env="VS_KEY") as server:
        value = (await minted(server))["value"]
        token = {"Authorization": f"Bearer {value}"}
        status, _ = await server.error("GET", "/v1/models", headers=token)
        assert status == 401
        status, _ = await server.error("POST", PATH, json={}, headers=token)
        assert status == 401
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await server.client.ws_connect("/v1/realtime?call_id=x", headers=token)
        guessed = {"Authorization": "Bearer ek_0000"}
        with pytest.raises(aiohttp.WSServerHandshakeError, match="401"):
            await server.client.ws_connect("/v1/realtime", headers=guessed)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"session": {"instructions": 5}}, "session.instructions"),
        ({"session": []}, "session"),
        ({"expires_after": {"seconds": 9}}, "expires_after.seconds"),
        ({"expires_after": {"seconds": 7201}}, "expires_after.seconds"),
        ({"expires_after": {"anchor": "now"}}, "expires_after.anchor"),
        ({"expires": 5}, "body.expires"),
    ],
)
async def test_wrong_requests_name_the_field(body: Any, param: str) -> None:
    """400, as for a session update."""
    async with running() as server:
        status, error = await server.error("POST", PATH, json=body)
        assert (status, error["param"]) == (400, param)


async def test_calls_of_a_token_count_for_the_key_it_was_made_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Or one key could hold every line by way of tokens."""
    monkeypatch.setenv("VS_KEY", "a-key-that-is-long-enough")
    async with running(api_key_env="VS_KEY", max_calls_per_key=1) as server:
        token = (await minted(server))["value"]
        bearer = {"Authorization": f"Bearer {token}"}
        assert (await server.place(headers=bearer))[0] == 201
        status, body, _ = await server.place(headers=KEY)
        assert status == 503
        assert "A key may hold 1 calls" in body
