"""Calls over a WebSocket, in virtual time, with a socket in memory."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np
import pytest

from tests.carriers.incoming import incoming
from tests.fakes import FakeRecogniser, FakeText
from tests.virtual_time import run_virtual
from voiceserver.carriers.websocket.messages import WebSocketCall
from voiceserver.engines.stub import StubText

PCM_RATE = 24_000


class MemorySocket:
    """A socket of a client in the same loop.

    Attributes:
        events: What was sent to the client.
        closed: Code and reason.
        stuck: The client reads nothing.
    """

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.closed: tuple[int, str] | None = None
        self.stuck = False
        self._incoming: asyncio.Queue[str | None] = asyncio.Queue()
        self._more = asyncio.Event()

    async def open(self) -> None:
        pass

    async def receive(self) -> str | None:
        return await self._incoming.get()

    async def send(self, text: str | bytes) -> None:
        if self.stuck:
            await asyncio.Event().wait()
        self.events.append(json.loads(text))
        self._more.set()

    async def close(self, code: int, reason: str) -> None:
        self.closed = (code, reason)

    def ask(self, name: str, **fields: Any) -> None:
        self._incoming.put_nowait(json.dumps({"type": name, **fields}))

    def say(self, duration_s: float, level: float) -> None:
        """Append audio at once."""
        pcm = np.full(round(duration_s * PCM_RATE), level * 32767, "<i2")
        audio = base64.b64encode(pcm.tobytes()).decode()
        self.ask("input_audio_buffer.append", audio=audio)

    def leave(self) -> None:
        self._incoming.put_nowait(None)

    async def until(self, name: str, nth: int = 1) -> dict[str, Any]:
        """Wait for the ``nth`` event of a type."""
        while True:
            found = self.of(name)
            if len(found) >= nth:
                return found[nth - 1]
            self._more.clear()
            async with asyncio.timeout(60):
                await self._more.wait()

    def of(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == name]

    @property
    def names(self) -> list[str]:
        return [event["type"] for event in self.events]

    @property
    def sent_ms(self) -> float:
        """Audio received by the client."""
        deltas = self.of("response.output_audio.delta")
        octets = sum(len(base64.b64decode(event["delta"])) for event in deltas)
        return octets / 2 / PCM_RATE * 1000


Scenario = Callable[[MemorySocket, WebSocketCall], Coroutine[Any, Any, None]]


def played(
    scenario: Scenario, text: Any = None, recogniser: FakeRecogniser | None = None
) -> MemorySocket:
    """Run a call; it ends with the scenario, as if the client left."""

    async def call() -> MemorySocket:
        socket = MemorySocket()
        held = WebSocketCall(incoming(recogniser=recogniser, text=text), socket)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(held.run())
            await scenario(socket, held)
            socket.leave()
            await running
        return socket

    return run_virtual(call())


OFF = {"audio": {"input": {"turn_detection": None}}}


def test_a_spoken_turn_is_answered_with_audio() -> None:
    """All audio of the reply lies between its first words and its end."""

    async def scenario(socket: MemorySocket, _call: WebSocketCall) -> None:
        socket.say(1.0, 0.3)
        socket.say(1.0, 0.0)
        await socket.until("response.done")

    socket = played(scenario)
    names = socket.names
    first = names.index("response.output_audio.delta")
    last = len(names) - 1 - names[::-1].index("response.output_audio.delta")
    assert names.index("response.output_audio_transcript.delta") < first
    assert last < names.index("response.output_audio.done")
    assert socket.sent_ms > 0
    assert "output_audio_buffer.started" not in names
    assert socket.closed == (1000, "The connection was closed.")


def test_manual_commit_takes_all_that_was_appended() -> None:
    """With turn detection off nothing is announced, committed or answered by itself."""

    async def scenario(socket: MemorySocket, _call: WebSocketCall) -> None:
        socket.ask("session.update", session=OFF)
        socket.say(1.0, 0.3)
        socket.say(3.0, 0.0)
        await asyncio.sleep(5)
        assert "input_audio_buffer.committed" not in socket.names
        socket.ask("input_audio_buffer.commit")
        await asyncio.sleep(5)
        assert "response.created" not in socket.names
        socket.ask("response.create", response={"metadata": {"mine": "1"}})
        done = await socket.until("response.done")
        assert done["response"]["metadata"] == {"mine": "1"}

    socket = played(scenario)
    assert "input_audio_buffer.speech_started" not in socket.names
    [completed] = socket.of("conversation.item.input_audio_transcription.completed")
    assert completed["transcript"] == "hello there"


def test_response_asked_for_right_after_the_commit_waits_for_the_words() -> None:
    """Push-to-talk clients send the commit and ``response.create`` in one go."""

    async def scenario(socket: MemorySocket, _call: WebSocketCall) -> None:
        socket.ask("session.update", session=OFF)
        socket.say(1.0, 0.3)
        socket.ask("input_audio_buffer.commit")
        socket.ask("response.create")
        await socket.until("response.done")

    names = played(scenario).names
    completed = "conversation.item.input_audio_transcription.completed"
    assert names.index(completed) < names.index("response.created")
    assert names.count("response.created") == 1


def test_commit_of_nothing_is_refused() -> None:
    """Nothing, or less than 100 ms, or what was cleared."""

    async def scenario(socket: MemorySocket, _call: WebSocketCall) -> None:
        socket.ask("session.update", session=OFF)
        socket.ask("input_audio_buffer.commit", event_id="a")
        socket.say(0.05, 0.3)
        socket.ask("input_audio_buffer.commit", event_id="b")
        socket.say(1, 0.3)
        socket.ask("input_audio_buffer.clear")
        socket.ask("input_audio_buffer.commit", event_id="c")
        await socket.until("error", 3)

    errors = [event["error"] for event in played(scenario).of("error")]
    assert [error["event_id"] for error in errors] == ["a", "b", "c"]
    assert {error["code"] for error in errors} == {"input_audio_buffer_commit_empty"}


def test_speech_interrupts_and_the_client_says_what_was_heard() -> None:
    """The item keeps the words up to there; beyond the audio is an error."""

    async def scenario(socket: MemorySocket, _call: WebSocketCall) -> None:
        socket.say(1.0, 0.3)
        socket.say(1.0, 0.0)
        await socket.until("response.output_audio.delta", 5)
        for _ in range(20):  # the microphone goes on at its pace
            socket.say(0.05, 0.3)
            await asyncio.sleep(0.05)
        done = await socket.until("response.done")
        assert done["response"]["status_details"]["reason"] == "turn_detected"
        item_id = done["response"]["output"][0]["id"]
        where = {"item_id": item_id, "content_index": 0}
        socket.ask("conversation.item.truncate", **where, audio_end_ms=900_000)
        error = await socket.until("error")
        assert error["error"]["param"] == "audio_end_ms"
        socket.ask("conversation.item.truncate", **where, audio_end_ms=500)
        truncated = await socket.until("conversation.item.truncated")
        assert truncated["audio_end_ms"] == 500
        socket.ask("conversation.item.retrieve", item_id=item_id)
        retrieved = await socket.until("conversation.item.retrieved")
        words = retrieved["item"]["content"][0]["transcript"].split()
        assert 1 <= len(words) <= 3

    played(scenario, FakeText(words=60))


def test_truncation_and_then_cancel_is_one_interruption() -> None:
    """pydantic-ai sends both at once; the truncation alone stops the reply."""

    async def scenario(socket: MemorySocket, _call: WebSocketCall) -> None:
        socket.ask("response.create")
        delta = await socket.until("response.output_audio.delta")
        where = {"item_id": delta["item_id"], "content_index": 0}
        socket.ask("conversation.item.truncate", **where, audio_end_ms=100)
        socket.ask("response.cancel")
        done = await socket.until("response.done")
        assert done["response"]["status"] == "cancelled"
        await socket.until("conversation.item.truncated")
        await asyncio.sleep(1)
        assert not socket.of("error")
        socket.ask("response.create")
        await socket.until("response.done", 2)
        socket.ask("response.cancel")
        error = await socket.until("error")
        assert error["error"]["code"] == "response_cancel_not_active"

    played(scenario, FakeText(words=60))


def test_a_long_reply_is_sent_at_most_five_seconds_ahead() -> None:
    """What the client holds is bounded, so an interruption wastes little."""

    async def scenario(socket: MemorySocket, _call: WebSocketCall) -> None:
        socket.ask("response.create")
        await socket.until("response.output_audio.delta")
        await asyncio.sleep(2)
        assert socket.sent_ms <= 2000 + 5000 + 400

    played(scenario, FakeText(words=200))


def test_a_client_that_reads_nothing_is_hung_up() -> None:
    """Its events are dropped, its call ends with a code that says so."""

    async def scenario(socket: MemorySocket, call: WebSocketCall) -> None:
        socket.stuck = True
        for _ in range(800):
            socket.ask("session.update", session={"instructions": "x" * 5000})
        await asyncio.sleep(20)

    socket = played(scenario)
    assert socket.closed == (1008, "The client does not read its events.")


def test_hang_up_tells_the_reason_before_the_close() -> None:
    """As an event, and in the close frame."""

    async def scenario(socket: MemorySocket, call: WebSocketCall) -> None:
        await socket.until("session.created")
        call.hang_up("The server is shutting down.")
        await socket.until("voiceserver.call.ended")
        await asyncio.sleep(1)

    socket = played(scenario)
    assert socket.closed == (1000, "The server is shutting down.")


@pytest.mark.parametrize("text", ["", "{", "[]", "\x00\ufffd", "null", '{"type":1}'])
def test_rubbish_is_refused_and_the_call_goes_on(text: str) -> None:
    """An error event each, then the next request is answered."""

    async def scenario(socket: MemorySocket, _call: WebSocketCall) -> None:
        socket._incoming.put_nowait(text)
        socket.ask("session.update", session={"instructions": "Be brief."})
        await socket.until("session.updated")

    assert len(played(scenario).of("error")) == 1


LOOK = {"type": "function", "name": "look", "parameters": {"type": "object"}}


def test_a_tool_is_called_and_its_result_told() -> None:
    """The whole loop: call, result, second response; the items stand in order."""

    async def scenario(socket: MemorySocket, _call: WebSocketCall) -> None:
        socket.ask("session.update", session={"tools": [LOOK]})
        part = {"type": "input_text", "text": "use the tool"}
        item = {"type": "message", "role": "user", "content": [part]}
        socket.ask("conversation.item.create", item=item)
        socket.ask("response.create")
        done = await socket.until("response.done")
        [call] = done["response"]["output"]
        assert (call["type"], call["name"]) == ("function_call", "look")
        result = {"type": "function_call_output", "call_id": call["call_id"]}
        socket.ask("conversation.item.create", item={**result, "output": "blue"})
        socket.ask("response.create")
        await socket.until("response.done", 2)

    socket = played(scenario, StubText())
    [arguments] = socket.of("response.function_call_arguments.done")
    assert arguments["name"] == "look"
    [said] = socket.of("response.output_audio_transcript.done")
    assert said["transcript"] == "The tool says blue."
    added = [event["item"]["type"] for event in socket.of("conversation.item.added")]
    assert added == ["message", "function_call", "function_call_output", "message"]
    assert len(socket.of("conversation.item.done")) == 4


def test_a_reply_in_text_alone_has_no_audio() -> None:
    """Asked for by one response; the next is heard again."""

    async def scenario(socket: MemorySocket, _call: WebSocketCall) -> None:
        socket.ask("response.create", response={"output_modalities": ["text"]})
        await socket.until("response.done")
        assert socket.sent_ms == 0
        socket.ask("response.create")
        await socket.until("response.done", 2)

    socket = played(scenario)
    [text] = socket.of("response.output_text.done")
    assert text["text"].startswith("w0 w1")
    assert socket.of("response.content_part.added")[0]["part"]["type"] == "text"
    assert socket.sent_ms > 0


def test_a_response_outside_the_conversation_runs_beside_it() -> None:
    """It has its own input, leaves no item, and does not wait for the other."""
    text = FakeText(words=20)

    async def scenario(socket: MemorySocket, _call: WebSocketCall) -> None:
        socket.ask("response.create")
        await socket.until("response.created")
        part = {"type": "input_text", "text": "classify this"}
        item = {"type": "message", "role": "user", "content": [part]}
        aside = {
            "conversation": "none",
            "input": [item],
            "output_modalities": ["text"],
            "metadata": {"topic": "mood"},
            "instructions": "One word.",
        }
        socket.ask("response.create", response=aside)
        await socket.until("response.done", 2)
        socket.ask("response.create")
        await socket.until("response.done", 3)

    socket = played(scenario, text)
    assert "error" not in socket.names
    created = [event["response"] for event in socket.of("response.created")]
    assert [each["conversation_id"] is None for each in created] == [False, True, False]
    assert created[1]["metadata"] == {"topic": "mood"}
    assert [message.text for message in text.requests[1].messages] == ["classify this"]
    assert text.requests[1].instructions == "One word."
    assert len(socket.of("conversation.item.added")) == 2
    done = {event["response"]["id"] for event in socket.of("response.done")}
    assert done == {each["id"] for each in created}


def test_a_response_outside_the_conversation_can_be_cancelled() -> None:
    """By its id; the other goes on."""

    async def scenario(socket: MemorySocket, _call: WebSocketCall) -> None:
        socket.ask("response.create")
        socket.ask("response.create", response={"conversation": "none"})
        aside = await socket.until("response.created", 2)
        aside_id = aside["response"]["id"]
        socket.ask("response.cancel", response_id=aside_id)
        done = await socket.until("response.done")
        assert done["response"]["id"] == aside_id
        assert done["response"]["status"] == "cancelled"
        done = await socket.until("response.done", 2)
        assert done["response"]["status"] == "completed"

    played(scenario)


def test_a_reply_beyond_its_length_is_incomplete() -> None:
    """Its words and audio so far are whole; the reason is told."""

    async def scenario(socket: MemorySocket, _call: WebSocketCall) -> None:
        socket.ask("response.create", response={"max_output_tokens": 3})
        done = (await socket.until("response.done"))["response"]
        assert done["status"] == "incomplete"
        assert done["status_details"]["reason"] == "max_output_tokens"
        [item] = done["output"]
        assert item["status"] == "incomplete"
        assert item["content"][0]["transcript"] == "This is the"

    assert played(scenario, StubText()).sent_ms > 0


IDLE = {"type": "server_vad", "idle_timeout_ms": 5000}


def test_a_silent_user_is_spoken_to_after_the_idle_timeout() -> None:
    """5 s after the reply has sounded, and again 5 s after the next."""

    async def scenario(socket: MemorySocket, _call: WebSocketCall) -> None:
        loop = asyncio.get_running_loop()
        socket.ask(
            "session.update", session={"audio": {"input": {"turn_detection": IDLE}}}
        )
        socket.ask("response.create")
        await socket.until("response.done")
        await socket.until("voiceserver.turn.latency")
        heard_s = loop.time()
        timeout = await socket.until("input_audio_buffer.timeout_triggered")
        assert loop.time() - heard_s == pytest.approx(5, abs=0.01)
        added = socket.of("conversation.item.added")[-1]["item"]
        assert added["id"] == timeout["item_id"]
        await socket.until("response.done", 2)
        await socket.until("input_audio_buffer.timeout_triggered", 2)

    text = FakeText(words=4)
    played(scenario, text)
    assert text.requests[1].messages[-1].role == "system"
