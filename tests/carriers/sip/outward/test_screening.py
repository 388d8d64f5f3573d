"""A call out that a machine may take."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from tests.carriers.sip.outward.test_invitation import ANSWER, CONTACT, config
from tests.carriers.sip.phone import THERE, Phone, rung
from voiceserver.audio import Samples
from voiceserver.carriers.base import Wanted
from voiceserver.carriers.sip.outward.screening import HUNG_UP, LEFT
from voiceserver.media.g711 import Law, decode, encode
from voiceserver.media.rtp import RtpPacket, serialize

RATE, FRAME = 8_000, 160
MEDIA = (THERE[0], 4000)
HELLO = np.random.default_rng(1).normal(0, 0.1, RATE // 2).astype(np.float32)
GREETING = np.random.default_rng(2).normal(0, 0.1, 4 * RATE).astype(np.float32)
TONE = (0.1 * np.sin(2 * np.pi * 1000 * np.arange(RATE // 2) / RATE)).astype("f4")


def still(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE), np.float32)


async def taken(phone: Phone, **wanted: Any) -> str:
    """Call out, and have it taken; the call's id."""
    made = await phone.agent.dialler.dial(Wanted("200", **wanted))
    await phone.settle()
    phone.reply(phone.requests[0], 200, CONTACT, ANSWER, tag="far")
    await phone.settle()
    return str(made["id"])


async def says(phone: Phone, *parts: Samples) -> None:
    """The other side's audio, in real time; it is silent afterwards."""
    receive = phone.sockets[0].receive
    assert receive is not None
    line = np.concatenate(parts)
    frames = line[: len(line) // FRAME * FRAME].reshape(-1, FRAME)
    base = getattr(phone, "n_said", 0)
    for n, frame in enumerate(frames, base):
        packet = RtpPacket(0, n & 0xFFFF, n * FRAME, 9, encode(Law.MU, frame))
        receive(serialize(packet), MEDIA)
        await asyncio.sleep(0.02)
    phone.n_said = base + len(frames)  # type: ignore[attr-defined]


def loud_s(phone: Phone) -> float:
    """How long something sounded that we sent."""
    sent = [decode(Law.MU, p.payload) for p, _ in phone.sockets[0].sent]
    return sum(bool(np.abs(each).max() > 0.01) for each in sent) * 0.02


def answered_by(phone: Phone, call_id: str) -> object:
    found = phone.agent.dialler.find(call_id)
    assert found is not None
    return found["answered_by"]


def test_a_person_is_greeted_once_they_wait() -> None:
    """Not before it is known who it is; the state says it."""

    async def scenario(phone: Phone) -> None:
        call_id = await taken(phone, detection="message")
        await says(phone, still(0.4), HELLO, still(0.5))
        assert (answered_by(phone, call_id), loud_s(phone)) == (None, 0)
        await says(phone, still(1.5))
        assert answered_by(phone, call_id) == "human"
        assert loud_s(phone) > 0.1

    rung(scenario, config())


@pytest.mark.parametrize("ask", [{"detection": "message", "message": "Call us back."}])
def test_a_message_is_left_after_the_tone(ask: dict[str, str]) -> None:
    """Not a word before; then the call ends."""

    async def scenario(phone: Phone) -> None:
        call_id = await taken(phone, **ask)
        await says(phone, GREETING, still(0.3), TONE)
        assert (answered_by(phone, call_id), loud_s(phone)) == ("machine", 0)
        await says(phone, still(20))
        assert loud_s(phone) > 0.1
        assert phone.exchange.ends == [LEFT]

    rung(scenario, config())


def test_the_model_is_told_and_answers() -> None:
    """Where no message is given."""

    async def scenario(phone: Phone) -> None:
        await taken(phone, detection="message")
        await says(phone, GREETING, TONE, still(3))
        assert loud_s(phone) > 0.1
        asked = phone.exchange.text.requests[-1]
        assert "answering machine" in str(asked.messages)
        assert not phone.exchange.ends

    rung(scenario, config())


def test_a_machine_may_be_hung_up_on() -> None:
    """As soon as it is known to be one."""

    async def scenario(phone: Phone) -> None:
        call_id = await taken(phone, detection="hang_up")
        await says(phone, GREETING, still(2))
        assert phone.exchange.ends == [HUNG_UP]
        assert loud_s(phone) == 0
        assert answered_by(phone, call_id) == "machine"

    rung(scenario, config())


def test_who_sends_nothing_is_greeted_in_the_end() -> None:
    """Nobody knows who it is."""

    async def scenario(phone: Phone) -> None:
        call_id = await taken(phone, detection="message")
        await phone.settle(12)
        assert answered_by(phone, call_id) == "unknown"
        assert loud_s(phone) > 0.1

    rung(scenario, config())
