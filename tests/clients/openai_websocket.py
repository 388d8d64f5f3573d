"""openai-python over a WebSocket: all its client events, each server event checked.

Everything that arrives must pass the package's own models in strict mode.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import websockets
from openai import AsyncOpenAI

from tests.clients.setting import ANSWER, HEARD, RATE, REPLY_S, Setting, run, until
from tests.clients.strict import SERVER_EVENTS, faults

TOOL = {
    "type": "function",
    "name": "weather",
    "description": "The weather of a place.",
    "parameters": {
        "type": "object",
        "properties": {"place": {"type": "string"}},
        "required": ["place"],
    },
}
MANUAL = {"type": "realtime", "audio": {"input": {"turn_detection": None}}}
HEARD_EVENT = "conversation.item.input_audio_transcription.completed"
# A turn, its deltas apart.
TURN = [
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.done",
    "conversation.item.input_audio_transcription.delta",
    HEARD_EVENT,
    "response.created",
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
]
# What a WebSocket call has to show; the rest needs WebRTC, telephony or an idle user.
EXPECTED = {
    *("session.created", "session.updated", "error"),
    *("input_audio_buffer." + end for end in ("committed", "cleared")),
    *("input_audio_buffer.speech_" + end for end in ("started", "stopped")),
    *("conversation.item." + end for end in "added done retrieved truncated".split()),
    "conversation.item.deleted",
    "conversation.item.input_audio_transcription.delta",
    "conversation.item.input_audio_transcription.completed",
    *("response.created", "response.done"),
    *("response.output_item." + end for end in ("added", "done")),
    *("response.content_part." + end for end in ("added", "done")),
    *("response.output_audio." + end for end in ("delta", "done")),
    *("response.output_audio_transcript." + end for end in ("delta", "done")),
    *("response.output_text." + end for end in ("delta", "done")),
    *("response.function_call_arguments." + end for end in ("delta", "done")),
}


class Line:
    """A connection, and all that came over it.

    Attributes:
        connection: Of openai-python.
        events: As the package constructs them.
    """

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.events: list[Any] = []
        self.faults: set[str] = set()

    async def read(self) -> None:
        """Take events until the connection is closed."""
        try:
            while True:
                raw = await self.connection.recv_bytes()
                self.faults.update(faults(raw))
                event = self.connection.parse_event(raw)
                if event.type in SERVER_EVENTS:
                    assert type(event) is SERVER_EVENTS[event.type], event
                self.events.append(event)
        except websockets.ConnectionClosed:
            pass

    def of(self, kind: str, since: int = 0) -> list[Any]:
        return [event for event in self.events[since:] if event.type == kind]

    async def next(self, kind: str, since: int, limit_s: float = 20.0) -> Any:
        """The first event of a type after the ``since`` first events."""

        def seen() -> list[str]:
            return [event.type for event in self.events[since:]]

        try:
            found = await until(lambda: self.of(kind, since), kind, limit_s)
        except AssertionError:
            raise AssertionError(f"no {kind} after {seen()[-40:]}") from None
        return found[0]

    @property
    def now(self) -> int:
        return len(self.events)

    async def error(self, send: Any) -> Any:
        """Send what is wrong; return the error, which names the event."""
        since = self.now
        await send
        return (await self.next("error", since)).error


@asynccontextmanager
async def line(setting: Setting) -> AsyncIterator[Line]:
    names = setting.run_lines("openai-python, WebSocket", {"AsyncOpenAI": AsyncOpenAI})
    async with names["connecting"] as connection, asyncio.TaskGroup() as group:
        it = Line(connection)
        reading = group.create_task(it.read())
        yield it
        await connection.close()
        await asyncio.wait({reading}, timeout=5)
        assert reading.done()


async def spoken_turn(setting: Setting, it: Line) -> None:
    """Speech is heard, answered by voice, and interrupted by more speech."""
    send = it.connection

    async def append(pcm: bytes) -> None:
        await send.input_audio_buffer.append(audio=base64.b64encode(pcm).decode())

    created = await it.next("session.created", 0)
    assert created.session.audio.input.turn_detection.interrupt_response is True
    since = it.now
    detection = {"type": "server_vad", "threshold": 0.6}
    await send.session.update(
        session={
            "type": "realtime",
            "instructions": "Be brief.",
            "audio": {"input": {"turn_detection": detection}},
            "tracing": "auto",
        }
    )
    updated = (await it.next("session.updated", since)).session
    assert updated.instructions == "Be brief."
    assert updated.audio.input.turn_detection.threshold == 0.6
    assert updated.audio.input.turn_detection.silence_duration_ms == 500

    spoken = it.now
    await setting.speak(append)
    assert (await it.next(HEARD_EVENT, since)).transcript == HEARD
    said = await it.next("response.output_audio_transcript.done", since)
    assert said.transcript == ANSWER
    done = (await it.next("response.done", since)).response
    assert (done.status, done.output[0].role) == ("completed", "assistant")
    assert done.usage.output_tokens > 0
    audio = b"".join(
        base64.b64decode(delta.delta)
        for delta in it.of("response.output_audio.delta", since)
    )
    assert len(audio) / 2 / RATE == REPLY_S
    check_order([event.type for event in it.events[spoken:]])

    # The reply still plays at the client: speech over it, and truncation.
    since = it.now
    await setting.speak(append)
    await it.next("input_audio_buffer.speech_started", since)
    item = done.output[0].id
    await send.conversation.item.truncate(
        item_id=item, content_index=0, audio_end_ms=1500
    )
    assert (await it.next("conversation.item.truncated", since)).audio_end_ms == 1500
    await send.conversation.item.retrieve(item_id=item)
    kept = (await it.next("conversation.item.retrieved", since)).item
    transcript = kept.content[0].transcript
    assert ANSWER.startswith(transcript)
    assert transcript != ANSWER
    await it.next("response.done", since)


def check_order(kinds: list[str]) -> None:
    """Every event of a turn is there, in the order that clients rely on."""
    deltas = {
        "response.output_audio.delta",
        "response.output_audio_transcript.delta",
    }
    assert deltas <= set(kinds)
    after = TURN.index("response.content_part.added") + 1
    between = kinds[after : -len(TURN) + after]
    assert set(between) == deltas, between
    assert kinds[:after] + kinds[after + len(between) :] == TURN, kinds


async def manual_turn(it: Line) -> None:
    """The client says when the user has finished."""
    send = it.connection
    since = it.now
    await send.session.update(session=MANUAL | {"tools": [TOOL]})
    await it.next("session.updated", since)
    await send.input_audio_buffer.append(audio=base64.b64encode(bytes(9_600)).decode())
    await send.input_audio_buffer.clear()
    await it.next("input_audio_buffer.cleared", since)
    loud = bytes(range(256)) * 75
    await send.input_audio_buffer.append(audio=base64.b64encode(loud).decode())
    await send.input_audio_buffer.commit()
    await it.next("input_audio_buffer.committed", since)
    await it.next(HEARD_EVENT, since)


async def tool_loop(it: Line) -> None:
    """A function is called, its result is told, in text."""
    send = it.connection
    since = it.now
    await say(it, "First of all.", id="item_of_ours", previous_item_id="root")
    added = await it.next("conversation.item.added", since)
    assert (added.item.id, added.previous_item_id) == ("item_of_ours", None)
    await say(it, "Please use the tool.")
    await send.response.create(response={"metadata": {"client": "ours"}})
    created = await it.next("response.created", since)
    assert created.response.metadata == {"client": "ours"}
    call = (await it.next("response.done", since)).response.output[0]
    assert (call.type, call.name) == ("function_call", "weather")
    assert set(json.loads(call.arguments)) == {"place"}
    ended = await it.next("response.function_call_arguments.done", since)
    assert (ended.call_id, ended.arguments) == (call.call_id, call.arguments)
    since = it.now
    await send.conversation.item.create(
        item={
            "type": "function_call_output",
            "call_id": call.call_id,
            "output": "sunny",
        }
    )
    await send.response.create(response={"output_modalities": ["text"]})
    told = await it.next("response.output_text.done", since)
    assert "sunny" in told.text
    await it.next("response.done", since)
    assert not it.of("response.output_audio.delta", since)


async def asides(it: Line) -> None:
    """A response beside the conversation, a deletion, and a long answer cut."""
    send = it.connection
    since = it.now
    await send.response.create(
        response={
            "conversation": "none",
            "output_modalities": ["text"],
            "input": [message("What is this?")],
        }
    )
    aside = (await it.next("response.done", since)).response
    assert aside.output[0].content[0].text == ANSWER
    assert aside.conversation_id is None
    await send.conversation.item.delete(item_id="item_of_ours")
    await it.next("conversation.item.deleted", since)

    since = it.now
    await say(it, "A long answer please.")
    await send.response.create()
    await it.next("response.output_audio.delta", since)
    await send.response.cancel()
    done = (await it.next("response.done", since)).response
    assert (done.status, done.status_details.reason) == (
        "cancelled",
        "client_cancelled",
    )


def message(text: str, **fields: str) -> dict[str, Any]:
    content = [{"type": "input_text", "text": text}]
    return {"type": "message", "role": "user", "content": content, **fields}


async def say(it: Line, text: str, previous_item_id: str = "", **fields: str) -> None:
    after = {"previous_item_id": previous_item_id} if previous_item_id else {}
    item = message(text, **fields)
    await it.connection.conversation.item.create(item=item, **after)


async def mistakes(it: Line) -> None:
    """Each is told with the id of the event, and the call goes on."""
    send = it.connection
    error = await it.error(
        send.conversation.item.delete(item_id="none", event_id="event_7")
    )
    assert (error.code, error.event_id) == ("item_delete_invalid_item_id", "event_7")
    error = await it.error(send.response.cancel())
    assert error.code == "response_cancel_not_active"
    error = await it.error(send.send_raw('{"type": "no.such", "event_id": "e8"}'))
    assert (error.code, error.event_id) == ("unknown_event", "e8")
    error = await it.error(send.send_raw("{"))
    assert error.type == "invalid_request_error"
    error = await it.error(send.input_audio_buffer.append(audio="not base64!"))
    assert error.type == "invalid_request_error"
    picture = {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}
    error = await it.error(
        send.conversation.item.create(
            item={"type": "message", "role": "user", "content": [picture]}
        )
    )
    assert error.code == "unsupported"
    since = it.now
    await say(it, "A long answer please.")
    await send.response.create()
    await it.next("response.created", since)
    error = await it.error(send.response.create(event_id="event_9"))
    assert error.code == "conversation_already_has_active_response"
    assert error.event_id == "event_9"
    await send.response.cancel()
    await it.next("response.done", since)


async def nobody_speaks(setting: Setting) -> None:
    """Five seconds after a reply, without a word, the server asks."""
    async with line(setting) as it:
        idle = {"type": "server_vad", "idle_timeout_ms": 5000}
        session = {"type": "realtime", "audio": {"input": {"turn_detection": idle}}}
        await it.connection.session.update(session=session)
        await it.connection.response.create()
        silence = base64.b64encode(bytes(4_800)).decode()
        for _ in range(round((REPLY_S + 6) * 10)):
            await it.connection.input_audio_buffer.append(audio=silence)
            await asyncio.sleep(0.1)
        await it.next("input_audio_buffer.timeout_triggered", 0)
        await until(lambda: len(it.of("response.created")) == 2, "the question")
    assert not it.faults, "\n".join(sorted(it.faults))


async def dictation(setting: Setting) -> None:
    """A transcription session writes down what is said, and answers nothing."""
    names = setting.run_lines("openai-python, WebSocket", {"AsyncOpenAI": AsyncOpenAI})
    connecting = names["client"].realtime.connect(
        extra_query={"intent": "transcription"}
    )
    async with connecting as connection, asyncio.TaskGroup() as group:
        it = Line(connection)
        group.create_task(it.read())
        created = await it.next("session.created", 0)
        assert created.session.type == "transcription"
        detection = {"type": "server_vad", "silence_duration_ms": 400}
        audio = {"input": {"turn_detection": detection}}
        await connection.session.update(
            session={"type": "transcription", "audio": audio}
        )
        await it.next("session.updated", 0)

        async def append(pcm: bytes) -> None:
            audio = base64.b64encode(pcm).decode()
            await connection.input_audio_buffer.append(audio=audio)

        await setting.speak(append)
        assert (await it.next(HEARD_EVENT, 0)).transcript == HEARD
        assert not it.of("response.created")
        await connection.close()
    assert not it.faults, "\n".join(sorted(it.faults))


async def conversation(setting: Setting) -> None:
    async with line(setting) as it:
        await spoken_turn(setting, it)
        await manual_turn(it)
        await tool_loop(it)
        await asides(it)
        await mistakes(it)
    assert not it.faults, "\n".join(sorted(it.faults))
    missing = EXPECTED - {event.type for event in it.events}
    assert not missing, f"never sent: {sorted(missing)}"


async def main(setting: Setting) -> None:
    async with asyncio.TaskGroup() as group:
        for one in (conversation, dictation, nobody_speaks):
            group.create_task(one(setting))


if __name__ == "__main__":
    run(main)
