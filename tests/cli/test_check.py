"""``voiceserver check``."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncGenerator

import pytest
from aiohttp import web

from tests.cli.fake import OpenedEngines
from voiceserver.cli.check import Row, check, rows
from voiceserver.config import Config, ServerConfig, TextConfig, TextProvider
from voiceserver.server.connections import address_of, bound_socket

LOCAL = ServerConfig(port=0)


async def found(config: Config) -> dict[str, Row]:
    return {row.what: row async for row in rows(config)}


def with_provider(base_url: str, key_env: str = "") -> Config:
    provider = TextProvider("p", base_url, "m", key_env)
    return Config(server=LOCAL, text=TextConfig(provider=(provider,)))


def test_all_good_is_exit_code_0(
    opened: OpenedEngines, capsys: pytest.CaptureFixture[str]
) -> None:
    """A row each, and each engine opened alone."""
    assert check(Config(server=LOCAL)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "all good"
    assert all(line.startswith("ok") for line in lines[:-1])
    assert len(opened.configs) == 4
    for config in opened.configs:
        assert list(dataclasses.astuple(config.engines)).count("stub") == 3


@pytest.mark.parametrize("slot", ["vad", "recogniser", "text", "speech"])
def test_one_broken_engine_does_not_hide_the_others(
    opened: OpenedEngines, capsys: pytest.CaptureFixture[str], slot: str
) -> None:
    """Exit code 1, and the engine's own words."""
    opened.broken = slot
    assert check(Config(server=LOCAL)) == 1
    told = capsys.readouterr().out
    assert told.count("FAILED") == 1
    assert "no model file" in told
    assert "1 failed" in told


async def test_an_engine_with_a_bug_is_reported(opened: OpenedEngines) -> None:
    """As what it is; a check never breaks off."""
    opened.broken, opened.error = "text", ZeroDivisionError("x")
    row = (await found(Config(server=LOCAL)))["text auto"]
    assert (row.good, row.note) == (False, "ZeroDivisionError: x")


async def test_a_port_in_use_is_reported(opened: OpenedEngines) -> None:
    """It may well be voiceserver itself."""
    with bound_socket("127.0.0.1", 0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        row = (await found(Config(server=ServerConfig(port=port))))["address"]
    assert not row.good
    assert "in use" in row.note


@contextlib.asynccontextmanager
async def provider(status: int) -> AsyncGenerator[tuple[str, list[str]], None]:
    """A chat service that answers ``status``; gives its URL and the keys it saw."""
    seen: list[str] = []

    async def models(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization", ""))
        return web.Response(status=status)

    app = web.Application()
    app.router.add_get("/v1/models", models)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    with bound_socket("127.0.0.1", 0) as listening:
        await web.SockSite(runner, listening).start()
        yield address_of(listening) + "/v1", seen
        await runner.cleanup()


@pytest.mark.net
@pytest.mark.parametrize(
    ("status", "good", "words"),
    [
        (200, True, "reachable"),
        (404, True, "reachable"),
        (401, False, "refuses the key"),
        (500, False, "answers 500"),
    ],
)
async def test_providers_are_asked(
    opened: OpenedEngines,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    good: bool,
    words: str,
) -> None:
    """With their key, which is never shown."""
    monkeypatch.setenv("VS_TEST_KEY", "canary")
    async with provider(status) as (url, seen):
        row = (await found(with_provider(url, "VS_TEST_KEY")))["provider p"]
    assert seen == ["Bearer canary"]
    assert row.good == good
    assert words in row.note
    assert "canary" not in row.note


@pytest.mark.net
async def test_a_provider_that_is_away_is_reported(opened: OpenedEngines) -> None:
    """With its address."""
    with bound_socket("127.0.0.1", 0) as unused:
        url = address_of(unused) + "/v1"
        row = (await found(with_provider(url)))["provider p"]
    assert not row.good
    assert "cannot be reached" in row.note


async def test_a_key_that_is_missing_is_reported(opened: OpenedEngines) -> None:
    """With the variable to set."""
    row = (await found(with_provider("http://127.0.0.1:1/v1", "VS_NO_KEY")))[
        "provider p"
    ]
    assert not row.good
    assert "VS_NO_KEY" in row.note
    await asyncio.sleep(0)
