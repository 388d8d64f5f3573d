"""What every request passes through."""

from __future__ import annotations

import aiohttp
import pytest

from tests.server.running import running

pytestmark = pytest.mark.net


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/v1/nothing", 404),
        ("GET", "/../pyproject.toml", 404),
        ("GET", "/%2e%2e/pyproject.toml", 404),
        ("GET", "/index.html/", 404),
        ("GET", "/v1/realtime/calls", 405),
        ("PUT", "/v1/models", 405),
        ("POST", "/healthz", 405),
        ("TRACE", "/", 405),
    ],
)
async def test_every_error_has_the_same_shape(
    method: str, path: str, status: int
) -> None:
    """Also those that the router makes."""
    async with running() as server:
        got, error = await server.error(method, path)
        assert got == status
        assert error["type"] == "invalid_request_error"
        assert status == 405 or "the API is under /v1" in error["message"]


async def test_a_foreign_host_or_origin_is_refused_everywhere() -> None:
    """The page and the metrics included."""
    async with running() as server:
        for path in ("/", "/v1/models", "/metrics", "/healthz"):
            for headers in (
                {"Host": "evil.example"},
                {"Origin": "http://evil.example"},
            ):
                status, _ = await server.error("GET", path, headers=headers)
                assert status == 403


async def test_a_refused_origin_gets_no_cors_headers() -> None:
    """An allowed one gets itself, never ``*``."""
    async with running() as server:
        for origin, given in (
            ("http://evil.example", None),
            ("http://localhost:5173", "http://localhost:5173"),
        ):
            async with server.client.get("/v1/models", headers={"Origin": origin}) as a:
                assert a.headers.get("Access-Control-Allow-Origin") == given
                assert a.headers["Vary"] == "Origin"


async def test_a_browsers_question_is_answered() -> None:
    """With whatever headers its SDK wants to send, and from public pages if listed."""
    asked = {
        "Origin": "https://voice.example.org",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,x-openai-agents-sdk",
        "Access-Control-Request-Private-Network": "true",
    }
    async with (
        running(allowed_origins=("https://voice.example.org",)) as server,
        server.client.options("/v1/realtime/calls", headers=asked) as answer,
    ):
        assert answer.status == 204
        got = answer.headers
        assert got["Access-Control-Allow-Origin"] == "https://voice.example.org"
        assert "DELETE" in got["Access-Control-Allow-Methods"]
        assert "x-openai-agents-sdk" in got["Access-Control-Allow-Headers"]
        assert got["Access-Control-Allow-Private-Network"] == "true"


async def test_the_key_is_asked_for_where_it_matters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The API and the metrics; the page, health and preflights are open."""
    monkeypatch.setenv("VS_TEST_KEY", "correct horse battery")
    async with running(api_key_env="VS_TEST_KEY") as server:
        for path in ("/v1/models", "/metrics", "/v1/nothing", "/nothing"):
            status, error = await server.error("GET", path)
            assert (status, error["code"]) == (401, "invalid_api_key")
        for path in ("/", "/index.html", "/healthz", "/readyz"):
            async with server.client.get(path) as answer:
                assert answer.status == 200
        async with server.client.options("/v1/models") as answer:
            assert answer.status == 204
        key = {"Authorization": "Bearer correct horse battery"}
        async with server.client.get("/v1/models", headers=key) as answer:
            assert answer.status == 200


async def test_a_header_too_long_is_refused() -> None:
    """By aiohttp, before any route."""
    async with running() as server, aiohttp.ClientSession() as client:
        headers = {"X-Long": "a" * 100_000}
        async with client.get(server.url + "/healthz", headers=headers) as answer:
            assert answer.status == 400
            assert "Traceback" not in await answer.text()
