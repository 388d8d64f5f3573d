"""Which tier is asked first, in virtual time."""

from __future__ import annotations

import pytest

from tests.engines.providers.chain_bench import Bench, run
from voiceserver.budget import Step
from voiceserver.config import RouterConfig, RouterRule
from voiceserver.engines.base import Message, TextRequest
from voiceserver.engines.notes import Note, Routed
from voiceserver.engines.providers.tiers import Tiers, in_order, router_weights
from voiceserver.purse import Cap, Thrift
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


CARE = RouterRule("complex", "care", topic="medical")
ASKS = "is it safe to take ten ibuprofen at once"


def ruled(*faults: str, rule: RouterRule = CARE) -> Bench:
    """As ``bench``, and a rule that only ``b`` may answer about health."""
    made = Bench(*faults)
    made.chain._tiers = (tiers(rule, share=0), ["simple", "complex"])
    return made


@pytest.mark.parametrize("fault", ["500", "hang", "empty"])
def test_what_only_the_strong_tier_may_answer_it_alone_answers(fault: str) -> None:
    """Where it is away the responder says so; the cheap one is not asked."""
    made = ruled("ok", fault)
    assert run(ruled("ok", "ok").turn(ASKS)).by == "b"
    turn = run(made.turn(ASKS))
    assert (turn.by, turn.steps) == ("responder", [Step.RESPONDER])
    assert "not answering just now" in turn.text
    assert made.transport.asked == [fault]


@pytest.mark.parametrize(
    ("thrift", "by"), [(Thrift.CHEAP, "b"), (Thrift.FREE, "responder")]
)
def test_short_money_gives_it_to_no_cheap_model(thrift: Thrift, by: str) -> None:
    """Near a cap the strong one is kept for it, at the cap nobody is paid."""
    made = ruled("ok", "ok")
    assert run(made.turn(ASKS, thrift=thrift)).by == by
    other = run(made.turn(EASY, thrift=Thrift.CHEAP))
    assert other.by == "a", "what no rule is about is saved on"


def test_near_the_cap_of_a_day_the_strong_one_is_kept_for_it() -> None:
    """The day's money is no other money than the call's."""
    made = ruled("ok", "ok")
    made.costs._account("").cap = Cap(1.0, 0.5)
    made.costs.pay("", 0.6)
    assert run(made.turn(ASKS)).by == "b"
    made.costs.pay("", 0.5)
    assert run(made.turn(ASKS)).by == "responder"


def test_a_rule_may_have_words_for_when_nobody_may_answer() -> None:
    """And a function that hands over; both say so in the ledger."""
    rule = RouterRule(
        "complex", "care", topic="medical", say="Ask a pharmacist.", tool="transfer"
    )
    use = ToolUse((Tool("transfer", "", {}),))
    turn = run(ruled("ok", "ok", rule=rule).turn(ASKS, tools=use))
    assert (turn.by, turn.asked_for) == ("b", [])
    turn = run(ruled("ok", "500", rule=rule).turn(ASKS, tools=use))
    assert (turn.by, turn.text) == ("rule", "Ask a pharmacist.")
    assert turn.asked_for == ["transfer"] and turn.steps == [Step.RESPONDER]
    told = [note for note in turn.notes if isinstance(note, Routed)][-1]
    assert (told.tier, told.reasons) == ("complex", ("rule: care",))


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
