"""A cheap model's answer that is not believed, in virtual time."""

from __future__ import annotations

import asyncio

import pytest

from tests.engines.providers.chain_bench import Bench, run
from voiceserver.budget import Step
from voiceserver.config import RouterConfig
from voiceserver.engines.base import Message, TextRequest
from voiceserver.engines.gate.calibration import Calibration, Isotonic
from voiceserver.engines.gate.gate import Gate
from voiceserver.engines.notes import Judged
from voiceserver.engines.providers.tiers import Tiers, router_weights
from voiceserver.engines.watch.drift import Answered
from voiceserver.engines.watch.watch import Watch
from voiceserver.routing.router import Router

MAP = Isotonic((-3.0, 0.0), (0.1, 0.9))
CALIBRATION = Calibration("a", "ok", {"logprobs+text": MAP, "text": MAP})
EASY = "is the light on"
CHEAP = ("It ", "is ", "ni", "ne ", "in ", "the ", "mor", "ning ", "now, ", "friend.")
LIMIT_S = 1.5


def bench(logprob: float | None, *faults: str, gap_s: float = 0.01) -> Bench:
    """Providers ``a``, simple and judged, and the others, complex."""
    made = Bench("ok", *faults)
    cheap = made.transport.services["a"]
    cheap.deltas, cheap.logprob, cheap.gap_s = CHEAP, logprob, gap_s
    router = Router(RouterConfig(0.2), router_weights())
    tiers = ["simple", *["complex"] * len(faults)]
    made.chain._tiers = (Tiers(router), tiers)
    made.chain._gate = Gate(0.5, {"a": CALIBRATION}, LIMIT_S)
    return made


def judged(turn_notes: list[object]) -> Judged:
    [note] = [note for note in turn_notes if isinstance(note, Judged)]
    return note


def test_an_answer_that_is_believed_is_said() -> None:
    """It costs the tokens that it is judged by: at 10 ms each, 90 ms at most."""
    gated = run(bench(-0.1, "ok").turn(EASY))
    assert gated.by == "a" and gated.text == "".join(CHEAP)
    assert judged([*gated.notes]).source == "logprobs+text"
    free = bench(-0.1, "ok")
    free.chain._gate = None
    assert gated.took_s - run(free.turn(EASY)).took_s <= 0.09


def test_one_that_is_not_is_never_heard() -> None:
    """The strong model's is, whole; what the cheap one cost is waste."""
    made = bench(-2.9, "ok")
    turn = run(made.turn(EASY))
    assert turn.by == "b" and not turn.text.startswith("It")
    assert turn.steps == [Step.ESCALATED]
    assert turn.spent.tokens_wasted > 0
    assert made.transport.open == 0
    assert all(route.running == 0 for route in made.routes.values())


@pytest.mark.parametrize("fault", ["500", "hang", "stall:0", "slow:1400", "empty"])
def test_where_the_strong_one_cannot_the_answer_is_said_after_all(fault: str) -> None:
    """Within the time that is left; it is judged, and that is told."""
    made = bench(-2.9, fault)
    turn = run(made.turn(EASY))
    assert turn.by == "a" and turn.text == "".join(CHEAP)
    assert Step.ESCALATED not in turn.steps
    assert turn.took_s <= LIMIT_S + 0.01
    assert judged([*turn.notes]).confidence < 0.5
    assert made.transport.open == 0
    assert all(route.running == 0 for route in made.routes.values())


def test_without_log_probabilities_its_text_is_judged() -> None:
    """A plain one is said at once."""
    turn = run(bench(None, "ok").turn(EASY))
    assert turn.by == "a" and judged([*turn.notes]).source == "text"


def test_a_topic_that_was_escalated_stays_with_the_strong_one() -> None:
    """The next turn of it is asked there at once."""
    made = bench(-2.9, "ok")
    run(made.turn(EASY))
    assert made.chain._tiers is not None
    told = (
        Message("user", EASY),
        Message("assistant", "Yes."),
        Message("user", "and is that one"),
    )
    decided = made.chain._tiers[0].decide(TextRequest(told))
    assert decided.reasons == ("escalated before",)


async def interrupted(made: Bench) -> None:
    """Ask, and be cancelled in the midst of it; of virtual time."""
    task = asyncio.ensure_future(made.turn(EASY))
    await asyncio.sleep(0.6)
    task.cancel()
    await asyncio.wait({task})


def test_a_caller_who_speaks_meanwhile_leaves_nothing_open() -> None:
    """Both answers are closed when the turn is cancelled in the midst of asking."""
    made = bench(-2.9, "hang")

    run(interrupted(made))
    assert made.transport.open == 0
    assert all(route.running == 0 for route in made.routes.values())


def watched(made: Bench) -> list[tuple[str, Answered]]:
    """Have it observed how answers go; return where that is noted."""
    seen: list[tuple[str, Answered]] = []
    watch = Watch(made.metrics, lambda: asyncio.get_running_loop().time())
    watch.observe = lambda *one: seen.append(one)  # type: ignore[method-assign]
    made.chain._watch = watch
    return seen


@pytest.mark.parametrize("deltas", [CHEAP, ("It is nine.",)])
def test_confidence_and_escalations_are_watched(deltas: tuple[str, ...]) -> None:
    """Once for each asking, though a short answer is over before it is judged."""
    for logprob, escalated in ((-0.1, False), (-2.9, True)):
        made = bench(logprob, "ok")
        made.transport.services["a"].deltas = deltas
        seen = watched(made)
        run(made.turn(EASY))
        told = dict(seen)
        assert len(seen) == len(told) == 1 + escalated
        assert told["a"].confidence is not None
        assert (told["a"].confidence < 0.5) is told["a"].escalated is escalated
        if escalated:
            assert told["b"].confidence is None and not told["b"].escalated


def test_a_turn_given_up_while_it_is_judged_is_watched_too() -> None:
    """Its first words came in time, whoever spoke meanwhile."""
    made = bench(-2.9, "hang")
    seen = watched(made)

    run(interrupted(made))
    [(name, answer)] = seen
    assert name == "a" and answer.first_ms is not None and not answer.escalated
