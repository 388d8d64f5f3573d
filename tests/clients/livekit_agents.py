"""LiveKit Agents' RealtimeModel, the strictest client, used as its agents do."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
from livekit import rtc
from livekit.agents import llm
from livekit.plugins.openai.realtime import RealtimeModel

from tests.clients.setting import ANSWER, HEARD, RATE, REPLY_S, Setting, run, until


class Session:
    """A session and what it told.

    Attributes:
        session: LiveKit's.
        told: Names and payloads of its events.
    """

    def __init__(self, session: Any) -> None:
        self.session = session
        self.told: list[tuple[str, Any]] = []
        for name in (
            "generation_created",
            "input_speech_started",
            "input_speech_stopped",
            "input_audio_transcription_completed",
            "error",
            "openai_server_event_received",
        ):
            session.on(
                name, lambda event=None, name=name: self.told.append((name, event))
            )

    def of(self, name: str, since: int = 0) -> list[Any]:
        return [event for kind, event in self.told[since:] if kind == name]

    async def next(self, name: str, since: int = 0) -> Any:
        return (await until(lambda: self.of(name, since), name))[0]

    def raw(self, kind: str) -> list[Any]:
        """Events of the server of a type."""
        found = self.of("openai_server_event_received")
        return [event for event in found if event["type"] == kind]

    async def push(self, pcm: bytes) -> None:
        self.session.push_audio(rtc.AudioFrame(pcm, RATE, 1, len(pcm) // 2))

    async def said(self, generation: Any) -> tuple[str, float]:
        """All that a generation says: words, and seconds of audio."""
        words, n_samples = "", 0
        async for message in generation.message_stream:
            async for text in message.text_stream:
                words += text
            async for frame in message.audio_stream:
                n_samples += frame.samples_per_channel
        return words, n_samples / RATE


async def conversation(setting: Setting, it: Session) -> None:
    """Spoken to, it answers; spoken over, it is cut."""
    await it.session.update_instructions("Be brief.")

    def shown() -> list[str]:
        return [event["session"]["instructions"] for event in it.raw("session.updated")]

    await until(lambda: "Be brief." in shown(), "the update of the session")
    await setting.speak(it.push)
    heard = "input_audio_transcription_completed"
    generation = await it.next("generation_created")
    words, seconds = await it.said(generation)
    assert (words, seconds) == (ANSWER, REPLY_S)
    finals = [event for event in it.of(heard) if event.is_final]
    assert finals[0].transcript == HEARD
    since = len(it.told)
    await setting.speak(it.push)
    await it.next("input_speech_started", since)
    item = next(
        item
        for item in it.session.chat_ctx.items
        if item.type == "message" and item.role == "assistant"
    )
    it.session.truncate(message_id=item.id, modalities=["audio"], audio_end_ms=1500)
    kind = "conversation.item.truncated"
    truncated = (await until(lambda: it.raw(kind), "the truncation"))[0]
    assert (truncated["item_id"], truncated["audio_end_ms"]) == (item.id, 1500)
    await it.said(await it.next("generation_created", since))


async def asked(it: Session) -> None:
    """Replies asked for: in a changed context, with a tool, and interrupted."""

    @llm.function_tool  # type: ignore[untyped-decorator]
    async def weather(place: str) -> str:
        """The weather of a place."""
        return "sunny"

    context = it.session.chat_ctx.copy()
    context.add_message(role="user", content="Please use the tool.")
    await it.session.update_chat_ctx(context)
    await it.session.update_tools([weather])
    generation = await asyncio.wait_for(it.session.generate_reply(), 10)
    assert generation.user_initiated
    calls = [call async for call in generation.function_stream]
    assert [call.name for call in calls] == ["weather"]
    context = it.session.chat_ctx.copy()
    output = llm.FunctionCallOutput(
        call_id=calls[0].call_id, output="sunny", is_error=False, name="weather"
    )
    context.items.append(output)
    await it.session.update_chat_ctx(context)
    generation = await asyncio.wait_for(it.session.generate_reply(), 10)
    words, _ = await it.said(generation)
    assert "sunny" in words

    context = it.session.chat_ctx.copy()
    context.items.pop(0)
    context.add_message(role="user", content="A long answer please.")
    await it.session.update_chat_ctx(context)
    generation = await asyncio.wait_for(it.session.generate_reply(), 10)
    async for message in generation.message_stream:
        async for _ in message.audio_stream:
            it.session.interrupt()
            break
        words = "".join([text async for text in message.text_stream])
        assert "number 40" not in words
        break


async def main(setting: Setting) -> None:
    names = setting.run_lines("LiveKit Agents", {"RealtimeModel": RealtimeModel})
    model = names["model"]
    async with aiohttp.ClientSession() as client:
        model._http_session = client
        it = Session(model.session())
        await conversation(setting, it)
        await asked(it)
        assert not it.of("error"), it.of("error")
        mistake = {"type": "conversation.item.retrieve", "item_id": "none"}
        it.session.send_event(mistake)
        error = await it.next("error")
        assert error.recoverable
        await it.session.aclose()
        await model.aclose()


if __name__ == "__main__":
    run(main)
