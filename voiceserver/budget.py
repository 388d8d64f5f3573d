"""The latency budget of a turn: what each stage may take, took, and who is to blame.

Pure: times are nanoseconds of one monotonic clock and passed in. Decides limits and
keeps the account; waiting and cancelling happen in ``reply``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from voiceserver.config import BudgetConfig


class Stage(Enum):
    """A stage between the commit of a turn and the first audio of its answer."""

    RECOGNITION = "recognition"
    TEXT = "text"
    SPEECH = "speech"
    EGRESS = "egress"


@dataclass(frozen=True, slots=True)
class StageSpend:
    """What one stage of one turn was given and took.

    Attributes:
        stage: Which stage.
        started_ms: When it began, after the commit.
        planned_ms: Its limit for the first output.
        spent_ms: What it took to its first output, or to its end without one.
        outcome: ``"ok"``, ``"late"``, ``"failed"`` or ``"cancelled"``.
    """

    stage: Stage
    started_ms: float
    planned_ms: float
    spent_ms: float
    outcome: str


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """The one ledger line of a turn.

    Attributes:
        turn: Number of the turn.
        endpoint_reason: Why the user's turn was held to be over; ``""`` if a client
            asked for the reply.
        endpoint_ms: From the last voiced sample to the commit.
        stages: In the order they ran.
        first_audio_ms: From the commit to the first answer audio taken by the
            carrier; None if there was none.
        target_ms: What ``first_audio_ms`` is judged by.
        answered_by: Engine that gave the text, ``"canned"`` for the canned line.
        outcome: How the reply ended, an ``events.Outcome`` value.
        blame: Stage that overdrew most when the target was missed; ``""`` if met.
    """

    turn: int
    endpoint_reason: str
    endpoint_ms: float
    stages: tuple[StageSpend, ...]
    first_audio_ms: float | None
    target_ms: float
    answered_by: str
    outcome: str
    blame: str


@dataclass(slots=True)
class TurnLedger:
    """Keeps the account of one turn while it runs.

    Attributes:
        turn: Number of the turn.
        config: Limits.
        commit_ns: When the turn was committed, or the reply asked for.
        endpoint_reason: See ``TurnRecord``.
        endpoint_ms: See ``TurnRecord``.
        answered_by: See ``TurnRecord``.
        outcome: See ``TurnRecord``.
    """

    turn: int
    config: BudgetConfig
    commit_ns: int
    endpoint_reason: str = ""
    endpoint_ms: float = 0.0
    answered_by: str = ""
    outcome: str = ""
    _spends: list[StageSpend] = field(default_factory=list)
    _first_audio_ns: int | None = None

    def limit_ms(self, stage: Stage) -> float:
        """How long ``stage`` may take to its first output."""
        return {
            Stage.RECOGNITION: self.config.recognition_ms,
            Stage.TEXT: self.config.text_first_ms,
            Stage.SPEECH: self.config.speech_first_ms,
            Stage.EGRESS: self.config.egress_ms,
        }[stage]

    def has(self, stage: Stage) -> bool:
        """Whether something was entered for ``stage``."""
        return any(spend.stage is stage for spend in self._spends)

    def spend(self, stage: Stage, started_ns: int, now_ns: int, outcome: str) -> None:
        """Enter a stage's first output (or its end without one)."""
        self._spends.append(
            StageSpend(
                stage,
                (started_ns - self.commit_ns) / 1e6,
                self.limit_ms(stage),
                (now_ns - started_ns) / 1e6,
                outcome,
            )
        )

    def first_audio(self, now_ns: int) -> None:
        """Enter that the first answer audio was taken; later calls change nothing."""
        if self._first_audio_ns is not None:
            return
        self._first_audio_ns = now_ns
        for spend in self._spends:
            if spend.stage is Stage.SPEECH:
                made_ms = spend.started_ms + spend.spent_ms
                made_ns = self.commit_ns + int(made_ms * 1e6)
                self.spend(Stage.EGRESS, made_ns, now_ns, "ok")
                return

    def close(self) -> TurnRecord:
        """Return the ledger line."""
        first_ms = None
        if self._first_audio_ns is not None:
            first_ms = (self._first_audio_ns - self.commit_ns) / 1e6
        return TurnRecord(
            turn=self.turn,
            endpoint_reason=self.endpoint_reason,
            endpoint_ms=self.endpoint_ms,
            stages=tuple(self._spends),
            first_audio_ms=first_ms,
            target_ms=self.config.turn_ms,
            answered_by=self.answered_by,
            outcome=self.outcome,
            blame=self._blame(first_ms),
        )

    def _blame(self, first_ms: float | None) -> str:
        if first_ms is not None and first_ms <= self.config.turn_ms:
            return ""
        if not self._spends:
            return ""
        # The longest stage, not the largest overdraft: until stages have caps of
        # their own below the hard limits, the longest is what to shorten.
        return max(self._spends, key=lambda spend: spend.spent_ms).stage.value
