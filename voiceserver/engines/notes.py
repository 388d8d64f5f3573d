"""What an engine tells about its work beside its output, for the ledger of the turn.

Words of nobody are in it. Whoever takes a note must not block.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from voiceserver.budget import Spent, Step


@dataclass(frozen=True, slots=True)
class Answering:
    """An engine that stands for several says which of them answers from now on.

    Attributes:
        name: Who answers.
        language: In which it was told to, BCP 47; ``""`` is the server's own.
    """

    name: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """A piece of the answer is there, and is held back with those before it.

    Attributes:
        call: It is of a call, which may grow for long before it is whole.
    """

    call: bool = False


@dataclass(frozen=True, slots=True)
class Routed:
    """It was decided who is asked.

    Attributes:
        tier: ``"simple"``, ``"complex"``; ``"refuse"`` or ``"hand_over"`` by a rule.
        reasons: Why; names only, no words of anybody's.
        score: Probability that a strong model is needed; None where none was asked.
    """

    tier: str
    reasons: tuple[str, ...]
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Probable:
    """How probable the newest tokens of an answer were to the model that wrote them.

    Attributes:
        logprobs: Their natural logarithms, in order.
    """

    logprobs: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Expected:
    """Who is asked now has mostly begun an answer within this time.

    Attributes:
        within_s: Nine in ten first clauses were there by then.
    """

    within_s: float


@dataclass(frozen=True, slots=True)
class Judged:
    """The beginning of an answer was judged before it was let through.

    Attributes:
        confidence: Probability that it is right, by a calibration.
        source: What that comes from, ``"logprobs+text"`` or ``"text"``.
        faults: What is wrong with its text, by name.
    """

    confidence: float
    source: str
    faults: tuple[str, ...] = ()


Note = Answering | Step | Spent | Held | Routed | Probable | Expected | Judged


def paid_by(pay: Callable[[float], None]) -> Callable[[Note], None]:
    """Return what takes notes and has the money in them paid."""

    def observe(note: Note) -> None:
        if isinstance(note, Spent):
            pay(note.cost_usd)

    return observe
