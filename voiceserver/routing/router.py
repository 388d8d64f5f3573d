"""Which tier answers a turn: rules, what was asked for, then the score. Pure.

A share of strong turns is kept whatever callers ask: the score that a turn must reach
follows what was decided before. A topic stays where it is: a turn that goes on with one
before it has at least that one's score. Nothing here waits, reads a clock or remembers
words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from voiceserver.config import RouterConfig, RouterRule
from voiceserver.routing.features import without_lead, without_tail
from voiceserver.routing.rules import Rules
from voiceserver.routing.score import RouterWeights, Scored
from voiceserver.routing.turns import LOOKED_BACK, Question, Turn

# By how much of the share a decision moves the threshold. At 0.02 a change of what
# callers ask is followed within some hundred turns.
GAIN = 0.02
_SPEAK = ("refuse", "hand_over")
Before = Sequence[tuple[Turn, Scored]]  # what a turn goes on with, newest first
SHORT = 6  # words; a shorter turn that points back goes on with the one before
_POINTS_BACK = frozenset(
    "it that this they them those these he she one ones other others same again more "
    "else then also too instead there so why".split()
)
_NOT_BACK = frozenset("time day date late early raining weather".split())  # is it
_LITTLE = frozenset(
    "a an the of to in on at for from with and or but is are was were be do does did "
    "have has had can could will would should i you he she it we they me my your our "
    "what who when where why how which not please tell about give like just so if as "
    "than there this that these those some any".split()
)


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided of a turn.

    Attributes:
        tier: ``"simple"`` or ``"complex"``; ``""`` leaves the order of preference.
        score: Probability that it needs a strong model; None where none was asked.
        reasons: Why, most telling first; never words of the caller.
        rule: That decided it; None if none did.
    """

    tier: str
    score: float | None
    reasons: tuple[str, ...]
    rule: RouterRule | None = None

    @property
    def speaks(self) -> bool:
        """Whether the rule refuses it, or hands it over: no model is asked."""
        return self.rule is not None and self.rule.then in _SPEAK

    @property
    def strict(self) -> bool:
        """Whether the rule lets no other tier answer, whatever fails or costs."""
        return self.rule is not None and self.rule.then == "complex"


class Router:
    """Decides about turns, one after the other, of all calls of a process.

    Args:
        config: Rules, and the share of strong turns.
        weights: Of the score.
    """

    def __init__(self, config: RouterConfig, weights: RouterWeights) -> None:
        self.rules = Rules(config.rule)
        self._share = config.strong_share
        self._aim = config.strong_share
        self._weights = weights

    @property
    def version(self) -> str:
        """Of the training that made the weights."""
        return self._weights.name

    def ruled(self, turn: Turn) -> Decision | None:
        """Return what a rule says of a turn; None if none does."""
        if not self.rules:
            return None
        return self._ruled(
            turn, self._weights.scored(turn) if self.rules.topics else None
        )

    def decide(self, question: Question) -> Decision:
        """Decide who is asked first; what a client asked for moves no threshold."""
        turn = question.turn
        scored = self._weights.scored(turn, question.tools)
        before: Before = ()
        if self._share or self.rules.strict:
            before = [(one, self._weights.scored(one)) for one in followed(question)]
        ruled = self._ruled(turn, scored) if self.rules else None
        if ruled is None and self.rules.strict:
            ruled = self._still_ruled(before)
        if ruled is not None and ruled.tier != "simple":
            decided = ruled
        elif question.route:
            return Decision(question.route, scored.complex, ("asked for",))
        elif ruled is not None:
            decided = ruled
        elif not self._share:
            return Decision("", None, ())
        else:
            decided = self._by_score(scored, before)
        self._count(decided.tier == "complex")
        return decided

    def _ruled(self, turn: Turn, scored: Scored | None) -> Decision | None:
        topics = scored.topics if scored else {}
        rule = self.rules.matching(turn.words, topics, self._weights.begins)
        if rule is None:
            return None
        score = scored.complex if scored else None
        tier = "" if rule.rule.then in _SPEAK else rule.rule.then
        reasons = (f"rule: {rule.name}",)
        return Decision(tier, score, reasons, rule.rule)

    def _still_ruled(self, before: Before) -> Decision | None:
        """What goes on with a turn that only one tier may answer, is that tier's."""
        for turn, scored in before:
            ruled = self._ruled(turn, scored)
            if ruled is not None and ruled.strict:
                return replace(ruled, reasons=(*ruled.reasons, "same topic"))
        return None

    def _by_score(self, scored: Scored, before: Before) -> Decision:
        score, reasons = scored.complex, scored.reasons
        for turn, of_it in before:
            earlier = 1.0 if turn.escalated else of_it.complex
            if earlier > score:
                why = "escalated before" if turn.escalated else "same topic"
                score, reasons = earlier, (why,)
        aim = self._aim
        strong = aim >= 1 or (aim > 0 and score >= self._weights.threshold(aim))
        return Decision("complex" if strong else "simple", score, reasons)

    def _count(self, strong: bool) -> None:
        aim = self._aim + GAIN * (self._share - float(strong))
        self._aim = min(max(aim, 0.0), 1.0) if self._share < 1 else 1.0


def followed(question: Question) -> Iterator[Turn]:
    """The turns that a turn goes on with, newest first."""
    newer = question.turn
    for turn in reversed(question.before[-LOOKED_BACK:]):
        if not follows(newer, turn):
            return
        yield turn
        newer = turn


def follows(turn: Turn, before: Turn) -> bool:
    """Whether a turn goes on with the one before it: points back, or is about it."""
    said = without_tail(without_lead(turn.words))
    points = not _POINTS_BACK.isdisjoint(said) and _NOT_BACK.isdisjoint(said)
    if len(said) <= SHORT and points:
        return True
    own, other = _content(said), _content(before.words)
    return bool(own) and 2 * len(own & other) >= min(len(own), len(other) or 1)


def _content(words: Sequence[str]) -> set[str]:
    return {word for word in words if word not in _LITTLE and len(word) > 2}
