"""Which tier of text providers is asked first for a turn: the router's word, told.

Makes of a request what the router decides about, and of its decision an order: the
providers of the tier as the operator ordered them, then the others, which take over
where those cannot answer. What was escalated is remembered by a hash of the words, for
as long as a conversation may go on with it. Knows nothing of how providers are asked.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from voiceserver.engines.base import Message, TextRequest
from voiceserver.engines.notes import Routed
from voiceserver.errors import EngineFailed
from voiceserver.routing.router import Decision, Router
from voiceserver.routing.score import RouterWeights, read_weights
from voiceserver.routing.turns import LOOKED_BACK, Question, Turn

WEIGHTS = "models/router/router.json"
REMEMBERED = 4096  # escalated turns, of all calls

T = TypeVar("T")


class Tiers:
    """Orders providers for each request.

    Args:
        router: Decides.
    """

    def __init__(self, router: Router) -> None:
        self._router = router
        self._escalated: OrderedDict[int, None] = OrderedDict()

    def decide(self, request: TextRequest) -> Decision:
        """Decide about a request, and tell its ledger."""
        decision = self._router.decide(self._question(request))
        if decision.tier:
            request.observe(Routed(decision.tier, decision.reasons, decision.score))
        return decision

    def escalated(self, request: TextRequest) -> None:
        """The first answer to it was not believed: its topic needs a stronger one."""
        self._escalated[_key(_said(request.messages))] = None
        if len(self._escalated) > REMEMBERED:
            self._escalated.popitem(last=False)

    def _question(self, request: TextRequest) -> Question:
        said = _said(request.messages)
        texts = said[-1 - LOOKED_BACK :]
        n = len(said) - len(texts)
        turns = [
            Turn(text, _key(said[: n + at + 1]) in self._escalated)
            for at, text in enumerate(texts)
        ] or [Turn("")]
        tools = len(request.tools.tools) if request.tools.choice != "none" else 0
        return Question(turns[-1], tuple(turns[:-1]), tools, request.route)


def in_order(tier: str, providers: Sequence[T], tiers: Sequence[str]) -> Sequence[T]:
    """Those of a tier first, each as they were ordered; ``""`` leaves the order.

    Args:
        tier: ``"simple"``, ``"complex"`` or ``""``.
        providers: In order of preference.
        tiers: Of each.
    """
    if tier not in tiers:
        return providers
    pairs = [*zip(providers, tiers, strict=True)]
    return [
        *(each for each, of in pairs if of == tier),
        *(each for each, of in pairs if of != tier),
    ]


def router_weights() -> RouterWeights:
    """Return the weights that are part of this package, or of its checkout.

    Raises:
        EngineFailed: If they are missing.
        ConfigError: If they are of another version.
    """
    package = Path(__file__).resolve().parents[2]
    for folder in (package, package.parent):
        if (folder / WEIGHTS).is_file():
            return read_weights((folder / WEIGHTS).read_text("utf-8"))
    raise EngineFailed("router", f"{WEIGHTS} is missing: install the package again")


def _said(messages: Sequence[Message]) -> list[str]:
    """What the user said, oldest first."""
    return [message.text for message in messages if message.role == "user"]


def _key(said: Sequence[str]) -> int:
    """Of a turn and the one before it: history may be cut further back."""
    return hash(tuple(said[-2:]))
