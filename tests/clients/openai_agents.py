"""openai-agents: an agent with a tool holds a conversation over a WebSocket."""

from __future__ import annotations

import asyncio
from typing import Any

from agents import function_tool
from agents.realtime import (
    RealtimeAgent,
    RealtimePlaybackTracker,
    RealtimeRunner,
)
from agents.realtime.model_inputs import RealtimeModelSendRawMessage

from tests.clients.setting import ANSWER, HEARD, REPLY_S, Setting, run, until

RAW = "raw_server_event"


class Heard:
    """What came of a session."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    async def read(self, session: Any) -> None:
        async for event in session:
            self.events.append(event)

    def of(self, kind: str, since: int = 0) -> list[Any]:
        return [event for event in self.events[since:] if event.type == kind]

    async def next(self, kind: str, since: int) -> Any:
        def seen() -> list[str]:
            return [event.type for event in self.events[since:]][-30:]

        try:
            return (await until(lambda: self.of(kind, since), kind))[0]
        except AssertionError:
            errors = [str(event.error) for event in self.of("error")]
            raise AssertionError(f"no {kind} after {seen()}, {errors}") from None


def transcripts(session: Any, role: str) -> list[str]:
    """What the history says that somebody said."""
    return [
        part.transcript or getattr(part, "text", None) or ""
        for item in session._history
        if item.type == "message" and item.role == role
        for part in item.content
    ]


async def main(setting: Setting) -> None:
    asked: list[str] = []

    @function_tool  # type: ignore[untyped-decorator]
    def weather(place: str) -> str:
        """The weather of a place."""
        asked.append(place)
        return "sunny"

    agent = RealtimeAgent(name="host", instructions="Be brief.", tools=[weather])
    names = setting.run_lines(
        "openai-agents", {"RealtimeRunner": RealtimeRunner, "agent": agent}
    )
    session = await names["starting"]
    tracker = RealtimePlaybackTracker()
    session._model_config["playback_tracker"] = tracker
    heard = Heard()
    async with session, asyncio.TaskGroup() as group:
        reading = group.create_task(heard.read(session))
        await conversation(setting, session, heard, tracker)
        await update(session, agent.clone(instructions="Be briefer."), heard)
        await session.send_message("Please use the tool.")
        await heard.next("tool_end", 0)
        await until(lambda: any("sunny" in t for t in said(session)), "the result")
        assert asked == ["stub"]
        assert not heard.of("error"), heard.of("error")
        mistake = {"type": "conversation.item.delete", "other_data": {"item_id": "no"}}
        await session.model.send_event(RealtimeModelSendRawMessage(message=mistake))
        assert "item_delete_invalid_item_id" in str(
            (await heard.next("error", 0)).error
        )
        await session.close()
        await asyncio.wait({reading}, timeout=5)
        reading.cancel()


async def update(session: Any, agent: Any, heard: Heard) -> None:
    """New instructions are taken and shown."""

    def shown() -> list[str]:
        raw = [
            e.data.data
            for e in heard.of("raw_model_event", since)
            if e.data.type == RAW
        ]
        updates = [event for event in raw if event["type"] == "session.updated"]
        return [event["session"]["instructions"] for event in updates]

    since = len(heard.events)
    await session.update_agent(agent)
    await until(lambda: "Be briefer." in shown(), "the update of the session")


async def conversation(
    setting: Setting, session: Any, heard: Heard, tracker: Any
) -> None:
    """Spoken to, it answers; spoken over, it stops and the history is cut."""
    await setting.speak(session.send_audio)
    await heard.next("audio_end", 0)
    await heard.next("agent_end", 0)
    assert transcripts(session, "user") == [HEARD]
    assert said(session) == [ANSWER]
    sounds = heard.of("audio")
    assert sum(len(event.audio.data) for event in sounds) == REPLY_S * 48_000
    first = sounds[0]
    tracker.on_play_ms(first.item_id, first.content_index, 1500)
    since = len(heard.events)
    await setting.speak(session.send_audio)
    await heard.next("audio_interrupted", since)
    await heard.next("agent_end", since)
    await until(lambda: said(session)[0] != ANSWER, "the truncation in the history")
    assert ANSWER.startswith(said(session)[0])
    since = len(heard.events)
    await session.send_message("A long answer please.")
    audio = await heard.next("audio", since)
    tracker.on_play_ms(audio.item_id, audio.content_index, 200)
    await session.interrupt()
    await heard.next("agent_end", since)


def said(session: Any) -> list[str]:
    return transcripts(session, "assistant")


if __name__ == "__main__":
    run(main)
