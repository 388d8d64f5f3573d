"""A telephone call against a real server: a human voice through G.711, both ways."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import numpy as np
import pytest

from tests.carriers.telephony.service import RATE, START, TwilioService
from tests.e2e.ear import RATE as EAR_RATE
from tests.e2e.ear import from_wav, likeness
from tests.e2e.running import Running, post, running_server
from tests.polling import until
from tests.recordings import recording
from voiceserver.audio import Samples, resample

pytestmark = [
    pytest.mark.net,
    pytest.mark.speech,
    pytest.mark.weights("whisper-base"),
]

QUESTION = "speech/command/brooklyn.wav"
LIMIT_S = 20.0
GREETING = "City guide, hello."
ANSWER = "The Brooklyn Bridge was opened in eighteen eighty three."
OTHERS = (
    "I am sorry, I do not know that.",
    "The weather will be fine for most of the coming week.",
)
CONFIG = """
[engines]
recogniser = "whisper"
turns = "none"
[recogniser]
processes = 1
model = "whisper-base"
[telephony]
greeting = "{greeting}"
[responder]
questions = "{questions}"
"""
QUESTIONS = f"""
[[question]]
ask = ["how old is the brooklyn bridge", "when was the brooklyn bridge opened"]
answer = "{ANSWER}"
"""


async def carry(line: aiohttp.ClientWebSocketResponse, service: TwilioService) -> None:
    """Move messages between a socket and the service until cancelled."""

    async def out() -> None:
        while (message := await service.receive()) is not None:
            assert isinstance(message, str)
            await line.send_str(message)

    async with asyncio.TaskGroup() as group:
        sending = group.create_task(out())
        async for message in line:
            await service.send(message.data)
        sending.cancel()


async def heard_whole(service: TwilioService, after: int, known: Samples) -> Samples:
    """What the caller hears from frame ``after`` on, about as long as what is known.

    Only about: in a conversation a text is cut into phrases otherwise.
    """
    n_frames = len(known) * RATE // EAR_RATE // 160 * 4 // 5
    await until(lambda: len(service.heard) >= after + n_frames, LIMIT_S)
    await until(lambda: not service.waiting, LIMIT_S)
    return service.ear[after * 160 :]


async def spoken(server: Running, text: str) -> Samples:
    """A text in the server's voice, as on a telephone."""
    asked = {"model": "tts-1", "input": text, "response_format": "wav"}
    wide = from_wav(await post(server.url + "/v1/audio/speech", asked))
    return resample(resample(wide, EAR_RATE, RATE), RATE, EAR_RATE)


async def test_a_question_is_heard_and_answered_over_a_telephone(
    tmp_path: Path,
) -> None:
    """Greeted; a woman asks how old the Brooklyn Bridge is; the answer is heard."""
    pytest.importorskip("ctranslate2", reason="needs voiceserver[whisper]")
    question = resample(recording(QUESTION), 16_000, RATE)
    questions = tmp_path / "questions.toml"
    questions.write_text(QUESTIONS)
    config = CONFIG.format(greeting=GREETING, questions=questions)
    async with (
        running_server(config) as server,
        aiohttp.ClientSession() as client,
        client.ws_connect(server.url + "/v1/telephony/twilio") as line,
        asyncio.TaskGroup() as group,
    ):
        texts = (ANSWER, GREETING, *OTHERS)
        known = {text: await spoken(server, text) for text in texts}
        service = TwilioService()
        service.put('{"event":"connected","protocol":"Call","version":"1.0.0"}')
        service.put(START)
        carrying = group.create_task(carry(line, service))
        playing = group.create_task(service.play())
        greeting = await heard_whole(service, 0, known[GREETING])
        n_greeting = len(service.heard)
        await service.speak(np.concatenate([question, np.zeros(RATE * 2, np.float32)]))
        answer = await heard_whole(service, n_greeting, known[ANSWER])
        service.put({"event": "stop"})
        await asyncio.wait({carrying}, timeout=10)
        playing.cancel()
        assert line.close_code == 1000
    for sound, text in ((greeting, GREETING), (answer, ANSWER)):
        heard = resample(sound, RATE, EAR_RATE)
        scores = {other: likeness(heard, audio) for other, audio in known.items()}
        assert max(scores, key=lambda other: scores[other]) == text, scores
        assert scores[text] > 0.7, scores
