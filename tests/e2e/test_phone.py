"""A telephone call against a real server: a human voice through G.711, both ways.

By a service's socket, and by SIP over a line that loses packets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import aiohttp
import numpy as np
import pytest

from benchmarks.phone_caller import Socket, Telephone, mu_law
from tests.carriers.telephony.service import RATE, START, TwilioService
from tests.e2e.ear import RATE as EAR_RATE
from tests.e2e.ear import from_wav, likeness
from tests.e2e.running import free_port, lasting_server, post
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
[responder]
questions = "{questions}"
[telephony]
greeting = "{greeting}"
ask_after_s = 0
[sip]
port = {port}
"""
QUESTIONS = f"""
[[question]]
ask = ["how old is the brooklyn bridge", "when was the brooklyn bridge opened"]
answer = "{ANSWER}"
"""


@dataclass(frozen=True)
class Place:
    """Where the server is.

    Attributes:
        url: By HTTP.
        sip_port: By SIP.
    """

    url: str
    sip_port: int


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A server that knows the answer, for all tests here."""
    pytest.importorskip("ctranslate2", reason="needs voiceserver[whisper]")
    pytest.importorskip("aiosipua", reason="needs voiceserver[sip]")
    questions = tmp_path_factory.mktemp("answers") / "questions.toml"
    questions.write_text(QUESTIONS)
    port = free_port()
    config = CONFIG.format(greeting=GREETING, questions=questions, port=port)
    with lasting_server(config) as running:
        yield Place(running.url, port)


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


_SPOKEN: dict[str, Samples] = {}


async def spoken(server: Place) -> dict[str, Samples]:
    """All texts in the server's voice, as on a telephone."""
    for text in (ANSWER, GREETING, *OTHERS):
        if text not in _SPOKEN:
            asked = {"model": "tts-1", "input": text, "response_format": "wav"}
            wide = from_wav(await post(server.url + "/v1/audio/speech", asked))
            narrow = resample(wide, EAR_RATE, RATE)
            _SPOKEN[text] = resample(narrow, RATE, EAR_RATE)
    return _SPOKEN


def assert_is(sound: Samples, text: str, known: dict[str, Samples]) -> None:
    """What is heard is this text, and none of the others."""
    heard = resample(sound, RATE, EAR_RATE)
    scores = {other: likeness(heard, audio) for other, audio in known.items()}
    assert max(scores, key=lambda other: scores[other]) == text, scores
    assert scores[text] > 0.7, scores


async def test_a_question_is_heard_and_answered_over_a_telephone(server: Place) -> None:
    """Greeted; a woman asks how old the Brooklyn Bridge is; the answer is heard."""
    question = resample(recording(QUESTION), 16_000, RATE)
    known = await spoken(server)
    async with (
        aiohttp.ClientSession() as client,
        client.ws_connect(server.url + "/v1/telephony/twilio") as line,
        asyncio.TaskGroup() as group,
    ):
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
    assert_is(greeting, GREETING, known)
    assert_is(answer, ANSWER, known)


class Losing(Socket):
    """A line that loses three packets in a hundred, the same ones each time."""

    n_packets = 0

    def send(self, packet: bytes, to: tuple[str, int]) -> None:
        self.n_packets += 1
        if self.n_packets % 100 not in (7, 45, 78):
            super().send(packet, to)


class LosingPhone(Telephone):
    """A telephone at the end of it."""

    def _line(self) -> Socket:
        return Losing(self._heard)

    async def heard_since(self, n: int, known: Samples) -> Samples:
        """What sounds from packet ``n`` on, about as long as what is known."""
        wanted = len(known) * RATE // EAR_RATE // 160

        def voiced() -> list[float]:
            return [
                at_s
                for at_s, samples in self.decoded(0.0)[n:]
                if np.abs(samples).max() > 0.02
            ]

        await until(lambda: len(voiced()) >= wanted // 2, LIMIT_S)
        last_s = voiced()[0] + wanted * 0.02 * 1.3
        await until(lambda: self.packets[-1][0] >= last_s, LIMIT_S)
        return np.concatenate([samples for _, samples in self.decoded(0.0)[n:]])


async def test_three_packets_in_a_hundred_may_be_lost_by_sip(server: Place) -> None:
    """The same question over RTP of such a line is answered rightly."""
    question = mu_law(resample(recording(QUESTION), 16_000, RATE))
    known = await spoken(server)
    phone = LosingPhone(server.sip_port)
    await phone.ring()
    try:
        greeting = await phone.heard_since(0, known[GREETING])
        n_before = len(phone.packets)
        phone.say(question)
        answer = await phone.heard_since(n_before, known[ANSWER])
    finally:
        await phone.hang_up()
    assert_is(greeting, GREETING, known)
    assert_is(answer, ANSWER, known)
