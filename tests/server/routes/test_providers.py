"""The operator's view of the providers."""

from __future__ import annotations

import pytest

from tests.server.running import engines_over, running

pytestmark = pytest.mark.net
KEY = "a key of sixteen or more"


async def test_a_provider_is_drained_and_restored() -> None:
    """Others stay as they are."""
    async with running(engines=engines_over("house", "my azure")) as server:
        client = server.client
        async with client.post("/v1/providers/text/my%20azure/drain") as answer:
            assert answer.status == 200
            assert (await answer.json())["state"] == "drained"
        async with client.get("/v1/providers") as answer:
            listed = (await answer.json())["data"]
        assert [(each["name"], each["state"]) for each in listed] == [
            ("house", "closed"),
            ("my azure", "drained"),
        ]
        async with client.post("/v1/providers/text/my%20azure/restore") as answer:
            assert (await answer.json())["state"] == "closed"


async def test_the_region_is_shown() -> None:
    """As configured; nothing where nothing is."""
    engines = engines_over("house", "azure", regions={"azure": "swedencentral"})
    async with (
        running(engines=engines) as server,
        server.client.get("/v1/providers") as answer,
    ):
        listed = (await answer.json())["data"]
    assert [each["region"] for each in listed] == ["", "swedencentral"]


@pytest.mark.parametrize("path", ["speech/house/drain", "text/x/drain", "text/house/x"])
async def test_what_is_not_there_is_told(path: str) -> None:
    """No provider, or nothing it can be told."""
    async with running(engines=engines_over("house")) as server:
        status, error = await server.error("POST", f"/v1/providers/{path}")
        assert status == 404 and error["message"]


async def test_it_needs_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one is configured; a token for calls will not do."""
    monkeypatch.setenv("OPERATOR", KEY)
    engines = engines_over("house")
    async with running(engines=engines, api_key_env="OPERATOR") as server:
        path = "/v1/providers/text/house/drain"
        assert (await server.error("POST", path))[0] == 401
        headers = {"Authorization": f"Bearer {KEY}"}
        secrets = "/v1/realtime/client_secrets"
        async with server.client.post(secrets, json={}, headers=headers) as answer:
            token = (await answer.json())["value"]
        with_token = {"Authorization": f"Bearer {token}"}
        assert (await server.error("POST", path, headers=with_token))[0] == 401
        async with server.client.post(path, headers=headers) as answer:
            assert answer.status == 200
    assert engines.providers[0].state == "drained"
