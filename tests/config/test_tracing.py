"""``[tracing]``."""

from __future__ import annotations

import pytest

from voiceserver.config import TracingConfig


@pytest.mark.parametrize(
    ("endpoint", "wanted"),
    [
        ("127.0.0.1:4318", "must be a URL"),
        ("grpc://127.0.0.1:4317", "must be a URL"),
        ("http://[", "must be a URL"),
        ("http://127.0.0.1:0/v1/traces", "must be a URL"),
        ("https://u:secret@h/v1/traces", "OTEL_EXPORTER_OTLP_HEADERS"),
    ],
)
def test_an_endpoint_that_cannot_be_is_refused(endpoint: str, wanted: str) -> None:
    """With what it must be, and without its secrets."""
    with pytest.raises(ValueError, match=wanted) as refusal:
        TracingConfig(endpoint)
    assert "secret" not in str(refusal.value)


def test_none_is_the_default() -> None:
    """And a URL is taken."""
    assert TracingConfig().endpoint == ""
    assert TracingConfig("http://127.0.0.1:4318/v1/traces").service == "voiceserver"


def test_a_server_has_a_name() -> None:
    """Else nobody finds its traces."""
    with pytest.raises(ValueError, match="service"):
        TracingConfig(service=" ")
