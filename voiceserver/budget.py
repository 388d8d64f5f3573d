"""The latency budget of a turn: what each stage may take, took, and who is to blame.

Pure: times are nanoseconds of one monotonic clock and passed in. A turn has one
absolute deadline. A stage may take the lesser of its cap and of what is left once the
reserves of the later stages are taken off: what a stage leaves over is there for the
later ones, what it overdraws shrinks them. Decides limits and keeps the account;
waiting and cancelling happen in ``stages``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum

from voiceserver.config import BudgetConfig
from voiceserver.purse import Purse


class Stage(Enum):
    """A stage between the commit of a turn and the first audio of its answer."""

    RECOGNITION = "recognition"
    TEXT = "text"
    SPEECH = "speech"
    EGRESS = "egress"


ORDER = tuple(Stage)
TIGHT = 0.4  # share of the slack below which a turn is tight


class Pressure(Enum):
    """How a turn stands against its deadline."""

    OK = "ok"
    TIGHT = "tight"
    LATE = "late"


class Step(Enum):
    """A rung of a ladder that a turn took; the value names stage and rung."""

    PARTIAL_DRAFT = "recognition.partial_draft"  # answered a partial, held
    PARTIAL = "recognition.partial"  # the partial had to do
    PARDON = "recognition.pardon"
    LEAN = "overload.lean"  # nothing was done on a guess
    SHORT = "overload.short"  # the reply was kept short
    CHEAP = "money.cheap"  # near a cap of money: strong ones only where needed
    UNPAID = "money.unpaid"  # at one: nobody was asked who has a price
    HEDGE = "text.hedge"
    NEXT_MODEL = "text.next_provider"
    ESCALATED = "text.escalated"  # the cheap model's answer was not believed
    FILLER = "text.filler"
    RESPONDER = "text.responder"  # the last resort's honest line
    CANNED = "text.canned"
    CUT_OFF = "text.cut_off"
    SHORT_CLAUSE = "speech.short_clause"
    NEXT_VOICE = "speech.next_voice"
    SPEECH_FILLER = "speech.filler"
    PREPARED = "speech.prepared"  # a line spoken beforehand
    PASSED_OVER = "speech.passed_over"  # a phrase that no voice could say
    UNSPOKEN = "speech.unspoken"  # an answer without a word that can be said


@dataclass(frozen=True, slots=True)
class StageSpend:
    """What one stage of one turn was given and took.

    Attributes:
        stage: Which stage.
        started_ms: When it began, after the commit; 0 if it had begun before.
        planned_ms: Its soft limit for the first output.
        spent_ms: What it took after the commit to its first output, or to its end
            without one.
        outcome: ``"ok"``, ``"late"``, ``"failed"`` or ``"cancelled"``.
    """

    stage: Stage
    started_ms: float
    planned_ms: float
    spent_ms: float
    outcome: str


@dataclass(frozen=True, slots=True)
class Spent:
    """What a turn's text and speech cost.

    Attributes:
        tokens_in: Tokens sent to text models.
        tokens_out: Tokens they answered with.
        tokens_wasted: Of both, those of answers that nobody heard.
        cost_usd: By the configured prices.
    """

    tokens_in: int = 0
    tokens_out: int = 0
    tokens_wasted: int = 0
    cost_usd: float = 0.0

    def __add__(self, other: Spent) -> Spent:
        return Spent(
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            self.tokens_wasted + other.tokens_wasted,
            self.cost_usd + other.cost_usd,
        )


@dataclass(frozen=True, slots=True)
class Called:
    """A provider was asked for text, and that is over.

    Attributes:
        provider: Its name.
        outcome: ``"done"``, ``"failed"``, ``"slow"`` or ``"given_up"``.
        took_s: From the asking to its end.
        first_s: To its first output; None if there was none.
        fault: Kind of its failure; ``""`` if it did not fail.
        tokens_in: Sent.
        tokens_out: Received.
        began_ms: After the commit, negative before it; the ledger enters it.
    """

    provider: str
    outcome: str
    took_s: float
    first_s: float | None = None
    fault: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    began_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """The one ledger line of a turn.

    Attributes:
        turn: Number of the turn.
        endpoint_reason: Why the user's turn was held to be over; ``""`` if a client
            asked for the reply.
        endpoint_ms: From the last voiced sample to the commit.
        stages: In the order in which one needs the other.
        first_audio_ms: From the commit to the first answer audio taken by the
            carrier; None if there was none.
        target_ms: What ``first_audio_ms`` is judged by.
        answered_by: Engine that gave the text, ``"canned"`` for the canned line.
        outcome: How the reply ended, an ``events.Outcome`` value.
        blame: Stage that overdrew most when the target was missed; ``""`` if met.
        any_audio_ms: From the commit to the first audio of any kind, a filler too.
        steps: Rungs of the ladders that were taken, ``Step`` values, in order.
        pressure: How the turn stood as its last stage began, with egress still to come.
        speculation: ``"held"`` if the answer was begun before the commit,
            ``"dropped"`` if one was and came to nothing, ``""`` if none was begun.
        spent: Tokens and money.
        spoken_by: Who spoke; ``""`` if nobody.
        left_out: Characters of the answer that were told and not spoken: code, and
            letters that the voice does not know.
        tier: Of the text model that was asked first, ``"simple"`` or ``"complex"``;
            ``"refuse"`` or ``"hand_over"`` where a rule did; ``""`` where nothing
            was decided.
        tier_reasons: Why, by name.
        confidence: Probability that the cheap model's first clause was right, as it was
            judged before it was said; None where nothing was judged.
        confidence_source: What that comes from, ``"logprobs+text"`` or ``"text"``.
        calls: Of text providers, in the order in which they ended.
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
    any_audio_ms: float | None = None
    steps: tuple[str, ...] = ()
    pressure: Pressure = Pressure.OK
    speculation: str = ""
    spent: Spent = Spent()
    spoken_by: str = ""
    left_out: int = 0
    tier: str = ""
    tier_reasons: tuple[str, ...] = ()
    confidence: float | None = None
    confidence_source: str = ""
    calls: tuple[Called, ...] = ()


def cap_ms(config: BudgetConfig, stage: Stage) -> int:
    """The configured soft cap of a stage."""
    return {
        Stage.RECOGNITION: config.recognition_cap_ms,
        Stage.TEXT: config.text_cap_ms,
        Stage.SPEECH: config.speech_cap_ms,
        Stage.EGRESS: config.egress_ms,
    }[stage]


def reserve_ms(config: BudgetConfig, stage: Stage) -> int:
    """What is kept free for a stage."""
    return {
        Stage.RECOGNITION: config.recognition_reserve_ms,
        Stage.TEXT: config.text_reserve_ms,
        Stage.SPEECH: config.speech_reserve_ms,
        Stage.EGRESS: config.egress_reserve_ms,
    }[stage]


def reserves_ms(config: BudgetConfig, stages: tuple[Stage, ...]) -> int:
    """What is kept free for several stages."""
    return sum(reserve_ms(config, stage) for stage in stages)


def after(stage: Stage) -> tuple[Stage, ...]:
    """The stages that follow one."""
    return ORDER[ORDER.index(stage) + 1 :]


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
        speculation: See ``TurnRecord``.
        spent: See ``TurnRecord``.
        spoken_by: See ``TurnRecord``.
        left_out: See ``TurnRecord``.
        tier: See ``TurnRecord``.
        tier_reasons: See ``TurnRecord``.
        confidence: See ``TurnRecord``.
        confidence_source: See ``TurnRecord``.
        purse: Pays what is spent.
        clause_by_ns: When whoever is asked has mostly begun, as measured; 0 if it is
            not known.
        call: Whose turn it is.
    """

    turn: int
    config: BudgetConfig
    commit_ns: int
    endpoint_reason: str = ""
    endpoint_ms: float = 0.0
    answered_by: str = ""
    outcome: str = ""
    speculation: str = ""
    spent: Spent = Spent()
    spoken_by: str = ""
    left_out: int = 0
    tier: str = ""
    tier_reasons: tuple[str, ...] = ()
    confidence: float | None = None
    confidence_source: str = ""
    purse: Purse = field(default_factory=Purse)
    clause_by_ns: int = 0
    call: str = ""
    _entries: list[tuple[Stage, int, int, str]] = field(default_factory=list)
    _steps: list[Step] = field(default_factory=list)
    _calls: list[tuple[Called, int]] = field(default_factory=list)
    _any_audio_ns: int | None = None
    _first_audio_ns: int | None = None

    def commit(self, turn: TurnLedger) -> None:
        """Become the ledger of ``turn``; what was entered before the commit stays."""
        self.turn, self.commit_ns = turn.turn, turn.commit_ns
        self.endpoint_reason = turn.endpoint_reason
        self.endpoint_ms = turn.endpoint_ms

    @property
    def deadline_ns(self) -> int:
        """When the answer should sound."""
        return self.commit_ns + self.config.turn_ms * 1_000_000

    def left_ms(self, now_ns: int) -> float:
        """What is left of the turn; negative past its deadline."""
        return (self.deadline_ns - now_ns) / 1e6

    def soft_ms(self, stage: Stage, started_ns: int) -> float:
        """How long ``stage``, begun at ``started_ns``, may take to its first output."""
        left = self.left_ms(max(started_ns, self.commit_ns))
        left -= reserves_ms(self.config, after(stage))
        return max(0.0, min(float(cap_ms(self.config, stage)), left))

    def soft_ns(self, stage: Stage, started_ns: int) -> int:
        """The moment at which ``stage`` passes its soft limit."""
        began_ns = max(started_ns, self.commit_ns)
        return began_ns + int(self.soft_ms(stage, began_ns) * 1e6)

    def filler_ns(self, started_ns: int) -> int:
        """The moment at which a filler is due while text is awaited.

        Past the stage's soft limit; but who is steadily a little slower, and yet in
        time for the whole turn, is waited for as long as it mostly takes.
        """
        soft_ns = self.soft_ns(Stage.TEXT, started_ns)
        in_time_ns = self.deadline_ns - int(
            reserves_ms(self.config, after(Stage.TEXT)) * 1e6
        )
        learnt_ns = self.clause_by_ns if self.clause_by_ns <= in_time_ns else 0
        return max(soft_ns, learnt_ns)

    def pressure(self, stage: Stage, now_ns: int) -> Pressure:
        """How the turn stands as ``stage`` begins."""
        config = self.config
        slack = self.left_ms(now_ns) - reserves_ms(config, (stage, *after(stage)))
        if slack < 0:
            return Pressure.LATE
        full = config.turn_ms - reserves_ms(config, ORDER)
        return Pressure.TIGHT if slack < TIGHT * full else Pressure.OK

    def pay(self, spent: Spent) -> None:
        """Enter what was spent just now."""
        self.spent += spent
        self.purse.pay(spent.cost_usd)

    def has(self, stage: Stage) -> bool:
        """Whether something was entered for ``stage``."""
        return any(entry[0] is stage for entry in self._entries)

    def spend(self, stage: Stage, started_ns: int, now_ns: int, outcome: str) -> None:
        """Enter a stage's first output (or its end without one).

        What passed before the commit cost the caller nothing and is not counted. An
        ``"ok"`` past the soft limit is told as ``"late"``.
        """
        self._entries.append((stage, started_ns, now_ns, outcome))

    def _spent(self, entry: tuple[Stage, int, int, str]) -> StageSpend:
        stage, started_ns, now_ns, outcome = entry
        began_ns = max(started_ns, self.commit_ns)
        planned = self.soft_ms(stage, began_ns)
        spent = max(0.0, (now_ns - began_ns) / 1e6)
        if outcome == "ok" and spent > planned:
            outcome = "late"
        began = (began_ns - self.commit_ns) / 1e6
        return StageSpend(stage, began, planned, spent, outcome)

    def forget_draft(self) -> None:
        """An answer begun on a wrong guess is dropped: its times count for nothing."""
        self.speculation = "dropped"
        self._entries = [
            entry for entry in self._entries if entry[0] is Stage.RECOGNITION
        ]

    def step(self, step: Step) -> None:
        """Enter a rung that was taken; each stands once."""
        if step not in self._steps:
            self._steps.append(step)

    def called(self, call: Called, now_ns: int) -> None:
        """Enter a call of a provider that has ended now."""
        self._calls.append((call, now_ns - int(call.took_s * 1e9)))

    def leave_out(self, n_characters: int) -> None:
        """Enter that so many more characters were told and not spoken."""
        self.left_out += n_characters

    def any_audio(self, now_ns: int) -> None:
        """Enter that the first audio of any kind was taken."""
        if self._any_audio_ns is None:
            self._any_audio_ns = now_ns

    def first_audio(self, now_ns: int) -> None:
        """Enter that the first answer audio was taken; later calls change nothing."""
        if self._first_audio_ns is not None:
            return
        self.any_audio(now_ns)
        self._first_audio_ns = now_ns
        for stage, _, made_ns, _ in self._entries:
            if stage is Stage.SPEECH:
                self.spend(Stage.EGRESS, made_ns, now_ns, "ok")
                return

    def close(self) -> TurnRecord:
        """Return the ledger line."""
        first_ms = self._since_commit(self._first_audio_ns)
        # A draft's text may have come before the final words.
        entries = sorted(self._entries, key=lambda entry: ORDER.index(entry[0]))
        stages = tuple(self._spent(entry) for entry in entries)
        last = max((spend.started_ms for spend in stages), default=0.0)
        last_ns = self.commit_ns + int(last * 1e6)
        return TurnRecord(
            turn=self.turn,
            endpoint_reason=self.endpoint_reason,
            endpoint_ms=self.endpoint_ms,
            stages=stages,
            first_audio_ms=first_ms,
            target_ms=self.config.turn_ms,
            answered_by=self.answered_by,
            outcome=self.outcome,
            blame=self._blame(first_ms, stages),
            any_audio_ms=self._since_commit(self._any_audio_ns),
            steps=tuple(step.value for step in self._steps),
            pressure=self.pressure(Stage.EGRESS, last_ns),
            speculation=self.speculation,
            spent=self.spent,
            spoken_by=self.spoken_by,
            left_out=self.left_out,
            tier=self.tier,
            tier_reasons=self.tier_reasons,
            confidence=self.confidence,
            confidence_source=self.confidence_source,
            calls=tuple(
                replace(call, began_ms=(began_ns - self.commit_ns) / 1e6)
                for call, began_ns in self._calls
            ),
        )

    def _since_commit(self, at_ns: int | None) -> float | None:
        return None if at_ns is None else (at_ns - self.commit_ns) / 1e6

    def _blame(self, first_ms: float | None, stages: tuple[StageSpend, ...]) -> str:
        if first_ms is not None and first_ms <= self.config.turn_ms:
            return ""
        if not stages:
            return ""
        # By the plain cap, not by the limit it was left: a stage whose limit shrank
        # because an earlier one was late is not to blame for that.
        return max(stages, key=self._overdraft_ms).stage.value

    def _overdraft_ms(self, spend: StageSpend) -> float:
        return spend.spent_ms - cap_ms(self.config, spend.stage)
