"""Which tier is asked first, in virtual time."""

from __future__ import annotations

import pytest

from tests.engines.providers.chain_bench import Bench, run
from voiceserver.budget import Step
from voiceserver.config import RouterConfig, RouterRule
from voiceserver.engines.base import (
    Message,
    TextRequest,
)
from voiceserver.engines.notes import (
    Note,
    Routed,
)
from voiceserver.engines.providers.tiers import Tiers, in_order, router_weights
from voiceserver.routing.router import Router
from voiceserver.tools import Tool, ToolUse

HARD = "what are the main arguments for and against a carbon tax"
EASY = "play some jazz"
WEIGHTS = router_weights()


def tiers(*rules: RouterRule, share: float = 0.3) -> Tiers:
    return Tiers(Router(RouterConfig(share, rule=rules), WEIGHTS))


def bench(*faults: str, share: float = 0.3) -> Bench:
    """Providers ``a``, simple, and ``b``, complex."""
    made = Bench(*faults)
    made.chain._tiers = (tiers(share=share), ["simple", "complex"])
    return made


@pytest.mark.parametrize(("said", "by"), [(EASY, "a"), (HARD, "b")])
def test_a_turn_is_asked_of_its_tier(said: str, by: str) -> None:
    """It is no failover, and the ledger has the reasons."""
    turn = run(bench("ok", "ok").turn(said))
    assert (turn.by, turn.steps) == (by, [])
    [told] = [note for note in turn.notes if isinstance(note, Routed)]
    assert told.tier == ("simple" if by == "a" else "complex")
    assert told.score is not None


def test_the_other_tier_takes_over() -> None:
    """A strong model that is away is better replaced than waited for."""
    turn = run(bench("ok", "500").turn(HARD))
    assert (turn.by, turn.steps) == ("a", [Step.NEXT_MODEL])


def test_without_a_share_the_order_is_kept() -> None:
    """As the operator wrote it."""
    turn = run(bench("ok", "ok", share=0).turn(HARD))
    assert turn.by == "a"
    assert not any(isinstance(note, Routed) for note in turn.notes)


def test_providers_of_a_tier_keep_their_order() -> None:
    """The others follow; a tier that nobody has changes nothing."""
    names, of = ["a", "b", "c"], ["simple", "complex", "simple"]
    assert in_order("complex", names, of) == ["b", "a", "c"]
    assert in_order("simple", names, of) == ["a", "c", "b"]
    assert in_order("", names, of) == names
    assert in_order("complex", names, ["simple"] * 3) == names


def test_a_conversation_is_followed() -> None:
    """Over the answers between; what was escalated stays with the strong one."""
    decides, notes = tiers(), list[Note]()
    first = TextRequest((Message("user", "what is the tallest mountain"),))
    assert decides.decide(first).tier == "simple"
    decides.escalated(first)
    later = (
        *first.messages,
        Message("assistant", "Everest."),
        Message("user", "and how tall is it"),
    )
    again = decides.decide(TextRequest(later, observe=notes.append))
    assert again.tier == "complex"
    assert notes == [Routed("complex", ("escalated before",), 1.0)]


def test_functions_on_offer_are_counted_unless_switched_off() -> None:
    """And nothing said at all is no error."""
    use = ToolUse((Tool("f", "", {}),))
    question = tiers()._question(TextRequest((Message("user", EASY),), tools=use))
    assert question.tools == 1
    off = ToolUse(use.tools, "none")
    question = tiers()._question(TextRequest((Message("user", EASY),), tools=off))
    assert question.tools == 0
    assert tiers().decide(TextRequest(())).tier == "simple"


def test_what_is_remembered_is_bounded() -> None:
    """The oldest is forgotten."""
    decides = tiers()
    for n in range(5000):
        decides.escalated(TextRequest((Message("user", str(n)),)))
    assert len(decides._escalated) == 4096
