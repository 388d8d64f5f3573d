"""Telephone calls over a service's WebSocket, in virtual time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Coroutine
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.carriers.incoming import incoming
from tests.carriers.telephony.service import START, TwilioService
from tests.fakes import FakeText
from tests.virtual_time import run_virtual
from voiceserver.carriers.telephony.attendant import session_at
from voiceserver.carriers.telephony.call import TelephonyCall
from voiceserver.carriers.telephony.messages import Started
from voiceserver.carriers.telephony.services import SERVICES
from voiceserver.commands import Attach
from voiceserver.config import Config, NumberConfig, TelephonyConfig
from voiceserver.engines.base import TextItem, TextRequest
from voiceserver.tools import ToolCall

Scenario = Callable[["TwilioService", "Ears"], Coroutine[Any, Any, None]]


class Ears:
    """A sideband: what the dialect told of the call.

    Attributes:
        events: With their times in seconds.
        call: The call.
    """

    def __init__(self, call: TelephonyCall) -> None:
        self.events: list[tuple[float, dict[str, Any]]] = []
        self.call = call
        self._more = asyncio.Event()
        call.conversation.command(Attach(1, self._told))

    def _told(self, text: str) -> None:
        now_s = asyncio.get_running_loop().time()
        self.events.append((now_s, json.loads(text)))
        self._more.set()

    async def until(self, name: str, n: int = 1) -> dict[str, Any]:
        """The ``n``-th event of that name."""
        while len(found := [e for _, e in self.events if e["type"] == name]) < n:
            self._more.clear()
            async with asyncio.timeout(60):
                await self._more.wait()
        return found[n - 1]

    def at_s(self, name: str, n: int = 1) -> float:
        return [at_s for at_s, each in self.events if each["type"] == name][n - 1]


def phoned(
    scenario: Scenario,
    telephony: TelephonyConfig | None = None,
    words: int = 4,
    leaves: bool = True,
    text: object | None = None,
) -> tuple[TwilioService, Ears]:
    """Run a call; it ends with the scenario, as if the caller hung up."""

    async def call() -> tuple[TwilioService, Ears]:
        service = TwilioService()
        config = replace(Config(), telephony=telephony or TelephonyConfig(greeting=""))
        given = incoming(config, text=text or FakeText(words=words))
        row = SERVICES["twilio"]
        framing = row.framing()
        (started,) = framing.read(json.dumps(START))
        assert isinstance(started, Started)
        number = config.telephony.at(started.called)
        given = replace(given, session=session_at(number))
        held = TelephonyCall(given, service, row, framing, started)
        ears = Ears(held)
        async with asyncio.TaskGroup() as group:
            playing = group.create_task(service.play())
            await held.answer("")
            running = group.create_task(held.run())
            await scenario(service, ears)
            if leaves:
                service.put({"event": "stop"})
            async with asyncio.timeout(60):
                await running
            playing.cancel()
        return service, ears

    return run_virtual(call())


async def turn(service: TwilioService, ears: Ears) -> None:
    await service.tone(1.0, 0.3)
    await service.tone(1.2, 0.0)
    await ears.until("output_audio_buffer.stopped")


def test_a_spoken_turn_is_answered_and_heard_whole() -> None:
    """Four words of 200 ms at the caller's ear, without a gap."""
    service, _ = phoned(turn)
    times_s = [at_s for at_s, _ in service.heard]
    assert np.diff(times_s) == pytest.approx(0.02, abs=0.001)
    assert len(times_s) == pytest.approx(41, abs=1)
    assert np.abs(service.ear[400:6000]).mean() == pytest.approx(0.3, rel=0.1)


def test_the_end_of_the_playing_is_told_by_the_last_mark() -> None:
    """Not when all was sent, which is half a second before."""
    service, ears = phoned(turn)
    stopped_s = ears.at_s("output_audio_buffer.stopped")
    assert stopped_s == pytest.approx(service.heard[-1][0] + 0.02, abs=0.03)
    assert stopped_s - service.events("media")[-1][0] > 0.2


def test_never_more_than_half_a_second_is_ahead() -> None:
    """So that little is thrown away, and a whisper to be softer is heard soon."""

    async def scenario(service: TwilioService, ears: Ears) -> None:
        await service.tone(1.0, 0.3)
        most = 0
        for _ in range(300):
            await service.tone(0.02, 0.0)
            most = max(most, len(service._queue))
        assert 20 <= most <= 40  # 500 ms, 100 ms, and the marks

    phoned(scenario, words=40)


def test_an_interruption_clears_what_the_service_has() -> None:
    """In the same moment; the caller hears nothing more, and what was heard is told."""

    async def scenario(service: TwilioService, ears: Ears) -> None:
        await service.tone(1.0, 0.3)
        await service.tone(2.0, 0.0)
        await service.tone(1.0, 0.3)
        await service.tone(0.1, 0.0)
        cleared = await ears.until("output_audio_buffer.cleared")
        assert cleared

    service, ears = phoned(scenario, words=60)
    ((clear_s, clear),) = service.events("clear")
    assert clear == {"event": "clear", "streamSid": START["streamSid"]}
    assert clear_s == pytest.approx(ears.at_s("output_audio_buffer.cleared"), abs=0.02)
    assert max(at_s for at_s, _ in service.heard) <= clear_s + 0.02
    truncated = next(
        each for _, each in ears.events if each["type"].endswith("item.truncated")
    )
    heard_ms = len(service.heard) * 20
    # Less what is on its way to the ear, as on every line.
    assert heard_ms - 250 < truncated["audio_end_ms"] <= heard_ms


def test_a_service_that_returns_no_marks_holds_up_nothing() -> None:
    """The clock stands in for a mark that is overdue."""

    async def scenario(service: TwilioService, ears: Ears) -> None:
        service.returns_marks = False
        await turn(service, ears)

    service, ears = phoned(scenario)
    late_s = ears.at_s("output_audio_buffer.stopped") - service.heard[-1][0]
    assert 0 < late_s < 3
    assert len(service.heard) == pytest.approx(41, abs=1)


def test_a_forged_mark_says_nothing() -> None:
    """Of another turn, of no turn, or of audio that was never sent."""

    async def scenario(service: TwilioService, ears: Ears) -> None:
        await service.tone(1.0, 0.3)
        await ears.until("output_audio_buffer.started")
        for name in ("", "1", "x.y", "99.480", "1.7", "1.²", "1." + "9" * 400):
            service.put({"event": "mark", "mark": {"name": name}})
        await service.tone(0.3, 0.0)
        await ears.until("output_audio_buffer.stopped")

    service, ears = phoned(scenario)
    assert ears.at_s("output_audio_buffer.stopped") > service.heard[-1][0]


def test_the_number_that_was_called_greets_first() -> None:
    """Its own greeting, before anybody speaks, in the first moment of the call."""
    number = NumberConfig("+1 555 0100", greeting="Pizza palace good evening")
    telephony = TelephonyConfig(number=(NumberConfig("*"), number))

    async def scenario(service: TwilioService, ears: Ears) -> None:
        done = await ears.until("response.output_audio_transcript.done")
        assert done["transcript"] == "Pizza palace good evening"
        await ears.until("output_audio_buffer.stopped")

    service, _ = phoned(scenario, telephony)
    assert service.heard[0][0] < 0.3


def test_a_line_that_falls_silent_ends_a_turn_all_the_same() -> None:
    """No audio comes at all: the clock fills the caller's timeline."""

    async def scenario(service: TwilioService, ears: Ears) -> None:
        await service.tone(1.0, 0.3)
        await ears.until("output_audio_buffer.stopped")

    service, _ = phoned(scenario)
    assert len(service.heard) == pytest.approx(41, abs=1)


@pytest.mark.parametrize(
    ("message", "code", "reason"),
    [
        ("{", 1008, "not JSON"),
        ("[1]", 1008, "not a JSON object"),
        ('{"event":"media","media":{"payload":"%%%"}}', 1008, "not base64"),
        ('{"event":"media","media":{}}', 1008, "media.payload is missing"),
        (json.dumps(START), 1008, "start came twice"),
    ],
)
def test_what_cannot_be_used_ends_the_call_with_a_reason(
    message: str, code: int, reason: str
) -> None:
    """The close frame says what it was."""

    async def scenario(service: TwilioService, _ears: Ears) -> None:
        service.put(message)
        await asyncio.sleep(1)

    service, _ = phoned(scenario, leaves=False)
    assert service.closed is not None
    assert service.closed[0] == code
    assert reason in service.closed[1]


def test_a_caller_who_hangs_up_ends_the_call() -> None:
    """And the service's socket is closed in good order."""

    async def scenario(service: TwilioService, _ears: Ears) -> None:
        await service.tone(0.1, 0.0)

    service, _ = phoned(scenario)
    assert service.closed == (1000, "The caller hung up.")


def test_a_telephone_call_may_have_a_length_of_its_own() -> None:
    """The service is told why."""

    async def scenario(service: TwilioService, _ears: Ears) -> None:
        await asyncio.sleep(61)

    telephony = TelephonyConfig(
        greeting="", max_call_s=60, goodbye="Time is over goodbye"
    )
    service, _ = phoned(scenario, telephony, leaves=False)
    assert service.closed == (
        1000,
        "The longest length of a telephone call is reached.",
    )
    assert len(service.heard) == pytest.approx(41, abs=1)  # the goodbye, whole


def test_a_caller_who_leaves_during_the_goodbye_ends_it() -> None:
    """Nobody talks to a line that is dead."""

    async def scenario(service: TwilioService, ears: Ears) -> None:
        ears.call.hang_up("The server is shutting down.", "closing")
        await ears.until("output_audio_buffer.started")
        service.put({"event": "stop"})
        await asyncio.sleep(0.1)
        assert service.closed == (1000, "The server is shutting down.")

    phoned(scenario, leaves=False)


def test_a_silent_caller_is_asked_twice_and_then_left() -> None:
    """Ten seconds each after what was said last was heard."""

    async def scenario(service: TwilioService, ears: Ears) -> None:
        await turn(service, ears)
        await asyncio.sleep(45)

    telephony = TelephonyConfig(
        greeting="", still_there="Are you still there", goodbye="Good bye"
    )
    service, ears = phoned(scenario, telephony, leaves=False)
    said = [
        each["transcript"]
        for _, each in ears.events
        if each["type"] == "response.output_audio_transcript.done"
    ]
    assert said[1:] == ["Are you still there", "Are you still there", "Good bye"]
    assert service.closed == (1000, "The user has been silent for too long.")
    assert ears.at_s("output_audio_buffer.started", 2) == pytest.approx(
        ears.at_s("output_audio_buffer.stopped", 1) + 10, abs=0.3
    )


def test_keys_interrupt_and_are_answered_as_text() -> None:
    """At the hash; a sideband is told of each."""
    text = FakeText(words=60)

    async def scenario(service: TwilioService, ears: Ears) -> None:
        await service.tone(1.0, 0.3)
        await service.tone(2.0, 0.0)
        service.press("4")
        await asyncio.sleep(0.05)
        assert len(service.events("clear")) == 1
        assert not service._queue
        service.press("2#")
        await ears.until("response.created", 2)
        await asyncio.sleep(1)

    _, ears = phoned(scenario, text=text)
    key = "input_audio_buffer.dtmf_event_received"
    keys = [each["event"] for _, each in ears.events if each["type"] == key]
    assert keys == ["4", "2", "#"]
    assert text.requests[-1].messages[-1].text == "42"


class Hanging(FakeText):
    """Says goodbye and hangs up."""

    async def reply(self, request: TextRequest) -> AsyncGenerator[TextItem, None]:
        assert [tool.name for tool in request.tools.tools] == ["hang_up"]
        yield "Goodbye and thank you."
        yield ToolCall("c1", "hang_up", "{}")


def test_the_model_may_hang_up() -> None:
    """Once the caller has heard its goodbye whole."""

    async def scenario(service: TwilioService, _ears: Ears) -> None:
        await service.tone(1.0, 0.3)
        await service.tone(5.0, 0.0)

    service, ears = phoned(scenario, text=Hanging(), leaves=False)
    assert service.closed == (1000, "The assistant ended the call.")
    assert len(service.heard) == pytest.approx(41, abs=1)
    assert "response.function_call_arguments.done" not in {
        each["type"] for _, each in ears.events
    }


def test_a_caller_who_goes_on_is_not_hung_up_on() -> None:
    """Over the goodbye, with words."""

    async def scenario(service: TwilioService, _ears: Ears) -> None:
        await service.tone(1.0, 0.3)
        await service.tone(0.9, 0.0)
        await service.tone(1.0, 0.3)
        await service.tone(0.4, 0.0)
        assert service.closed is None

    phoned(scenario, text=Hanging())
