"""A client of the running server, for commands; more in those of the commands."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import aiohttp
import pytest

from voiceserver.cli.server_client import server_client
from voiceserver.config import Config, ServerConfig
from voiceserver.errors import CallRefused


@pytest.mark.net
async def test_no_server_is_told_with_its_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where every address is meant, this machine is asked; its key is given."""
    monkeypatch.setenv("VS_KEY", "k")
    config = Config(server=ServerConfig(host="0.0.0.0", port=9, api_key_env="VS_KEY"))
    asked = server_client(config)
    with pytest.raises(CallRefused, match=r"http://127\.0\.0\.1:9"):
        await _listed(asked)


async def _listed(asked: AbstractAsyncContextManager[aiohttp.ClientSession]) -> None:
    async with asked as client:
        assert client.headers["Authorization"] == "Bearer k"
        await client.get("/v1/hosts")
