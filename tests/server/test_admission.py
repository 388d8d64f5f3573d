"""The registry of calls: room, isolation, and the end."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.carriers.incoming import incoming
from tests.server.running import ANSWER, OFFER, FakeCall
from tests.virtual_time import run_virtual
from voiceserver.carriers.base import Incoming
from voiceserver.errors import BadRequest, Overloaded, SessionEnded
from voiceserver.metrics import Metrics
from voiceserver.overload import SETTLED_S
from voiceserver.server import admission
from voiceserver.server.admission import CallRegistry


def incoming_of(call_id: str) -> Incoming:
    """A call of that id that comes in."""
    given = incoming()
    return replace(given, parts=replace(given.parts, call_id=call_id))


def make(call_id: str) -> FakeCall:
    return FakeCall(incoming_of(call_id))


def count(metrics: Metrics, name: str, **labels: str) -> float:
    return metrics.registry.get_sample_value(f"voiceserver_{name}", labels) or 0.0


async def test_one_calls_bug_does_not_touch_the_others() -> None:
    """It is caught at the session edge, counted and classified."""
    metrics = Metrics()
    async with asyncio.TaskGroup() as group:
        calls = CallRegistry(group, 4, 60, metrics)
        good, _ = await calls.place(make, OFFER)
        await calls.place(make, "late bug")
        await asyncio.sleep(0.01)
        assert len(calls) == 1
        assert calls.hang_up(good, "over")
    assert count(metrics, "faults_total", where="call", kind="ExceptionGroup") == 1
    assert count(metrics, "calls_ended_total", end="failed") == 1
    assert count(metrics, "calls_ended_total", end="ended") == 1


@pytest.mark.parametrize(
    ("offer", "error", "end"),
    [("bad", BadRequest, "refused"), ("bug", ZeroDivisionError, "failed")],
)
async def test_a_failed_offer_leaves_its_place_free(
    offer: str, error: type[Exception], end: str
) -> None:
    """And the error goes to who made the offer."""
    metrics = Metrics()
    async with asyncio.TaskGroup() as group:
        calls = CallRegistry(group, 1, 60, metrics)
        for _ in range(3):
            with pytest.raises(error):
                await calls.place(make, offer)
            await asyncio.sleep(0)
    assert count(metrics, "calls_ended_total", end=end) == 3


async def test_whoever_makes_a_call_is_told_its_end_if_it_comes_to_nothing() -> None:
    """Where it cannot be made, and where its offer is bad."""
    ended: list[str] = []
    async with asyncio.TaskGroup() as group:
        calls = CallRegistry(group, 1, 60, Metrics())

        def noted(call_id: str) -> FakeCall:
            calls.when_ended(call_id, lambda: ended.append(call_id))
            return make(call_id)

        def failing(call_id: str) -> FakeCall:
            noted(call_id)
            raise BadRequest("no such model")

        for made, offer in ((failing, OFFER), (noted, "bad")):
            with pytest.raises(BadRequest):
                await calls.place(made, offer)
            await asyncio.sleep(0)
    assert len(set(ended)) == 2


async def test_an_offer_never_answered_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After ``ANSWER_LIMIT_S``."""
    monkeypatch.setattr(admission, "ANSWER_LIMIT_S", 0.01)
    async with asyncio.TaskGroup() as group:
        calls = CallRegistry(group, 1, 60, Metrics())
        with pytest.raises(SessionEnded, match="in time"):
            await calls.place(make, "slow")


async def test_a_call_whose_client_gave_up_the_request_is_still_held() -> None:
    """It is the call's own deadline that ends it, and no error is lost on the way."""
    async with asyncio.TaskGroup() as group:
        calls = CallRegistry(group, 1, 60, Metrics())
        request = group.create_task(calls.place(make, "slow"))
        await asyncio.sleep(0.01)
        request.cancel()
        await asyncio.wait({request})
        assert len(calls) == 1
        await calls.close("bye", 0.0)
        assert len(calls) == 0


async def test_the_longest_call_is_hung_up() -> None:
    """At ``max_call_s``."""
    placed: list[FakeCall] = []

    def kept(call_id: str) -> FakeCall:
        placed.append(FakeCall(incoming_of(call_id)))
        return placed[0]

    async with asyncio.TaskGroup() as group:
        calls = CallRegistry(group, 1, 0.01, Metrics())
        assert (await calls.place(kept, OFFER))[1] == ANSWER
    assert placed[0].reasons == ["The longest call length is reached."]


async def test_closing_tells_every_call_and_cancels_the_deaf() -> None:
    """Within its limit, and nothing is admitted any more."""
    placed: list[FakeCall] = []

    def kept(call_id: str) -> FakeCall:
        placed.append(FakeCall(incoming_of(call_id)))
        return placed[-1]

    metrics = Metrics()
    async with asyncio.TaskGroup() as group:
        calls = CallRegistry(group, 4, 60, metrics)
        await calls.place(kept, "deaf")
        await calls.place(kept, OFFER)
        await calls.close("bye", 0.02)
        assert [call.reasons for call in placed] == [["bye"], ["bye"]]
        assert all(call.over.is_set() for call in placed)
        with pytest.raises(Overloaded, match="shutting down"):
            await calls.place(kept, OFFER)
    assert count(metrics, "calls_ended_total", end="cancelled") == 1
    assert count(metrics, "calls_ended_total", end="ended") == 1
    assert count(metrics, "calls_refused_total", reason="closing") == 1
    assert count(metrics, "calls") == 0


async def test_one_address_cannot_take_all_lines() -> None:
    """The third call from it is refused, one from elsewhere is taken."""
    async with asyncio.TaskGroup() as group:
        calls = CallRegistry(group, 8, 60, Metrics(), max_calls_from=2)
        for _ in range(2):
            await calls.place(make, OFFER, "10.0.0.1")
        with pytest.raises(Overloaded, match="address"):
            await calls.place(make, OFFER, "10.0.0.1")
        await calls.place(make, OFFER, "10.0.0.2")
        await calls.close("over", 1)


def test_calls_have_settled_some_seconds_after_they_came() -> None:
    """And are counted no more when they are over."""

    async def run() -> None:
        async with asyncio.TaskGroup() as group:
            calls = CallRegistry(group, 4, 60, Metrics())
            first, _ = await calls.place(make, OFFER)
            await asyncio.sleep(SETTLED_S - 1)
            second, _ = await calls.place(make, OFFER)
            assert calls.settled() == (0, 2)
            await asyncio.sleep(1)
            assert calls.settled() == (1, 1)
            calls.hang_up(first, "over")
            await asyncio.sleep(SETTLED_S)
            assert calls.settled() == (1, 0)
            calls.hang_up(second, "over")
            await asyncio.sleep(1)
            assert calls.settled() == (0, 0)

    run_virtual(run())
