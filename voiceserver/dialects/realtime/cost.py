"""What a turn cost, as fields of ``voiceserver.turn.latency``: our own extension."""

from __future__ import annotations

from typing import Any

from voiceserver.budget import StageSpend, TurnRecord


def cost_of(record: TurnRecord) -> dict[str, Any]:
    """Write a ledger line as JSON members; times in ms, to a tenth."""
    return {
        "turn": record.turn,
        "endpoint_reason": record.endpoint_reason,
        "endpoint_ms": _tenths(record.endpoint_ms),
        "stages": [_stage(spend) for spend in record.stages],
        "first_audio_ms": _tenths(record.first_audio_ms),
        "any_audio_ms": _tenths(record.any_audio_ms),
        "target_ms": _tenths(record.target_ms),
        "answered_by": record.answered_by,
        "spoken_by": record.spoken_by,
        "left_out": record.left_out,
        "tier": record.tier,
        "tier_reasons": list(record.tier_reasons),
        "confidence": _thousandths(record.confidence),
        "confidence_source": record.confidence_source,
        "outcome": record.outcome,
        "blame": record.blame,
        "steps": list(record.steps),
        "pressure": record.pressure.value,
        "speculation": record.speculation,
        "tokens_in": record.spent.tokens_in,
        "tokens_out": record.spent.tokens_out,
        "tokens_wasted": record.spent.tokens_wasted,
        "cost_usd": round(record.spent.cost_usd, 6),
    }


def _stage(spend: StageSpend) -> dict[str, Any]:
    return {
        "stage": spend.stage.value,
        "started_ms": _tenths(spend.started_ms),
        "planned_ms": _tenths(spend.planned_ms),
        "spent_ms": _tenths(spend.spent_ms),
        "outcome": spend.outcome,
    }


def _tenths(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 1)


def _thousandths(share: float | None) -> float | None:
    return None if share is None else round(share, 3)
