"""The end of a call: one that is being said goodbye to, or one by a fault."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes import Call
from tests.virtual_time import run_virtual
from voiceserver.commands import HangUp
from voiceserver.errors import EngineFailed
from voiceserver.metrics import Metrics
from voiceserver.session.leaving import LEAVE_LIMIT_S, Leaving, fault


def test_the_first_reason_holds_and_is_carried_out_in_time() -> None:
    """Whatever still sounds."""

    async def scenario() -> None:
        told: list[HangUp] = []
        leaving = Leaving(told.append)
        leaving.begin(HangUp("first", "limit", "Bye."))
        leaving.begin(HangUp("second", "ended", ""))
        assert leaving.end == HangUp("first", "limit")
        leaving.interrupted()  # it is not about the user
        await asyncio.sleep(LEAVE_LIMIT_S + 1)
        assert told == [HangUp("first", "limit")]

    run_virtual(scenario())


def test_a_user_who_goes_on_is_not_left() -> None:
    """Nor is one whose call is over already."""

    async def scenario() -> None:
        told: list[HangUp] = []
        leaving = Leaving(told.append)
        leaving.begin(HangUp("done", "ended", ""))
        leaving.interrupted()
        assert leaving.end is None
        await asyncio.sleep(LEAVE_LIMIT_S + 1)
        assert not told

    run_virtual(scenario())


def test_a_farewell_is_heard_before_the_call_ends() -> None:
    """Three words of 200 ms; then it ends with its reason."""
    call = Call()

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(call.run([(6, False)]))
            await asyncio.sleep(0.1)
            command = HangUp("too long", "limit", "Goodbye to you")
            call.session.command(command)

    run_virtual(scenario())
    assert len(call.heard) == 30
    assert call.dialect.end_codes == ["limit"]
    assert call.reason == "too long"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (EngineFailed("speech", "gone"), "speech: gone"),
        (ExceptionGroup("", [ExceptionGroup("", [EngineFailed("a", "b")])]), "a: b"),
        (ZeroDivisionError("what was said"), "internal error"),
    ],
)
def test_of_a_fault_the_client_learns_our_own_words_only(
    error: Exception, told: str
) -> None:
    """However deep it comes; it is counted by its kind."""
    metrics = Metrics()
    assert fault(error, "c1", metrics) == HangUp(told, "fault")
    [faults] = metrics.faults.collect()
    counted = [one for one in faults.samples if one.name.endswith("_total")]
    assert [(one.labels["where"], one.value) for one in counted] == [("session", 1.0)]
