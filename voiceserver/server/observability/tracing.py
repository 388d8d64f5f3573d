"""Turns as traces of OpenTelemetry: a turn is a trace, its stages and calls are spans.

Made of the ledger's line once a turn is over, so that nothing of it is in a turn's
way; a thread of the library sends them. Calls of text providers carry the attributes
that OpenTelemetry names for generative AI (semantic conventions 1.37, gen_ai). What was
said is not known here. What a full queue or a dead collector cannot take is dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from voiceserver import __version__
from voiceserver.budget import Called, StageSpend, TurnRecord
from voiceserver.config import Config
from voiceserver.errors import ConfigError
from voiceserver.session.journal import Journal

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace.export import SpanExporter

QUEUE = 2048  # spans that wait to be sent
SEND_LIMIT_S = 5.0  # of one request to the collector, and of the last at the end
Attributes: TypeAlias = "dict[str, str | int | float | bool | tuple[str, ...]]"


@dataclass(frozen=True, slots=True)
class Service:
    """What is known of a text provider.

    Attributes:
        model: That is asked for.
        address: Host; ``""`` in the house.
        port: Of the host.
    """

    model: str
    address: str = ""
    port: int = 0


class Tracing:
    """Writes turns as traces.

    Args:
        exporter: Sends spans; it is called in a thread of its own.
        service: Name of the server.
        providers: What is known of text providers, by name.
    """

    def __init__(
        self, exporter: SpanExporter, service: str, providers: Mapping[str, Service]
    ) -> None:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        self._providers = providers
        resource = Resource.create(
            {"service.name": service, "service.version": __version__}
        )
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(
            BatchSpanProcessor(
                exporter,
                max_queue_size=QUEUE,
                export_timeout_millis=SEND_LIMIT_S * 1000,
            )
        )
        self._tracer = self._provider.get_tracer("voiceserver", __version__)

    def turn(
        self, call: str, carrier: str, committed_s: float, record: TurnRecord
    ) -> None:
        """Write a turn that is over; some tenths of a millisecond.

        Args:
            call: Its call.
            carrier: Of the call.
            committed_s: When it was committed, in seconds since 1970.
            record: Its line of the ledger.
        """
        from opentelemetry.trace import SpanKind, StatusCode, set_span_in_context

        turn = self._tracer.start_span(
            "turn",
            kind=SpanKind.SERVER,
            start_time=_ns(committed_s, 0.0),
            attributes=_of_turn(call, carrier, record),
        )
        within = set_span_in_context(turn)
        ends_ms = [record.first_audio_ms or 0.0, record.any_audio_ms or 0.0]
        ends_ms += [self._stage(one, committed_s, within) for one in record.stages]
        ends_ms += [self._call(call, one, committed_s, within) for one in record.calls]
        if record.outcome == "failed":
            turn.set_status(StatusCode.ERROR)
        turn.end(_ns(committed_s, max(ends_ms)))

    def close(self) -> None:
        """Send what is left, and end; waits for the collector, within its limit."""
        self._provider.shutdown()

    def _stage(self, spend: StageSpend, committed_s: float, within: Context) -> float:
        from opentelemetry.trace import StatusCode

        end_ms = spend.started_ms + spend.spent_ms
        span = self._tracer.start_span(
            spend.stage.value,
            within,
            start_time=_ns(committed_s, spend.started_ms),
            attributes={
                "voiceserver.stage.planned_ms": spend.planned_ms,
                "voiceserver.stage.outcome": spend.outcome,
            },
        )
        if spend.outcome == "failed":
            span.set_status(StatusCode.ERROR)
        span.end(_ns(committed_s, end_ms))
        return end_ms

    def _call(
        self, call: str, one: Called, committed_s: float, within: Context
    ) -> float:
        from opentelemetry.trace import SpanKind, StatusCode

        known = self._providers.get(one.provider, Service(one.provider))
        end_ms = one.began_ms + one.took_s * 1000
        span = self._tracer.start_span(
            f"chat {known.model}",
            within,
            kind=SpanKind.CLIENT if known.address else SpanKind.INTERNAL,
            start_time=_ns(committed_s, one.began_ms),
            attributes=_of_call(call, one, known),
        )
        if one.fault:
            span.set_status(StatusCode.ERROR)
        span.end(_ns(committed_s, end_ms))
        return end_ms


def _ns(committed_s: float, after_ms: float) -> int:
    return int(committed_s * 1e9 + after_ms * 1e6)


def _of_turn(call: str, carrier: str, record: TurnRecord) -> Attributes:
    told: Attributes = {
        "voiceserver.call": call,
        "voiceserver.carrier": carrier,
        "voiceserver.turn": record.turn,
        "voiceserver.endpoint": record.endpoint_reason,
        "voiceserver.endpoint_ms": record.endpoint_ms,
        "voiceserver.outcome": record.outcome,
        "voiceserver.answered_by": record.answered_by,
        "voiceserver.spoken_by": record.spoken_by,
        "voiceserver.target_ms": record.target_ms,
        "voiceserver.blame": record.blame,
        "voiceserver.steps": record.steps,
        "voiceserver.pressure": record.pressure.value,
        "voiceserver.speculation": record.speculation,
        "voiceserver.tier": record.tier,
        "voiceserver.cost_usd": record.spent.cost_usd,
    }
    for name in ("first_audio_ms", "any_audio_ms", "confidence"):
        value = getattr(record, name)
        if value is not None:
            told[f"voiceserver.{name}"] = value
    return told


def _of_call(call: str, one: Called, known: Service) -> Attributes:
    told: Attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": one.provider,
        "gen_ai.request.model": known.model,
        "gen_ai.conversation.id": call,
        "gen_ai.usage.input_tokens": one.tokens_in,
        "gen_ai.usage.output_tokens": one.tokens_out,
        "voiceserver.provider.outcome": one.outcome,
    }
    if one.first_s is not None:
        told["voiceserver.provider.first_ms"] = one.first_s * 1000
    if known.address:
        told |= {"server.address": known.address, "server.port": known.port}
    if one.fault:
        told["error.type"] = one.fault
    return told


def services(config: Config) -> dict[str, Service]:
    """Return what is known of the configured text providers, by name."""
    own = Path(config.transformers.model).name or "transformers"
    known = {"transformers": Service(own)}
    for provider in config.text.provider:
        url = urlsplit(provider.base_url)
        port = url.port or (443 if url.scheme == "https" else 80)
        known[provider.name] = Service(provider.model, url.hostname or "", port)
    return known


@contextlib.asynccontextmanager
async def traced(config: Config, journal: Journal) -> AsyncGenerator[None, None]:
    """Send each turn of a journal where the configuration says, inside.

    Raises:
        ConfigError: If what that needs is not installed.
    """
    wanted = config.tracing
    if not wanted.endpoint:
        yield
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (
            OTLPSpanExporter,
        )
    except ImportError as error:
        raise ConfigError(
            f"[tracing] endpoint: {error}; install it: pip install 'voiceserver[otel]'"
        ) from error
    exporter = OTLPSpanExporter(wanted.endpoint, timeout=SEND_LIMIT_S)
    tracing = Tracing(exporter, wanted.service, services(config))
    journal.told = tracing.turn
    try:
        yield
    finally:
        # Its thread sends what is left; the loop goes on meanwhile.
        await asyncio.to_thread(tracing.close)
