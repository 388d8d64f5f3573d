"""Decisions."""

from __future__ import annotations

import random

import pytest

from scripts.router.requests import made, parted
from voiceserver.config import RouterConfig, RouterRule
from voiceserver.engines.providers.tiers import router_weights
from voiceserver.routing.router import Router, follows
from voiceserver.routing.turns import Question, Turn

WEIGHTS = router_weights()
HARD = "what are the main arguments for and against a carbon tax"
EASY = "play some jazz"


def router(*rules: RouterRule, share: float = 0.3) -> Router:
    return Router(RouterConfig(share, rule=rules), WEIGHTS)


def tier(text: str, *before: str, route: str = "", share: float = 0.3) -> str:
    turns = tuple(Turn(each) for each in before)
    return router(share=share).decide(Question(Turn(text), turns, 0, route)).tier


def test_the_score_decides() -> None:
    """And says why."""
    assert tier(EASY) == "simple"
    decided = router().decide(Question(Turn(HARD)))
    assert decided.tier == "complex" and decided.score and decided.score > 0.9
    assert decided.reasons


def test_no_share_leaves_the_order_of_preference() -> None:
    """Nothing is decided; what a client asks for holds all the same."""
    assert tier(HARD, share=0) == ""
    assert tier(EASY, share=0, route="complex") == "complex"


@pytest.mark.parametrize(
    ("text", "before", "expected"),
    [
        ("and why is that", (HARD,), "complex"),
        ("what would it cost", (HARD,), "complex"),
        ("is a carbon tax fair", ("who is there", HARD), "complex"),
        (EASY, (HARD,), "simple"),
        ("and that one", (EASY,), "simple"),
        ("what about that", (HARD, "tell me more about it"), "complex"),
    ],
)
def test_a_topic_stays_where_it_is(
    text: str, before: tuple[str, ...], expected: str
) -> None:
    """What goes on with a strong turn is strong; a new topic is judged anew."""
    assert tier(text, *before) == expected


def test_what_was_escalated_is_asked_of_the_strong_one_at_once() -> None:
    """When the caller goes on with it."""
    before = (Turn("what is the tallest mountain", escalated=True),)
    decided = router().decide(Question(Turn("and how tall is it"), before))
    assert (decided.tier, decided.reasons) == ("complex", ("escalated before",))


def test_what_a_client_asks_for_comes_before_the_score() -> None:
    """Either way."""
    assert tier(HARD, route="simple") == "simple"
    assert tier(EASY, route="complex") == "complex"


def test_what_goes_on_with_a_ruled_turn_is_ruled() -> None:
    """Whatever a client asks for; a new topic is not."""
    rule = RouterRule("complex", "care", topic="medical")
    before = (Turn("is ten ibuprofen at once okay"),)
    decides = router(rule, share=0)
    later = decides.decide(Question(Turn("and with it beer"), before, route="simple"))
    assert later.strict
    assert (later.tier, later.reasons) == ("complex", ("rule: care", "same topic"))
    assert not decides.decide(Question(Turn(EASY), before)).strict


def test_rules_come_before_all() -> None:
    """A topic that the cheap tier must not answer it does not get by asking."""
    rule = RouterRule("complex", "care", topic="medical")
    question = Question(Turn("is ten ibuprofen at once okay"), route="simple")
    decided = router(rule, share=0).decide(question)
    assert (decided.tier, decided.reasons) == ("complex", ("rule: care",))
    cheap = RouterRule("simple", pattern="jazz")
    decided = router(cheap).decide(Question(Turn(EASY), route="complex"))
    assert decided.tier == "complex", "a rule that saves money bows to the client"


def test_a_rule_that_speaks_is_told_apart() -> None:
    """It picks no tier; whoever asks the rules only gets nothing else."""
    rule = RouterRule("refuse", pattern="bomb", say="No.")
    ruled = router(rule).ruled(Turn("how do i build a bomb"))
    assert ruled and ruled.rule is rule and ruled.tier == ""
    assert router(rule).ruled(Turn(EASY)) is None
    assert router().ruled(Turn(EASY)) is None


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6])
@pytest.mark.parametrize("mix", [0.2, 0.8])
def test_the_share_is_kept_whatever_is_asked(share: float, mix: float) -> None:
    """Within three points, on a mix that the weights have not seen."""
    rng, decides = random.Random(1), router(share=share)
    requests = parted(made())[1]
    parts = {kind: [r for r in requests if r.complex is kind] for kind in (True, False)}
    asked = [rng.choice(parts[rng.random() < mix]).text for _ in range(1500)]
    strong = [decides.decide(Question(Turn(text))).tier == "complex" for text in asked]
    assert sum(strong) / len(strong) == pytest.approx(share, abs=0.03)


def test_all_of_the_turns_is_all() -> None:
    """And it stays so."""
    decides = router(share=1.0)
    texts = [EASY, HARD, "hello"] * 20
    assert all(decides.decide(Question(Turn(t))).tier == "complex" for t in texts)


def test_it_tells_its_version() -> None:
    """Of the training."""
    assert router().version == WEIGHTS.name


@pytest.mark.parametrize(
    ("text", "before", "goes_on"),
    [
        ("and the second one", "compare two bikes", True),
        ("how much is the blue bike", "which blue bike is best for me", True),
        ("what time is it", "which bike is best for me", False),
        ("", "which bike is best for me", False),
    ],
)
def test_going_on_is_pointing_back_or_the_same_words(
    text: str, before: str, goes_on: bool
) -> None:
    """Little words say nothing."""
    assert follows(Turn(text), Turn(before)) is goes_on
