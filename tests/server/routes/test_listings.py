"""Models, voices, health, readiness and metrics."""

from __future__ import annotations

import pytest

from tests.server.running import running

pytestmark = pytest.mark.net


async def test_models_are_listed_and_found() -> None:
    """The default route and each engine."""
    async with running() as server:
        async with server.client.get("/v1/models") as answer:
            listed = await answer.json()
        assert listed["object"] == "list"
        assert [model["id"] for model in listed["data"]] == ["voiceserver", "fake"]
        async with server.client.get("/v1/models/fake") as answer:
            assert (await answer.json())["object"] == "model"
        status, error = await server.error("GET", "/v1/models/meta/gpt-9")
        assert (status, error["code"]) == (404, "model_not_found")


async def test_voices_are_listed() -> None:
    """The default first, the synthesizer's own marked."""
    async with running() as server:
        async with server.client.get("/v1/voices") as answer:
            listed = (await answer.json())["data"]
        assert listed[0] == {"id": "alloy", "object": "voice", "own": True}
        assert {"id": "marin", "object": "voice", "own": False} in listed


async def test_ready_only_when_the_engines_are_warm_and_until_the_end() -> None:
    """While the process is healthy all along."""
    async with running(warm=False) as server:
        status, error = await server.error("GET", "/readyz")
        assert (status, error["code"]) == (503, "not_ready")
        async with server.client.get("/healthz") as answer:
            assert answer.status == 200
        server.warm.set()
        await server.ready.wait()
        async with server.client.get("/readyz") as answer:
            assert await answer.json() == {"status": "ready", "calls": 0}


async def test_metrics_are_in_prometheus_format() -> None:
    """And count refused calls by reason."""
    async with running(max_calls=1) as server:
        await server.place()
        await server.place()
        async with server.client.get("/metrics") as answer:
            assert answer.headers["Content-Type"].startswith("text/plain")
            text = await answer.text()
        assert "voiceserver_calls 1.0" in text
        assert 'voiceserver_calls_refused_total{reason="full"} 1.0' in text
