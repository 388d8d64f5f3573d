"""pydantic-ai: an agent with a tool in a realtime session.

It updates the session once, when it connects, and waits for ``session.updated``.
"""

from __future__ import annotations

import asyncio
from typing import Any

from pydantic_ai import Agent
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.realtime.openai import OpenAIRealtimeModel

from tests.clients.setting import ANSWER, HEARD, RATE, REPLY_S, Setting, run, until


class Session:
    """A session and what came of it."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.events: list[Any] = []
        self.n_bytes = 0

    async def read(self) -> None:
        async for event in self.session:
            self.events.append(event)

    async def play(self) -> None:
        async for chunk in self.session.stream_audio():
            self.n_bytes += len(chunk)

    def names(self, since: int = 0) -> list[str]:
        return [type(event).__name__ for event in self.events[since:]]

    async def next(self, name: str, since: int = 0) -> None:
        try:
            await until(lambda: name in self.names(since), name)
        except AssertionError:
            raise AssertionError(f"no {name} in {self.names(since)[-30:]}") from None

    def faults(self) -> list[Any]:
        """The errors that came."""
        kind = "RealtimeSessionErrorEvent"
        return [event for event in self.events if type(event).__name__ == kind]

    def spoken(self, speaker: str) -> list[str]:
        """What the history says that somebody said."""
        return [
            part.transcript
            for message in self.session.all_messages()
            for part in message.parts
            if getattr(part, "speaker", "") == speaker
        ]


async def main(setting: Setting) -> None:
    asked: list[str] = []
    names = setting.run_lines(
        "pydantic-ai",
        {"OpenAIProvider": OpenAIProvider, "OpenAIRealtimeModel": OpenAIRealtimeModel},
    )
    agent = Agent(instructions="Be brief.")

    @agent.tool_plain  # type: ignore[untyped-decorator]
    def weather(place: str) -> str:
        """The weather of a place."""
        asked.append(place)
        return "sunny"

    async with agent.realtime(names["model"]).session() as session:
        it = Session(session)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(it.read()), group.create_task(it.play())]
            await conversation(setting, it)
            since = len(it.events)
            await session.send("Please use the tool.")
            await it.next("FunctionToolResultEvent", since)
            await until(lambda: "sunny" in it.spoken("assistant")[-1], "the result")
            assert asked == ["stub"]
            assert not it.faults(), it.faults()
            await it.next("RealtimeTurnCompleteEvent", since)
            await session.commit_audio()
            fault = (await until(it.faults, "the error"))[0]
            assert fault.code == "input_audio_buffer_commit_empty"
            await session.close()
            await asyncio.wait(tasks, timeout=5)
            for task in tasks:
                task.cancel()


async def conversation(setting: Setting, it: Session) -> None:
    """Spoken to, it answers; interrupted, the turn is over."""
    await setting.speak(it.session.send_audio)
    await it.next("RealtimeTurnCompleteEvent")
    assert it.spoken("user") == [HEARD]
    assert it.spoken("assistant") == [ANSWER]
    await until(lambda: it.n_bytes == REPLY_S * RATE * 2, "all of the audio")
    since = len(it.events)
    await it.session.send("A long answer please.")
    played = it.n_bytes
    await until(lambda: it.n_bytes > played + RATE, "the beginning of the answer")
    await it.session.interrupt(played_ms=500)
    await it.next("RealtimeTurnCompleteEvent", since)
    assert "number 40" not in it.spoken("assistant")[-1]
    assert not it.faults(), it.faults()  # the truncation was taken


if __name__ == "__main__":
    run(main)
