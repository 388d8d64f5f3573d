"""What the server counts and measures, in Prometheus' terms.

One ``Metrics`` object per server holds a registry of its own, so that tests and two
servers in one process do not share counts. Never labelled by call, text or client.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

LAG_BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1)
STAGE_BUCKETS = (0.01, 0.02, 0.04, 0.06, 0.1, 0.15, 0.2, 0.3, 0.45, 0.7, 1.2, 2, 5)


class Metrics:
    """The metrics of one server; the attribute names are the metrics' names."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.calls = Gauge(
            "voiceserver_calls", "Calls in progress", registry=self.registry
        )
        self.calls_total = self._counter(
            "calls_ended", "Calls by how they ended", "end"
        )
        self.calls_refused = self._counter(
            "calls_refused", "Offers refused, by reason", "reason"
        )
        self.turns = self._counter(
            "turns",
            "Turns by who answered and how they ended",
            "answered_by",
            "outcome",
        )
        self.stage_seconds = self._histogram(
            "stage_seconds", "Time of a stage to its first output", "stage", "outcome"
        )
        self.first_audio_seconds = self._histogram(
            "first_audio_seconds", "Commit of a turn to its first answer audio"
        )
        self.endpoint_seconds = self._histogram(
            "endpoint_seconds", "Last voiced sample to the commit", "reason"
        )
        self.loop_lag_seconds = Histogram(
            "voiceserver_loop_lag_seconds",
            "How late the event loop woke a 20 ms timer",
            buckets=LAG_BUCKETS,
            registry=self.registry,
        )
        self.blame = self._counter(
            "turns_late", "Turns past their target, by the stage to blame", "stage"
        )
        self.dropped = self._counter(
            "dropped", "Items dropped by a full bounded queue", "queue"
        )
        self.faults = self._counter(
            "faults", "Errors caught at the reply or the session edge", "where", "kind"
        )
        self.restarts = self._counter(
            "engine_restarts", "Engine processes started again after a crash", "engine"
        )

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"voiceserver_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, *labels: str) -> Histogram:
        return Histogram(
            f"voiceserver_{name}",
            text,
            labels,
            buckets=STAGE_BUCKETS,
            registry=self.registry,
        )
