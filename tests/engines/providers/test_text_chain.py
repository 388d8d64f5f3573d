"""Several text providers as one, in virtual time: failover, breakers, hedging, cost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import pytest

from tests.chat_faults import TEXT, ChatService, Head
from tests.engines.providers.chain_bench import DELTAS, Bench, Turn, run
from voiceserver.budget import Spent, Step
from voiceserver.config import BudgetConfig
from voiceserver.engines.base import Message, TextRequest
from voiceserver.engines.notes import Note
from voiceserver.engines.providers.breaker import BreakerState
from voiceserver.engines.providers.text_chain import Hedges, TextChain
from voiceserver.engines.responder.standby import NOT_ANSWERING

FIRST_S, STALL_S = 0.6, 0.5  # the defaults of the budget
# The first clause takes two deltas.
# Commands of the fake service; what a provider may do before a first clause.
BEFORE = [
    "401",
    "404",
    "429:2",
    "500",
    "503",
    "302",
    "hang",
    "headers-hang",
    "slow:900",
    "think:2000",
    "think-on",
    "stall:0",
    "stall:1",
    "cut:0",
    "cut:1",
    "junk:0",
    "junk:1",
    "huge:0",
    "error:0",
    "empty",
    "nothing",
    "no-choices",
    "html",
    "wrong-model",
    "tool:{broken",
]


def test_the_first_provider_answers() -> None:
    """Order is preference; what it cost is told."""
    bench = Bench("ok", "ok")
    turn = run(bench.turn())
    assert (turn.text, turn.by, turn.steps) == (TEXT, "a", [])
    assert turn.spent == Spent(9, 7, 0, 23e-6)  # as the service says
    value = bench.metrics.registry.get_sample_value
    assert value("voiceserver_tokens_total", {"provider": "a", "kind": "in"}) == 9
    assert value("voiceserver_cost_today_usd") == pytest.approx(23e-6)


@pytest.mark.parametrize("fault", BEFORE)
def test_a_fault_before_the_first_clause_costs_at_most_its_deadline(
    fault: str,
) -> None:
    """Then the next provider answers, whole: first token deadline, or a stall."""
    bench = Bench(fault, "ok")
    turn = run(bench.turn())
    assert (turn.text, turn.by) == (TEXT, "b")
    assert turn.steps == [Step.NEXT_MODEL]
    healthy_s = 0.2 + 2 * 0.02  # to the end of the first clause
    late_s = 0.2 + STALL_S if fault in ("stall:1", "cut:1", "junk:1") else FIRST_S
    assert turn.took_s <= late_s + healthy_s + 0.05
    assert bench.transport.open == 0
    assert bench.routes["a"].running == bench.routes["b"].running == 0


def test_each_call_is_told_as_it_ends() -> None:
    """Who, how it went, how long it took and what it cost in tokens."""
    turn = run(Bench("hang", "ok").turn())
    failed, good = turn.calls
    assert (failed.provider, failed.outcome, failed.fault) == ("a", "failed", "late")
    assert failed.took_s == pytest.approx(FIRST_S, abs=0.01)
    assert failed.first_s is None
    assert (good.provider, good.outcome, good.fault) == ("b", "done", "")
    assert good.first_s is not None and 0.1 < good.first_s < good.took_s
    assert (good.tokens_in, good.tokens_out) == (9, 7)


@pytest.mark.parametrize("fault", ["stall:3", "cut:3", "junk:3", "error:3", "no-done"])
def test_a_begun_answer_is_never_continued_by_another(fault: str) -> None:
    """0 spliced answers: what was said is a beginning of one provider's."""
    bench = Bench(fault, "ok")
    turn = run(bench.turn())
    assert turn.by == "a" and turn.error
    assert TEXT.startswith(turn.text) and turn.text
    assert bench.transport.asked == [fault]


def test_a_hang_is_paid_for_only_until_the_breaker_opens() -> None:
    """Three times the first-token deadline, then nothing."""
    bench = Bench("hang", "ok")
    took = [turn.took_s for turn in run(bench.turns(6))]
    assert all(s <= FIRST_S + 0.29 for s in took[:3])
    assert all(s <= 0.29 for s in took[3:])
    assert bench.routes["a"].breaker.state is BreakerState.OPEN


def test_slow_beginnings_open_the_breaker_though_they_succeed() -> None:
    """500 of 600 ms, six times in ten."""
    bench = Bench("slow:500", "ok")
    turns = run(bench.turns(11))
    assert [turn.by for turn in turns] == ["a"] * 10 + ["b"]


def test_answers_that_break_off_open_the_breaker() -> None:
    """A success is counted at a clean end only."""
    bench = Bench("cut:3", "ok")
    assert [turn.by for turn in run(bench.turns(4))] == ["a", "a", "a", "b"]


@pytest.mark.parametrize(
    ("fault", "state"),
    [("401", BreakerState.MISCONFIGURED), ("wrong-model", BreakerState.MISMATCH)],
)
def test_what_cannot_mend_itself_is_asked_once(fault: str, state: BreakerState) -> None:
    """Key, address and pin: no retry."""
    bench = Bench(fault, "ok")
    run(bench.turns(3))
    assert bench.transport.asked.count(fault) == 1
    assert bench.routes["a"].breaker.state is state
    labels = {"slot": "text", "provider": "a", "state": state.value}
    value = bench.metrics.registry.get_sample_value
    assert value("voiceserver_breaker_state", labels) == 1


def test_all_fail_and_the_responder_says_so() -> None:
    """In one line, at once; what it can answer it answers."""
    bench = Bench("500", "hang")
    first = run(bench.turn())
    assert (first.text, first.by) == (NOT_ANSWERING, "responder")
    assert first.steps == [Step.RESPONDER]
    assert run(bench.turn("what is two plus three")).text == "2 plus 3 is 5."


def test_without_a_last_resort_the_failure_is_told() -> None:
    """Of the last that was asked."""
    bench = Bench("500")
    bench.chain = TextChain(bench.chain._routes, None, Hedges(0))
    assert "a: has a fault" in run(bench.turn()).error


def test_one_clients_refused_requests_leave_others_their_provider() -> None:
    """They go to the next provider; the first is asked again by everybody."""
    bench = Bench("ok", "ok")
    service = bench.transport.services["a"]

    async def scenario() -> list[str]:
        async with bench.chain:
            service.fault = "400"
            by = [(await bench.turn()).by for _ in range(2)]
            service.fault = ""
            return [*by, (await bench.turn()).by]

    assert run(scenario()) == ["b", "b", "a"]


def test_an_answer_of_one_clause_is_no_waste() -> None:
    """It is over before it is committed to; its tokens were heard all the same."""
    bench = Bench("ok")
    notes: list[Note] = []

    async def scenario() -> None:
        ask = TextRequest((Message("user", "hi"),), observe=notes.append)
        async with bench.chain, aclosing(bench.chain.reply(ask)) as words:
            async for _ in words:
                pass

    bench.transport.services["a"].deltas = ("Yes.",)
    run(scenario())
    [spent] = [note for note in notes if isinstance(note, Spent)]
    assert spent.tokens_wasted == 0 and spent.tokens_out > 0


def test_no_clause_of_what_is_read_is_waited_for() -> None:
    """Its first word is enough to commit to."""
    bench = Bench("ok")
    bench.transport.services["a"] = ChatService(gap_s=0.4, deltas=("So ", "it ", "is"))

    async def scenario() -> float:
        ask = TextRequest((Message("user", "hi"),), read=True)
        began_s = asyncio.get_running_loop().time()
        async with bench.chain, aclosing(bench.chain.reply(ask)) as words:
            await anext(words)
            return asyncio.get_running_loop().time() - began_s

    assert run(scenario()) < 0.9


@pytest.mark.parametrize(("tight", "most_s"), [(False, 1.2), (True, 0.7)])
def test_a_short_clause_is_enough_where_time_is_short(
    tight: bool, most_s: float
) -> None:
    """A "Yes," is given on at once, not held until a longer clause is there."""
    bench = Bench("ok")
    deltas = ("Yes, ", "the ", "kitchen ", "light ", "is ", "on.")
    bench.transport.services["a"] = ChatService(0.2, 0.15, deltas)

    async def scenario() -> float:
        ask = TextRequest((Message("user", "hi"),), tight=tight)
        began_s = asyncio.get_running_loop().time()
        async with bench.chain, aclosing(bench.chain.reply(ask)) as words:
            await anext(words)
            took_s = asyncio.get_running_loop().time() - began_s
            assert "".join([str(word) async for word in words]).endswith("on.")
            return took_s

    assert run(scenario()) < most_s


def test_a_full_provider_is_passed_over() -> None:
    """``max_concurrency`` answers at a time; a third turn goes to the next."""
    bench = Bench("ok", "ok")
    bench.routes["a"].limits = type(bench.routes["a"].limits)(0.6, 0.5, 2)

    async def scenario() -> list[str]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(bench.turn()) for _ in range(3)]
        return sorted(task.result().by for task in tasks)

    assert run(scenario()) == ["a", "a", "b"]


def test_a_turn_given_up_counts_for_and_against_nobody() -> None:
    """A barge-in is no fault; the tokens were paid for all the same."""
    bench = Bench("ok")
    notes: list[Note] = []

    async def scenario() -> None:
        request = TextRequest((Message("user", "x"),), observe=notes.append)
        async with aclosing(bench.chain.reply(request)) as words:
            await anext(words)

    run(scenario())
    assert bench.routes["a"].running == 0 and bench.transport.open == 0
    [spent] = [note for note in notes if isinstance(note, Spent)]
    assert spent.tokens_wasted == 0 and spent.tokens_out > 0
    calls = {"slot": "text", "provider": "a", "end": "given_up"}
    value = bench.metrics.registry.get_sample_value
    assert value("voiceserver_provider_calls_total", calls) == 1


def test_a_caller_that_gives_up_on_a_stall_counts_it() -> None:
    """The stage's own limit may fall first."""
    bench = Bench("stall:3")

    async def scenario() -> None:
        request = TextRequest((Message("user", "x"),))
        words = bench.chain.reply(request)
        try:
            async with asyncio.timeout(0.2 + 3 * 0.02 + 1.99):
                async for _ in words:
                    pass
        except TimeoutError:
            await words.aclose()

    run(scenario())
    calls = {"slot": "text", "provider": "a", "end": "failed"}
    value = bench.metrics.registry.get_sample_value
    assert value("voiceserver_provider_calls_total", calls) == 1


HEDGED = BudgetConfig(hedge=True, hedge_share=0.1)


def test_a_hedge_asks_another_provider_and_counts_the_waste() -> None:
    """After nine in ten of the first's times; the loser counts as slow."""
    bench = Bench("ok", "ok", budget=HEDGED)

    async def scenario() -> Turn:
        await bench.turns(12)
        bench.transport.services["a"].first_s = 5.0
        return await bench.turn()

    turn = run(scenario())
    assert (turn.text, turn.by) == (TEXT, "b")
    assert Step.HEDGE in turn.steps
    assert turn.took_s == pytest.approx(0.2 + 0.2 + 0.04, abs=0.05)
    assert turn.spent.tokens_wasted > 0
    assert bench.routes["a"].breaker._begins[-1] is True


def test_hedges_are_at_most_a_tenth_of_the_turns() -> None:
    """Whatever the first does."""
    bench = Bench("ok", "ok", budget=HEDGED)

    async def scenario() -> int:
        await bench.turns(12)
        bench.transport.services["a"].first_s = 0.42  # slow, not beyond its limit
        turns = await bench.turns(60)
        return sum(Step.HEDGE in turn.steps for turn in turns)

    assert run(scenario()) <= 0.1 * 72 + 1


def test_without_hedging_nobody_is_asked_twice() -> None:
    """The default: it costs tokens."""
    bench = Bench("ok", "ok")

    async def scenario() -> list[str]:
        await bench.turns(12)
        bench.transport.services["a"].first_s = 0.5
        await bench.turn()
        return bench.transport.asked

    assert run(scenario()) == ["ok"] * 13


def test_a_drained_provider_is_not_asked_until_it_is_restored() -> None:
    """Nor probed; by the operator's word alone it comes back."""

    async def scenario() -> None:
        bench = Bench("ok", "ok")
        async with bench.chain:
            bench.routes["a"].drain(True)
            assert (await bench.turn()).by == "b"
            await asyncio.sleep(300)
            assert bench.routes["a"].state == "drained"
            assert (await bench.turn()).by == "b"
            bench.routes["a"].drain(False)
            assert (await bench.turn()).by == "a"

    run(scenario())


@pytest.mark.parametrize("fault", ["hang", "headers-hang"])
def test_who_is_given_up_before_a_word_is_booked(fault: str) -> None:
    """It reads what it was sent, and charges for it; as wasted, nobody heard it."""
    bench = Bench(fault, "ok")
    turn = run(bench.turn())
    value = bench.metrics.registry.get_sample_value
    given_up = {"provider": "a", "kind": "wasted"}
    assert (value("voiceserver_tokens_total", given_up) or 0) > 20
    assert turn.spent.tokens_wasted > 20
    assert (value("voiceserver_cost_usd_total", {"provider": "a"}) or 0) > 0


@pytest.mark.parametrize("fault", ["401", "500", "429:2"])
def test_who_refuses_charges_nothing(fault: str) -> None:
    """Nor is anything booked."""
    bench = Bench(fault, "ok")
    turn = run(bench.turn())
    assert turn.spent.tokens_wasted == 0


@pytest.mark.parametrize("fault", ["tool:{broken", "empty"])
def test_what_a_request_brings_about_closes_nobody_out(fault: str) -> None:
    """A client can have a model answer with nothing, or with broken calls."""
    bench = Bench("ok")

    async def scenario() -> Turn:
        async with bench.chain:
            bench.transport.services["a"].fault = fault
            await bench.turns(2)
            bench.transport.services["a"].fault = ""
            return await bench.turn()

    assert run(scenario()).by == "a"
    assert bench.routes["a"].breaker.state is BreakerState.CLOSED


class Choosy(ChatService):
    """Answers 404 to what is said in turns, and 200 to a probe."""

    async def answer(
        self, body: dict[str, Any], key: str = ""
    ) -> AsyncGenerator[Head | bytes, None]:
        said = body["messages"][-1]["content"]
        self.fault = "404" if said.startswith("no ") else ""
        async with aclosing(super().answer(body, key)) as parts:
            async for part in parts:
                yield part


def test_a_404_of_one_request_is_put_to_the_proof() -> None:
    """By a probe, while others are answered."""
    bench = Bench("ok")

    async def scenario() -> Turn:
        async with bench.chain:
            bench.transport.services["a"] = Choosy(deltas=DELTAS)
            refused = await bench.turn("no such function")
            assert refused.by == "responder"
            await asyncio.sleep(1)
            return await bench.turn()

    assert run(scenario()).by == "a"
    assert bench.routes["a"].breaker.state is BreakerState.CLOSED


def test_a_404_of_every_request_is_found_out() -> None:
    """The probe gets it too."""
    bench = Bench("404", "ok")

    async def scenario() -> None:
        async with bench.chain:
            await bench.turn()
            await asyncio.sleep(1)

    run(scenario())
    assert bench.routes["a"].breaker.state is BreakerState.OPEN
