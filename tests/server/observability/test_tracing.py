"""Turns as traces, in memory and at a collector on loopback."""

from __future__ import annotations

import gzip
import sys

import pytest
from aiohttp import web

from tests.virtual_time import run_virtual
from voiceserver.budget import Called, Stage, StageSpend, TurnRecord
from voiceserver.config import Config, TextConfig, TextProvider, TracingConfig
from voiceserver.errors import ConfigError
from voiceserver.server.observability.tracing import Service, Tracing, services, traced
from voiceserver.session.journal import Journal

pytest.importorskip("opentelemetry.sdk", reason="the extra otel is not installed")

COMMITTED_S = 1_700_000_000.0
RECORD = TurnRecord(
    turn=3,
    endpoint_reason="words",
    endpoint_ms=310.0,
    stages=(
        StageSpend(Stage.RECOGNITION, 0.0, 100.0, 40.0, "ok"),
        StageSpend(Stage.TEXT, 40.0, 420.0, 900.0, "late"),
    ),
    first_audio_ms=1000.0,
    target_ms=700.0,
    answered_by="b",
    outcome="completed",
    blame="text",
    calls=(
        Called("a", "failed", 0.6, None, "late", 120, 0, 40.0),
        Called("b", "done", 0.3, 0.2, "", 120, 17, 640.0),
    ),
)


def test_a_turn_is_a_trace_with_its_stages_and_calls() -> None:
    """Times as they were; calls with the attributes that are named for them."""
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import (
        InMemorySpanExporter,
    )
    from opentelemetry.trace import SpanKind, StatusCode

    exporter = InMemorySpanExporter()
    known = {"a": Service("gpt", "host", 443), "b": Service("own.gguf")}
    tracing = Tracing(exporter, "kiosk", known)
    tracing.turn("call-1", "webrtc", COMMITTED_S, RECORD)
    tracing.close()
    spans = {span.name: span for span in exporter.get_finished_spans()}
    assert set(spans) == {"turn", "recognition", "text", "chat gpt", "chat own.gguf"}
    turn = spans["turn"]
    assert len({span.context.trace_id for span in spans.values()}) == 1
    for name, span in spans.items():
        parent = span.parent.span_id if span.parent is not None else None
        assert parent == (None if name == "turn" else turn.context.span_id)
    told = dict(turn.attributes or {})
    assert told["voiceserver.call"] == "call-1"
    assert told["voiceserver.answered_by"] == "b"
    assert turn.resource.attributes["service.name"] == "kiosk"
    assert _ms(turn.start_time, turn.end_time) == (0, 1000)
    assert _ms(spans["text"].start_time, spans["text"].end_time) == (40, 940)
    failed, good = spans["chat gpt"], spans["chat own.gguf"]
    assert (failed.kind, good.kind) == (SpanKind.CLIENT, SpanKind.INTERNAL)
    assert _ms(failed.start_time, failed.end_time) == (40, 640)
    assert failed.status.status_code is StatusCode.ERROR
    assert dict(failed.attributes or {}) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "a",
        "gen_ai.request.model": "gpt",
        "gen_ai.conversation.id": "call-1",
        "gen_ai.usage.input_tokens": 120,
        "gen_ai.usage.output_tokens": 0,
        "voiceserver.provider.outcome": "failed",
        "server.address": "host",
        "server.port": 443,
        "error.type": "late",
    }
    assert good.status.status_code is StatusCode.UNSET


def _ms(begin: int | None, end: int | None) -> tuple[int, int]:
    assert begin is not None and end is not None
    base = int(COMMITTED_S * 1e9)
    return round((begin - base) / 1e6), round((end - base) / 1e6)


@pytest.mark.net
async def test_traces_arrive_at_a_collector() -> None:
    """By OTLP over HTTP, what is left at the end too; and after it nothing."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
        ExportTraceServiceRequest,
    )

    names: list[str] = []

    async def take(request: web.Request) -> web.Response:
        body = await request.read()
        if body[:2] == b"\x1f\x8b":
            body = gzip.decompress(body)
        asked = ExportTraceServiceRequest.FromString(body)
        for resource in asked.resource_spans:
            for scope in resource.scope_spans:
                names.extend(span.name for span in scope.spans)
        return web.Response(content_type="application/x-protobuf")

    app = web.Application()
    app.router.add_post("/v1/traces", take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        journal = Journal()
        tracing = TracingConfig(f"http://127.0.0.1:{port}/v1/traces")
        async with traced(Config(tracing=tracing), journal):
            journal.closed("call-1", "webrtc", RECORD)
        assert sorted(names) == ["chat a", "chat b", "recognition", "text", "turn"]
    finally:
        await runner.cleanup()


def test_nothing_is_traced_by_default() -> None:
    """Nor is the library loaded."""

    async def untraced() -> None:
        journal = Journal()
        before = journal.told
        async with traced(Config(), journal):
            assert journal.told is before

    run_virtual(untraced())


def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With how to install it."""
    name = "opentelemetry.exporter.otlp.proto.http.trace_exporter"
    monkeypatch.setitem(sys.modules, name, None)
    config = Config(tracing=TracingConfig("http://127.0.0.1:1/v1/traces"))

    async def wanted() -> None:
        async with traced(config, Journal()):
            pass

    with pytest.raises(ConfigError, match=r"pip install 'voiceserver\[otel\]'"):
        run_virtual(wanted())


def test_providers_are_known_by_their_configuration() -> None:
    """Host and port of the URL; one in the house has none."""
    provider = TextProvider("azure", "https://x.example/openai/v1", "mini")
    known = services(Config(text=TextConfig(provider=(provider,))))
    assert known["azure"] == Service("mini", "x.example", 443)
    assert known["transformers"] == Service("transformers")
