"""The newest turns of a server and what its calls are at, for the operator's page.

Numbers of the ledger only, of the last five hundred turns; no text is kept. Judges
nothing: what is asked for is counted and drawn elsewhere.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from voiceserver.budget import TurnLedger, TurnRecord

TURNS = 500
HOURS = 48


@dataclass(slots=True)
class _Call:
    carrier: str
    key: str
    since_s: float
    turns: int = 0
    cost_usd: float = 0.0
    told_s: float = 0.0  # when its newest turn was over
    ledger: TurnLedger | None = None
    opened_s: float = 0.0


@dataclass(slots=True)
class Journal:
    """What is told of one server, or of one worker.

    Attributes:
        now_s: The time of day, in seconds since 1970.
        since_s: When the journal was begun.
        told: Given each turn as it ends: its call, carrier and record, and when it was
            committed, in seconds since 1970.
    """

    now_s: Callable[[], float] = time.time
    since_s: float = 0.0
    told: Callable[[str, str, float, TurnRecord], None] = lambda *_turn: None
    _calls: dict[str, _Call] = field(default_factory=dict)
    _turns: deque[dict[str, object]] = field(
        default_factory=lambda: deque(maxlen=TURNS)
    )
    # USD by hour since 1970 and name of the key.
    _cost: dict[tuple[int, str], float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.since_s = self.now_s()

    def began(self, call: str, key: str = "") -> None:
        """A call is being taken; ``key`` names its API key. ``ended`` forgets it."""
        self._calls[call] = _Call("", key, self.now_s())

    def ended(self, call: str) -> None:
        """A call is over, or came to nothing: it is forgotten, its turns are not."""
        self._calls.pop(call, None)

    def opened(self, call: str, carrier: str, ledger: TurnLedger) -> None:
        """A turn is being answered."""
        at = self._calls.get(call)
        if at is not None:
            at.carrier, at.ledger, at.opened_s = carrier, ledger, self.now_s()

    def closed(self, call: str, carrier: str, record: TurnRecord) -> float:
        """A turn is over; return for how many seconds of its call it stands.

        Those since the turn before it was over, or since the call was taken: what a
        minute of conversation costs is told by them.
        """
        now_s, cost_usd = self.now_s(), record.spent.cost_usd
        at, key, lasted_s = self._calls.get(call), "", 0.0
        self.told(call, carrier, now_s if at is None else at.opened_s, record)
        if at is not None:
            key = at.key
            at.carrier, at.ledger = carrier, None
            at.turns += 1
            at.cost_usd += cost_usd
            lasted_s = max(0.0, now_s - (at.told_s or at.since_s))
            at.told_s = now_s
        self._turns.append(
            {"call": call, "carrier": carrier, "at": round(now_s, 1)}
            | {"seconds": round(lasted_s, 1)}
            | _told(record)
        )
        hour = int(now_s // 3600)
        self._cost[hour, key] = self._cost.get((hour, key), 0.0) + cost_usd
        for old in [each for each in self._cost if each[0] <= hour - HOURS]:
            del self._cost[old]
        return lasted_s

    def calls(self) -> list[dict[str, object]]:
        """Tell of the calls in progress."""
        now_s = self.now_s()
        return [
            {
                "id": call,
                "carrier": at.carrier,
                "seconds": round(now_s - at.since_s, 1),
                "turns": at.turns,
                "cost_usd": round(at.cost_usd, 6),
                "turn": None
                if at.ledger is None
                else {"seconds": round(now_s - at.opened_s, 1)}
                | _told(at.ledger.close()),
            }
            for call, at in self._calls.items()
        ]

    @property
    def turns(self) -> list[dict[str, object]]:
        """The newest turns, oldest first."""
        return list(self._turns)

    @property
    def cost_by_hour(self) -> list[dict[str, object]]:
        """What turns cost, by the hour they ended in and the key of their call."""
        return [
            {"hour": 3600 * hour, "key": key, "usd": round(usd, 6)}
            for (hour, key), usd in sorted(self._cost.items())
        ]


def _told(record: TurnRecord) -> dict[str, object]:
    return {
        "turn": record.turn,
        "endpoint": record.endpoint_reason,
        "endpoint_ms": round(record.endpoint_ms),
        "answered_by": record.answered_by,
        "spoken_by": record.spoken_by,
        "outcome": record.outcome,
        "blame": record.blame,
        "steps": list(record.steps),
        "speculation": record.speculation,
        "tier": record.tier,
        "tier_reasons": list(record.tier_reasons),
        "confidence": record.confidence,
        "confidence_source": record.confidence_source,
        "target_ms": record.target_ms,
        "first_audio_ms": _rounded(record.first_audio_ms),
        "any_audio_ms": _rounded(record.any_audio_ms),
        "cost_usd": round(record.spent.cost_usd, 6),
        "stages": [
            {
                "stage": one.stage.value,
                "began_ms": round(one.started_ms, 1),
                "planned_ms": round(one.planned_ms),
                "spent_ms": round(one.spent_ms, 1),
                "outcome": one.outcome,
            }
            for one in record.stages
        ],
    }


def _rounded(ms: float | None) -> int | None:
    return None if ms is None else round(ms)
