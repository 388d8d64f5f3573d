"""Whether a provider answers otherwise than it used to. Pure.

What is usual comes from a baseline, or from its own first answers: of a signal that a
baseline says nothing of, such as confidence, always from those. Each signal has a shift
that matters, chosen so that a caller would notice it. Knows no provider by name, no
text and no clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from voiceserver.engines.watch.shifts import Level, Share, Shift

# Answers that tell what is usual, where no baseline does: it is watched from the first
# number on, and known better by the second and third.
LEARNT = (300, 1000, 3000)

Signal = Literal[
    "first_words", "length", "confidence", "failures", "refusals", "escalations"
]


@dataclass(frozen=True, slots=True)
class Answered:
    """How one asking of a provider went.

    Attributes:
        first_ms: To the first words; None if there were none.
        characters: Of the whole answer; None if it was cut or failed.
        confidence: That it is right, 0..1; None if that is not known.
        failed: It gave no answer, or broke off.
        refused: It declined to answer.
        escalated: Another model was asked in its place.
    """

    first_ms: float | None = None
    characters: int | None = None
    confidence: float | None = None
    failed: bool = False
    refused: bool = False
    escalated: bool = False


@dataclass(frozen=True, slots=True)
class Usual:
    """What a provider's answers used to be.

    Attributes:
        first_ms: Of each answer, or quantiles of them.
        characters: The same.
        confidence: The same; fewer than 30 are too few to be watched.
        failed: How many failed.
        refused: How many declined.
        escalated: How many went on to another model.
        of: Of how many.
    """

    first_ms: Sequence[float] = ()
    characters: Sequence[float] = ()
    confidence: Sequence[float] = ()
    failed: int = 0
    refused: int = 0
    escalated: int = 0
    of: int = 0

    @classmethod
    def learnt(cls, answers: Iterable[Answered]) -> Usual:
        """What these answers are."""
        seen = list(answers)
        return cls(
            [one.first_ms for one in seen if one.first_ms is not None],
            [one.characters for one in seen if one.characters is not None],
            [one.confidence for one in seen if one.confidence is not None],
            sum(one.failed for one in seen),
            sum(one.refused for one in seen),
            sum(one.escalated for one in seen),
            len(seen),
        )


@dataclass(frozen=True, slots=True)
class Alarm:
    """A signal has shifted, or is as usual again.

    Attributes:
        signal: Which.
        shift: How; None if it is over.
    """

    signal: Signal
    shift: Shift | None


@dataclass(slots=True)
class Drift:
    """One provider's signals.

    Attributes:
        usual: What it used to be; None learns that from the first answers.
    """

    usual: Usual | None = None
    _learning: list[Answered] = field(default_factory=list)
    _learns: bool = True
    _known: frozenset[Signal] = frozenset()  # by a baseline: not learnt anew
    _watched: dict[Signal, Level | Share] = field(default_factory=dict)
    _alarmed: dict[Signal, Shift] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.usual is not None:
            self._watch(self.usual)
            self._known = frozenset(self._watched)

    @property
    def alarmed(self) -> dict[Signal, Shift]:
        """The signals that are otherwise now."""
        return dict(self._alarmed)

    def observe(self, answer: Answered) -> list[Alarm]:
        """Take an answer; return what has changed by it."""
        if self._learns:
            self._learn(answer)
        alarms: list[Alarm] = []
        for signal, value in _values(answer):
            watched = self._watched.get(signal)
            if watched is None:
                continue
            shift = (
                watched.add(bool(value))
                if isinstance(watched, Share)
                else watched.add(float(value))
            )
            if shift is not None and signal not in self._alarmed:
                self._alarmed[signal] = shift
                watched.forget()
                alarms.append(Alarm(signal, shift))
            elif shift is None and signal in self._alarmed and watched.calm:
                del self._alarmed[signal]
                watched.forget()
                alarms.append(Alarm(signal, None))
        return alarms

    def _learn(self, answer: Answered) -> None:
        """Learn what is usual, until it is known or something is not."""
        self._learning.append(answer)
        if self._alarmed or len(self._learning) > LEARNT[-1]:
            self._learns = False
            self._learning.clear()
        elif len(self._learning) in LEARNT:
            learnt = Usual.learnt(self._learning)
            self.usual = self.usual if self._known else learnt
            self._watch(learnt)

    def _watch(self, usual: Usual) -> None:
        for signal, watched in _watchers(usual):
            if signal not in self._known:
                self._watched[signal] = watched


def _watchers(usual: Usual) -> Iterable[tuple[Signal, Level | Share]]:
    """Give who watches each signal that something is known of."""
    if len(usual.first_ms) >= 30:
        # 40 % later is felt; below 30 ms nobody can tell.
        yield "first_words", Level(usual.first_ms, 1.4, step=30, smaller=False)
    if len(usual.characters) >= 30:
        yield "length", Level(usual.characters, 1.6)
    yield "failures", Share(usual.failed, usual.of, 0.03)
    yield "refusals", Share(usual.refused, usual.of, 0.04)
    if len(usual.confidence) >= 30:  # else nothing was judged, and nothing escalated
        yield "confidence", Level(usual.confidence, step=0.08)
        yield "escalations", Share(usual.escalated, usual.of, 0.10)


def _values(answer: Answered) -> Iterable[tuple[Signal, float]]:
    """Give what an answer says of each signal; not every one says something of all."""
    if answer.first_ms is not None:
        yield "first_words", answer.first_ms
    if answer.characters is not None:
        yield "length", answer.characters
    if answer.confidence is not None:
        yield "confidence", answer.confidence
    yield "failures", answer.failed
    if not answer.failed:
        yield "refusals", answer.refused
    yield "escalations", answer.escalated
