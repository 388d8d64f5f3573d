"""``[router]`` and ``[[router.rule]]``: which text model answers a turn."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from voiceserver.config.checks import require

MOST_RULES = 5000
_PATTERN = re.compile(
    r"(?:[^\W_]+(?:['-][^\W_]+)*\*?|\*)(?: (?:[^\W_]+(?:['-][^\W_]+)*\*?|\*))*"
)
Topic = Literal["", "medical", "selfharm", "legal", "money"]


@dataclass(frozen=True, slots=True)
class RouterRule:
    """``[[router.rule]]``: what follows from a turn's words, before any score.

    Attributes:
        name: Shown as the reason of a decision; empty is its number.
        pattern: Words in this order: ``*`` stands for any words between, ``pill*``
            for any word that begins so. Or ``topic``, one of the two.
        topic: One that the router is trained to hear; empty is none.
        then: ``"simple"`` prefers that tier; ``"complex"`` allows no other, whatever
            fails and whatever was spent; ``"refuse"`` says ``say`` and asks none;
            ``"hand_over"`` does so too, and calls ``tool`` where the client offers
            it. Of several rules the most careful holds: hand over, refuse, complex,
            simple.
        say: What is said in place of an answer; with ``"complex"`` where no model of
            that tier can be asked, empty is the responder's line.
        tool: Function of the client that hands the caller over to a person; with
            ``"complex"`` where ``say`` is said.
    """

    then: Literal["simple", "complex", "refuse", "hand_over"]
    name: str = ""
    pattern: str = ""
    topic: Topic = ""
    say: str = ""
    tool: str = ""

    def __post_init__(self) -> None:
        require(
            bool(self.pattern) != bool(self.topic),
            "a rule has a pattern or a topic, one of the two",
        )
        if self.pattern:
            words = " ".join(self.pattern.lower().split())
            require(
                _PATTERN.fullmatch(words) is not None and any(map(str.isalnum, words)),
                f"pattern = {self.pattern!r} must be words, with * for any words "
                "between two, or at the end of one",
            )
            require(len(words.split()) <= 20, "pattern has more than 20 words")
        speaks = self.then in ("refuse", "hand_over")
        require(
            speaks == bool(self.say.strip()) or self.then == "complex",
            'say is what is said by then = "refuse" or "hand_over", and needed there; '
            'then = "complex" may have one',
        )
        require(
            not self.tool
            or self.then == "hand_over"
            or (self.then == "complex" and bool(self.say.strip())),
            'tool goes with then = "hand_over", or with "complex" and say',
        )

    @property
    def about(self) -> str:
        """What it is about, to tell rules from each other."""
        return self.topic or " ".join(self.pattern.lower().split())


@dataclass(frozen=True, slots=True)
class RouterConfig:
    """``[router]``: which of the ``[[text.provider]]`` tables is asked first.

    Attributes:
        strong_share: Share of turns that a provider of ``tier = "complex"`` answers,
            0..1: those that need it most. 0 leaves the order of preference; the
            share is kept whatever callers ask.
        least_confidence: Below this probability of being right, by ``calibration``,
            the first clause of a provider of ``tier = "simple"`` is not said and a
            ``"complex"`` one is asked, while there is time; 0 says all.
        calibration: File of ``voiceserver calibrate``.
        rule: What comes before that.
    """

    strong_share: float = 0.0
    least_confidence: float = 0.0
    calibration: str = field(default="", metadata={"path": True})
    rule: tuple[RouterRule, ...] = field(default=())

    def __post_init__(self) -> None:
        require(0 <= self.least_confidence < 1, "least_confidence must be 0..1")
        require(0 <= self.strong_share <= 1, "strong_share must be 0..1")
        require(len(self.rule) <= MOST_RULES, f"more than {MOST_RULES} rules")
        seen: dict[str, tuple[int, RouterRule]] = {}
        for at, rule in enumerate(self.rule):
            first, other = seen.setdefault(rule.about, (at, rule))
            require(
                (rule.then, rule.say, rule.tool) == (other.then, other.say, other.tool),
                f"rule[{first}] and rule[{at}] contradict each other: both are about "
                f"{rule.about!r}",
            )
