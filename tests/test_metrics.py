"""Metrics of one server."""

from __future__ import annotations

from prometheus_client import generate_latest

from voiceserver.metrics import Metrics


def test_two_servers_do_not_share_counts() -> None:
    """Each has a registry of its own."""
    first, second = Metrics(), Metrics()
    first.dropped.labels("microphone").inc(3)
    assert b'voiceserver_dropped_total{queue="microphone"} 3.0' in generate_latest(
        first.registry
    )
    assert b"} 3.0" not in generate_latest(second.registry)


def test_every_metric_says_what_it_is() -> None:
    """And none is labelled by call or client."""
    for family in Metrics().registry.collect():
        assert family.documentation
        assert family.name.startswith("voiceserver_")
