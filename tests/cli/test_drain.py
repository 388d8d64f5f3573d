"""``voiceserver drain``, against hosts on loopback."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from yarl import URL

from tests.server.front.fronted import fronted
from tests.server.front.hosted import hosted
from voiceserver.cli import drain as module
from voiceserver.cli import main
from voiceserver.config import Config, ServerConfig
from voiceserver.errors import CallRefused

pytestmark = pytest.mark.net


def asking(url: str) -> Config:
    """Of a command that asks a running server."""
    port = URL(url).port
    assert port is not None
    return replace(Config(), server=ServerConfig(port=port))


async def test_it_waits_for_the_last_call(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By any host of the cluster, and says how many are left."""
    monkeypatch.setattr(module, "ASK_EACH_S", 0.01)
    async with hosted("a", "b") as hosts:
        await hosts["a"].place()
        config = asking(hosts["b"].url)
        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            draining = group.create_task(module._drain(config, "a", False, True))
            while "1 call is left" not in capsys.readouterr().out:  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.01)
            hosts["a"].placed[0].hang_up("over")
            await draining
        assert "none left" in capsys.readouterr().out
        await module._drain(config, "a", True, True)
        assert not hosts.spread("a").draining
        with pytest.raises(CallRefused, match="no host 'z'"):
            await module._drain(config, "z", False, True)


async def test_a_server_that_is_alone_drains_no_host() -> None:
    """It says so."""
    async with fronted(1) as server:
        with pytest.raises(CallRefused, match="no host of a cluster"):
            await module._drain(asking(server.url), "a", False, True)


def test_without_a_server_it_says_how_to_start_one(
    capsys: pytest.CaptureFixture[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """As every command that asks one."""
    path = tmp_path_factory.mktemp("drain") / "voiceserver.toml"
    path.write_text("[server]\nport = 9\n")
    assert main(["drain", "b", "--config", str(path)]) == 1
    assert "start it: voiceserver serve" in capsys.readouterr().err
