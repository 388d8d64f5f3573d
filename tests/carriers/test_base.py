"""The life of a call, whatever carries it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace

import pytest

from tests.carriers.incoming import incoming
from tests.fakes import RecordingDialect
from tests.virtual_time import run_virtual
from voiceserver.carriers.base import (
    BURST,
    MESSAGES_PER_S,
    HeldCall,
    Throttle,
    merged,
)
from voiceserver.commands import CallSettings
from voiceserver.config import Config
from voiceserver.errors import SessionEnded
from voiceserver.reply.playout import Playout
from voiceserver.session.ports import Carrier, Opened, Opening
from voiceserver.voices import Voices


class RecordedDialect:
    """A dialect that is looked at.

    Attributes:
        openings: What calls were opened with.
        dialect: Of the last call.
    """

    def __init__(self) -> None:
        self.openings: list[Opening] = []
        self.dialect = RecordingDialect()

    def open(self, opening: Opening, send: Callable[[str], None]) -> Opened:
        self.openings.append(opening)
        return Opened(self.dialect, CallSettings.starting(opening.config))

    def shown(
        self, config: Config, voices: Voices, session: Mapping[str, object]
    ) -> Mapping[str, object]:
        return session


class ToyCall(HeldCall):
    """A call that reaches nobody and notes what is done to it."""

    def __init__(self, kind: RecordedDialect) -> None:
        self.done: list[str] = []
        self.unreachable = False
        made_of = replace(
            incoming(dialect=kind, address={"line": "7"}), session={"wish": 1}
        )
        super().__init__(made_of, Carrier("toy"), Playout(), self.done.append)

    async def answer(self, offer: str) -> str:
        return offer

    async def _connect(self) -> None:
        if self.unreachable:
            raise SessionEnded("Nobody is there.")

    def _beside(self) -> Sequence[Coroutine[object, object, None]]:
        return (self._until_cancelled("reading"),)

    def _until_goodbye(self) -> Sequence[Coroutine[object, object, None]]:
        return (self._until_cancelled("sending"),)

    async def _goodbye(self) -> None:
        await asyncio.sleep(0.1)
        self.done.append("goodbye")

    async def _close(self) -> None:
        self.done.append("closed")

    async def _until_cancelled(self, what: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.done.append(f"no more {what}")


def held(meanwhile: Callable[[ToyCall], None]) -> tuple[ToyCall, RecordedDialect, str]:
    """Hold a call for a second, do something to it, and see how it ends."""

    async def scenario() -> tuple[ToyCall, RecordedDialect, str]:
        kind = RecordedDialect()
        call = ToyCall(kind)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(call.run())
            await asyncio.sleep(1)
            meanwhile(call)
        return call, kind, running.result()

    return run_virtual(scenario())


def test_a_call_that_is_hung_up_says_goodbye_before_it_closes() -> None:
    """It is read from no more, but sends until the goodbye has left."""
    call, kind, reason = held(lambda call: call.hang_up("Closing time."))
    assert call.done == ["no more reading", "goodbye", "no more sending", "closed"]
    assert reason == "Closing time."
    assert kind.dialect.closed_reasons == ["Closing time."]
    assert kind.dialect.end_codes == ["ended"]


def test_the_first_reason_stands() -> None:
    """What follows from it is no other."""

    def twice(call: ToyCall) -> None:
        call.hang_up("The client has gone.")
        call.hang_up("The connection was closed.")

    assert held(twice)[2] == "The client has gone."


def test_a_call_that_is_cancelled_is_cleaned_up() -> None:
    """There is no time for a goodbye."""

    async def scenario() -> list[str]:
        call = ToyCall(RecordedDialect())
        async with asyncio.TaskGroup() as group:
            running = group.create_task(call.run())
            await asyncio.sleep(1)
            running.cancel()
        return call.done

    done = run_virtual(scenario())
    assert "goodbye" not in done
    assert {"no more reading", "no more sending"} < set(done)
    assert done[-1] == "closed"


def test_a_client_that_is_not_reached_leaves_nothing() -> None:
    """The call is cleaned up as if it had been held."""

    async def scenario() -> list[str]:
        call = ToyCall(RecordedDialect())
        call.unreachable = True
        with pytest.raises(SessionEnded, match="Nobody is there"):
            await call.run()
        return call.done

    assert run_virtual(scenario()) == ["closed"]


def test_the_dialect_is_opened_with_what_came_in() -> None:
    """Where the call came to and what it wants, as they came, and how audio moves."""
    kind = RecordedDialect()
    ToyCall(kind)
    [opening] = kind.openings
    assert (opening.address, opening.session) == ({"line": "7"}, {"wish": 1})
    assert opening.carrier == Carrier("toy", in_events=False)
    assert "echo" in opening.voices.names


def test_messages_beyond_a_burst_are_read_at_a_rate() -> None:
    """1,000 at once after a burst of 400: 600 at 200 a second take 3 s."""
    throttle = Throttle(lambda: 0)
    waits = [throttle.wait_s() for _ in range(1000)]
    assert waits[BURST - 1] == 0
    assert waits[-1] == pytest.approx((1000 - BURST) / MESSAGES_PER_S)


def test_sessions_merge_and_another_type_replaces() -> None:
    """As an update of the session would do it."""
    vad = {"type": "server_vad", "threshold": 0.3}
    below = {"model": "a", "audio": {"input": {"turn_detection": vad}}}
    same = {"audio": {"input": {"turn_detection": {"silence_duration_ms": 300}}}}
    both = merged(below, same)["audio"]["input"]["turn_detection"]
    assert both == {**vad, "silence_duration_ms": 300}
    other = {"audio": {"input": {"turn_detection": {"type": "semantic_vad"}}}}
    turn = merged(below, other)["audio"]["input"]["turn_detection"]
    assert turn == {"type": "semantic_vad"}
    assert below["model"] == "a"
