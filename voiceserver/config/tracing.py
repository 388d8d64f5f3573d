"""``[tracing]``: a trace of each turn, sent to a collector."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from voiceserver.config.checks import require


@dataclass(frozen=True, slots=True)
class TracingConfig:
    """``[tracing]``: OpenTelemetry (extra ``otel``); never what was said.

    Attributes:
        endpoint: Where traces are sent, OTLP over HTTP, e.g.
            ``"http://127.0.0.1:4318/v1/traces"``; empty sends none. Headers with a
            key belong into the variable ``OTEL_EXPORTER_OTLP_HEADERS``.
        service: Name of this server in the traces.
    """

    endpoint: str = ""
    service: str = "voiceserver"

    def __post_init__(self) -> None:
        require(bool(self.service.strip()), "service must not be empty")
        if not self.endpoint:
            return
        try:
            parts = urlsplit(self.endpoint)
            good = parts.scheme in ("http", "https") and bool(parts.hostname)
            good = good and parts.port != 0
        except ValueError:
            good = False
        require(good, "endpoint must be a URL that starts with http:// or https://")
        require(
            not (parts.username or parts.password),
            "endpoint must hold no user or key: see OTEL_EXPORTER_OTLP_HEADERS",
        )
