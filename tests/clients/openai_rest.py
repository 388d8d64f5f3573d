"""openai-python over HTTP: speech, transcription, models, tokens, calls, sidebands.

The call itself is placed with aiortc, since openai-python carries no media.
"""

from __future__ import annotations

import asyncio
import io
import wave
from typing import Any

import openai
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack
from openai import AsyncOpenAI, OpenAI

from tests.clients.setting import ANSWER, HEARD, Setting, refusal, run, until
from tests.clients.strict import faults

FORMATS = {
    "mp3": (b"\xff\xf3", b"ID3"),
    "opus": (b"OggS",),
    "flac": (b"fLaC",),
    "wav": (b"RIFF",),
    "pcm": (b"",),
}


def speech(setting: Setting) -> None:
    """Every format, streamed; events; and what is refused."""
    names = setting.run_lines("openai-python, REST", {"OpenAI": OpenAI})
    assert names["speech"].content[:2] in (b"\xff\xf3", b"ID")
    create = names["client"].audio.speech.create
    for form, marks in FORMATS.items():
        with names["client"].audio.speech.with_streaming_response.create(
            model="tts-1",
            voice="marin",
            input="Hello there.",
            response_format=form,
            instructions="Speak like a pirate.",
        ) as answer:
            content = b"".join(answer.iter_bytes())
        assert content.startswith(marks), (form, content[:4])
        assert len(content) > 5_000
    with names["client"].audio.speech.with_streaming_response.create(
        model="gpt-4o-mini-tts", voice="alloy", input="Hi.", stream_format="sse"
    ) as answer:
        lines = [line for line in answer.iter_lines() if line]
    assert '"speech.audio.delta"' in lines[0]
    assert '"speech.audio.done"' in lines[-1]
    order = {"model": "tts-1", "voice": "alloy", "input": "Hi."}
    for field, value in (
        ("voice", "nobody"),
        ("input", "a" * 4097),
        ("response_format", "aac"),
    ):
        error = refusal(openai.BadRequestError, create, **order | {field: value})
        assert error.param == field


def transcription(setting: Setting) -> None:
    """As JSON, text, at length, and in events."""
    client = OpenAI(base_url=f"http://{setting.host}/v1", api_key=setting.key)
    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setparams((1, 2, 24_000, 0, "NONE", ""))
        file.writeframes(setting.question)
    create = client.audio.transcriptions.create
    given: dict[str, Any] = {"model": "whisper-1", "file": ("a.wav", sound.getvalue())}
    assert create(**given).text == HEARD
    assert create(**given, response_format="text") == HEARD + "\n"
    verbose = create(
        **given, response_format="verbose_json", timestamp_granularities=["segment"]
    )
    assert [segment.text for segment in verbose.segments] == [HEARD]
    assert verbose.duration > 1
    events = list(create(**given, stream=True, language="en"))
    assert [event.type for event in events][-1] == "transcript.text.done"
    assert events[-1].text == HEARD
    given["file"] = ("a.wav", b"no sound")
    error = refusal(openai.BadRequestError, create, **given)
    assert error.code == "invalid_audio"


def models(setting: Setting) -> None:
    """Listed and found; a wrong key and a wrong name are told apart."""
    client = OpenAI(base_url=f"http://{setting.host}/v1", api_key=setting.key)
    listed = [model.id for model in client.models.list()]
    assert "voiceserver" in listed
    assert client.models.retrieve("voiceserver").id == "voiceserver"
    missing = {"model": "org/none"}
    error = refusal(openai.NotFoundError, client.models.retrieve, **missing)
    assert error.code == "model_not_found"
    stranger = OpenAI(base_url=client.base_url, api_key="a-wrong-key-for-it")
    refusal(openai.AuthenticationError, stranger.models.list)


async def call(setting: Setting) -> None:
    """A token; a call placed with it; a sideband that commands the call; its end."""
    client = AsyncOpenAI(base_url=f"http://{setting.host}/v1", api_key=setting.key)
    session: Any = {"type": "realtime", "instructions": "Be brief."}
    secret = await client.realtime.client_secrets.create(
        session=session, expires_after={"anchor": "created_at", "seconds": 60}
    )
    assert secret.value.startswith("ek_")
    assert secret.session.instructions == "Be brief."
    bearer = AsyncOpenAI(base_url=f"http://{setting.host}/v1", api_key=secret.value)
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    try:
        peer.addTrack(AudioStreamTrack())
        peer.createDataChannel("oai-events")
        await peer.setLocalDescription(await peer.createOffer())
        placed = await bearer.realtime.calls.create(
            sdp=peer.localDescription.sdp, session=session
        )
        call_id = placed.response.headers["Location"].rpartition("/")[2]
        answer = RTCSessionDescription(placed.text, "answer")
        await peer.setRemoteDescription(answer)
        await until(lambda: peer.connectionState == "connected", "the connection")
        await sideband(setting, call_id)
        await client.realtime.calls.hangup(call_id)
        await asyncio.sleep(1)
        try:
            await client.realtime.calls.hangup(call_id)
        except openai.NotFoundError:
            pass
        else:
            raise AssertionError("the call was still there")
    finally:
        await peer.close()


async def sideband(setting: Setting, call_id: str) -> None:
    """It hears the events of a call, and asks for a response in it."""
    names = setting.run_lines(
        "openai-python, sideband of a WebRTC call",
        {"AsyncOpenAI": AsyncOpenAI, "call_id": call_id},
    )
    wrong: set[str] = set()
    async with names["connecting"] as connection:
        update: Any = {"type": "realtime", "instructions": "Be briefer."}
        await connection.session.update(session=update)
        await connection.response.create()
        seen: list[Any] = []
        while not seen or seen[-1].type != "response.done":
            raw = await connection.recv_bytes()
            wrong.update(faults(raw))
            seen.append(connection.parse_event(raw))
        # The reply still plays: what is left of it is dropped.
        await connection.output_audio_buffer.clear()
        while seen[-1].type != "conversation.item.truncated":
            raw = await connection.recv_bytes()
            wrong.update(faults(raw))
            seen.append(connection.parse_event(raw))
    assert not wrong, wrong
    kinds = [event.type for event in seen]
    updated = [event for event in seen if event.type == "session.updated"]
    assert updated[0].session.instructions == "Be briefer."
    assert "output_audio_buffer.started" in kinds
    assert "output_audio_buffer.cleared" in kinds
    assert not any(kind.startswith("voiceserver.") for kind in kinds)
    assert "response.output_audio.delta" not in kinds
    said = [e for e in seen if e.type == "response.output_audio_transcript.done"]
    assert said[0].transcript == ANSWER


async def main(setting: Setting) -> None:
    await asyncio.to_thread(models, setting)
    await asyncio.to_thread(speech, setting)
    await asyncio.to_thread(transcription, setting)
    await call(setting)


if __name__ == "__main__":
    run(main)
