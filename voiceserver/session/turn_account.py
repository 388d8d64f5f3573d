"""The account of the current turn: ledger line, metrics and log, written once.

Transcripts and replies never appear here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from voiceserver.budget import Spent, TurnLedger, TurnRecord
from voiceserver.metrics import Metrics
from voiceserver.purse import Purse
from voiceserver.session.journal import Journal

log = logging.getLogger(__name__)


class TurnAccount:
    """Holds the ledger of the turn in progress.

    Args:
        call_id: For the log.
        metrics: Of the server.
        carrier: For metrics.
        purse: Of the call.
        journal: Told of each turn.
    """

    def __init__(
        self,
        call_id: str,
        metrics: Metrics,
        carrier: str,
        purse: Purse,
        journal: Journal,
    ) -> None:
        self._call_id = call_id
        self._carrier = carrier
        self._metrics = metrics
        self._ledger: TurnLedger | None = None
        self._purse = purse
        self._journal = journal

    @property
    def answered_by(self) -> str:
        """Who gives the text of the current turn."""
        return self._ledger.answered_by if self._ledger is not None else ""

    def open(self, ledger: TurnLedger) -> None:
        """A turn begins; the last one's line was written."""
        self._ledger = ledger
        self._journal.opened(self._call_id, self._carrier, ledger)

    def spend(self, spent: Spent) -> None:
        """Enter what was spent beside the reply, on guesses that came to nothing."""
        if self._ledger is not None:
            self._ledger.spent += spent

    def any_audio(self, now_ns: int) -> None:
        """The carrier took the first audio of the turn, if only of a filler."""
        if self._ledger is not None:
            self._ledger.any_audio(now_ns)

    def first_audio(self, now_ns: int) -> None:
        """The carrier took the first audio of the answer."""
        if self._ledger is not None:
            self._ledger.first_audio(now_ns)

    def generated(self, outcome: str) -> None:
        """The reply's generation ended."""
        if self._ledger is not None:
            self._ledger.outcome = outcome

    def close_after(
        self,
        tasks: Iterable[asyncio.Task[None] | None],
        beside: Callable[[], Spent] = Spent,
    ) -> None:
        """Write the line of a call's last turn, once it is known what that cost.

        Args:
            tasks: What still makes it, and was cancelled; owned by somebody else.
            beside: Asked then what was spent beside the reply.
        """
        running = {task for task in tasks if task is not None and not task.done()}

        def write() -> None:
            self.spend(beside())
            self.close()

        def ended(task: asyncio.Task[None]) -> None:
            running.discard(task)
            if not running:
                write()

        for task in tuple(running):
            task.add_done_callback(ended)
        if not running:
            write()

    def close(self) -> TurnRecord | None:
        """Write the ledger line; None for a turn that answered nothing."""
        ledger, self._ledger = self._ledger, None
        if ledger is None:
            return None
        ledger.spent += Spent(cost_usd=self._purse.beside())
        record = ledger.close()
        self._measure(record)
        lasted_s = self._journal.closed(self._call_id, self._carrier, record)
        log.info(
            "turn",
            extra={
                "call": self._call_id,
                "turn": record.turn,
                "endpoint": record.endpoint_reason,
                "endpoint_ms": round(record.endpoint_ms),
                "first_audio_ms": _rounded(record.first_audio_ms),
                "answered_by": record.answered_by,
                "outcome": record.outcome,
                "blame": record.blame,
                "any_audio_ms": _rounded(record.any_audio_ms),
                "spoken_by": record.spoken_by,
                "left_out": record.left_out,
                "tier": record.tier,
                "tier_reasons": list(record.tier_reasons),
                "confidence": record.confidence,
                "confidence_source": record.confidence_source,
                "steps": list(record.steps),
                "pressure": record.pressure.value,
                "speculation": record.speculation,
                "tokens_in": record.spent.tokens_in,
                "tokens_out": record.spent.tokens_out,
                "tokens_wasted": record.spent.tokens_wasted,
                "cost_usd": round(record.spent.cost_usd, 6),
                "call_cost_usd": round(self._purse.spent_usd, 6),
                "minute_usd": _a_minute(record.spent.cost_usd, lasted_s),
                "stages": {
                    spend.stage.value: {
                        "planned_ms": round(spend.planned_ms),
                        "spent_ms": round(spend.spent_ms, 1),
                        "outcome": spend.outcome,
                    }
                    for spend in record.stages
                },
            },
        )
        return record

    def _measure(self, record: TurnRecord) -> None:
        metrics = self._metrics
        metrics.turns.labels(record.answered_by or "none", record.outcome).inc()
        for spend in record.stages:
            histogram = metrics.stage_seconds.labels(spend.stage.value, spend.outcome)
            histogram.observe(spend.spent_ms / 1000)
        if record.endpoint_reason:
            histogram = metrics.endpoint_seconds.labels(record.endpoint_reason)
            histogram.observe(record.endpoint_ms / 1000)
        if record.first_audio_ms is not None:
            metrics.first_audio_seconds.labels(self._carrier).observe(
                record.first_audio_ms / 1000
            )
            in_time = record.first_audio_ms <= record.target_ms
            kept = "met" if in_time else "missed"
            metrics.turns_in_time.labels(self._carrier, kept).inc()
        if record.any_audio_ms is not None:
            any_audio = metrics.any_audio_seconds.labels(self._carrier)
            any_audio.observe(record.any_audio_ms / 1000)
        if record.blame:
            metrics.blame.labels(record.blame).inc()
        metrics.left_out.inc(record.left_out)
        if record.confidence is not None:
            of = metrics.confidence.labels(record.confidence_source)
            of.observe(record.confidence)
        if record.tier:
            reason = record.tier_reasons[0] if record.tier_reasons else "score"
            metrics.routes.labels(record.tier, reason).inc()
        for step in record.steps:
            metrics.steps.labels(step).inc()
        if record.speculation:
            metrics.speculations.labels(record.speculation).inc()


def _a_minute(usd: float, lasted_s: float) -> float | None:
    """What a minute of conversation costs that is like this turn."""
    return round(60 * usd / lasted_s, 4) if lasted_s else None


def _rounded(ms: float | None) -> int | None:
    return None if ms is None else round(ms)
