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
        self._add_telephones()
        self.calls = Gauge(
            "voiceserver_calls", "Calls in progress", registry=self.registry
        )
        self.workers = Gauge(
            "voiceserver_workers", "Processes that hold calls", registry=self.registry
        )
        self.calls_total = self._counter(
            "calls_ended", "Calls by how they ended", "end"
        )
        self.carrier_calls = self._counter(
            "carrier_calls", "Calls by the carrier that brought them", "carrier"
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
            "first_audio_seconds",
            "Commit of a turn to its first answer audio",
            "carrier",
        )
        self.any_audio_seconds = self._histogram(
            "any_audio_seconds",
            "Commit of a turn to its first audio, a filler too",
            "carrier",
        )
        self.turns_in_time = self._counter(
            "turns_judged",
            "Turns with an answer, by whether it met the target",
            "carrier",
            "kept",
        )
        self.steps = self._counter(
            "ladder_steps", "Rungs of the ladders taken, once a turn each", "step"
        )
        self.routes = self._counter(
            "route_decisions",
            "Turns by the tier of model that was asked first, and the first reason",
            "tier",
            "reason",
        )
        self.confidence = Histogram(
            "voiceserver_confidence",
            "Probability of being right that first clauses of the cheap tier had",
            ("source",),
            buckets=tuple(n / 10 for n in range(1, 11)),
            registry=self.registry,
        )
        self.left_out = self._counter(
            "left_out_characters", "Characters of answers told and not spoken"
        )
        self.speculations = self._counter(
            "speculations", "Replies begun before the commit, by their fate", "fate"
        )
        self.provider_calls = self._counter(
            "provider_calls",
            "Calls of providers, by how they ended",
            "slot",
            "provider",
            "end",
        )
        self.provider_first_seconds = self._histogram(
            "provider_first_seconds",
            "Asking a provider to its first output",
            "slot",
            "provider",
        )
        self.breaker_state = Gauge(
            "voiceserver_breaker_state",
            "1 for the state that a provider's breaker is in",
            ("slot", "provider", "state"),
            registry=self.registry,
        )
        self.drift = Gauge(
            "voiceserver_provider_drift",
            "1 while a provider answers otherwise than it used to",
            ("provider", "signal"),
            registry=self.registry,
        )
        self.drift_alarms = self._counter(
            "drift_alarms", "Times that a drift was found", "provider", "signal"
        )
        self.shadow_answers = self._counter(
            "shadow_answers", "Answers of candidates by what became of them", "end"
        )
        self.tokens = self._counter(
            "tokens",
            "Tokens of text providers; wasted ones are among the others too",
            "provider",
            "kind",
        )
        self.cost_usd = self._counter("cost_usd", "Spent on providers", "provider")
        self.cost_today_usd = Gauge(
            "voiceserver_cost_today_usd",
            "Spent on all providers since midnight",
            registry=self.registry,
        )
        self.canary_calls = self._counter(
            "canary_calls", "Calls that were pinned to a candidate", "provider"
        )
        self.canary_rollbacks = self._counter(
            "canary_rollbacks",
            "Times that a candidate was taken out",
            "provider",
            "why",
        )
        self.money_caps = self._counter(
            "money_caps",
            "Times that a cap of money was near (cheap) or reached (free)",
            "cap",
            "then",
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
        self.microphone_packets = self._counter(
            "microphone_packets",
            "Packets of microphones by what became of them",
            "fate",
        )
        self.microphone_made_up_seconds = self._counter(
            "microphone_made_up_seconds",
            "Audio of microphones that no packet brought in time, by how it was had",
            "how",
        )
        self.jitter_seconds = self._histogram(
            "jitter_seconds",
            "Interarrival jitter of microphones, looked at each second",
        )
        self.rtt_seconds = self._histogram(
            "rtt_seconds", "Time to a client and back, looked at each second"
        )
        self.underruns = Counter(
            "voiceserver_playout_underruns",
            "Frames of silence in the midst of a reply",
            registry=self.registry,
        )
        self.faults = self._counter(
            "faults", "Errors caught at the reply or the session edge", "where", "kind"
        )
        self.restarts = self._counter(
            "engine_restarts", "Processes started again after a crash", "engine"
        )

    def _add_telephones(self) -> None:
        self.trunk_calls = self._counter(
            "trunk_calls",
            "Calls by SIP that were taken, by trunk; 'in' or 'out'",
            "trunk",
            "way",
        )
        self.dialled_calls = self._counter(
            "dialled_calls",
            "Calls that the server made, by trunk and what became of them",
            "trunk",
            "result",
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
