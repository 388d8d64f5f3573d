"""A call's audio."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from itertools import pairwise

import numpy as np
import pytest

from tests.carriers.sip.phone import OFFER, Phone, rung
from tests.fakes import LOUD, FakeText
from voiceserver.commands import Attach
from voiceserver.config import (
    Config,
    NumberConfig,
    SipConfig,
    SipTrunk,
    TelephonyConfig,
)
from voiceserver.engines.base import TextItem, TextRequest
from voiceserver.errors import Overloaded
from voiceserver.media.g711 import Law, decode, encode
from voiceserver.media.rtp import RtpPacket, serialize
from voiceserver.tools import ToolCall

THEIRS = ("127.0.0.2", 4000)


def spoken(phone: Phone, first: int, n_packets: int, level: float) -> None:
    receive = phone.sockets[0].receive
    assert receive is not None
    payload = encode(Law.MU, np.full(160, level, np.float32))
    for n in range(first, first + n_packets):
        receive(serialize(RtpPacket(0, n, n * 160, 3, payload)), THEIRS)


def test_the_greeting_comes_first_and_a_question_is_answered() -> None:
    """20 ms every 20 ms, in the codec of the offer."""

    async def scenario(phone: Phone) -> None:
        await phone.call()
        sent = phone.sockets[0].sent
        await phone.settle(1)
        assert 48 <= len(sent) <= 52
        heard = np.concatenate([decode(Law.MU, each.payload) for each, _ in sent])
        assert np.abs(heard[: 8000 // 5]).max() > 0.05
        await phone.settle(3)
        n_sent = len(sent)
        for n in range(100):
            spoken(phone, n, 1, LOUD if n < 40 else 0.0)
            await phone.settle(0.02)
        await phone.settle(1)
        reply = np.concatenate(
            [decode(Law.MU, each.payload) for each, _ in sent[n_sent:]]
        )
        assert np.abs(reply).max() > 0.05

    rung(scenario)


@pytest.mark.parametrize(("ptime_ms", "n_packets"), [(10, 100), (30, 33), (60, 16)])
def test_packets_are_as_long_as_the_offer_asks(ptime_ms: int, n_packets: int) -> None:
    """One after the other, at the pace of the call; a new offer may ask for others."""

    async def scenario(phone: Phone) -> None:
        tag = await phone.call(f"{OFFER}a=ptime:{ptime_ms}\r\n")
        assert f"a=ptime:{ptime_ms}\r\n" in phone.response(200).text
        sent = phone.sockets[0].sent
        await phone.settle(1)
        assert abs(len(sent) - n_packets) <= 2
        assert {len(each.payload) for each, _ in sent} == {ptime_ms * 8}
        for (before, _), (after, _) in pairwise(sent):
            assert after.sequence == before.sequence + 1
            assert after.timestamp == (before.timestamp + ptime_ms * 8) & 0xFFFFFFFF
        phone.say(phone.request("INVITE", OFFER, number=2, to_tag=tag))
        await phone.settle()
        phone.say(phone.request("ACK", number=2, to_tag=tag))
        n_sent = len(sent)
        await phone.settle(1)
        assert abs(len(sent) - n_sent - 50) <= 2
        numbers = [each.sequence for each, _ in sent]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))

    rung(scenario)


def test_a_line_that_falls_silent_ends() -> None:
    """After `silent_s` without a packet."""
    config = Config(sip=SipConfig(port=5060, silent_s=20.0))

    async def scenario(phone: Phone) -> None:
        await phone.call()
        spoken(phone, 0, 1, 0.0)
        await phone.settle(19)
        assert not phone.exchange.ends
        await phone.settle(3)
        assert phone.exchange.ends == ["No audio came for 20 s."]

    rung(scenario, config)


def test_a_server_may_greet_with_nothing() -> None:
    """Silence, that is."""
    config = Config(sip=SipConfig(port=5060), telephony=TelephonyConfig(greeting=""))

    async def scenario(phone: Phone) -> None:
        await phone.call()
        await phone.settle(0.5)
        for packet, _ in phone.sockets[0].sent:
            assert np.abs(decode(Law.MU, packet.payload)).max() < 0.01

    rung(scenario, config)


def test_without_a_port_there_is_no_call() -> None:
    """503, as where there is no room."""

    async def scenario(phone: Phone) -> None:
        def none() -> None:
            raise Overloaded("no port is free")

        phone.agent._bind = none  # type: ignore[assignment]
        phone.say(phone.request("INVITE", OFFER))
        await phone.settle()
        assert phone.statuses == [100, 180, 503]

    assert rung(scenario).agent.n_legs == 0


def test_a_key_is_told_once_to_who_listens() -> None:
    """Its packets repeat themselves."""
    told: list[str] = []

    async def scenario(phone: Phone) -> None:
        await phone.call()
        phone.exchange.calls[0].conversation.command(Attach(1, told.append))
        receive = phone.sockets[0].receive
        assert receive is not None
        for n, flags in enumerate((10, 10, 0x8A, 0x8A, 0x8A)):
            payload = bytes([5, flags, 3, 32])
            receive(serialize(RtpPacket(96, n, 160, 3, payload)), THEIRS)
        await phone.settle(1)

    rung(scenario)
    keys = [each for each in told if "dtmf_event_received" in each]
    assert len(keys) == 1
    assert '"5"' in keys[0]


class Transferring(FakeText):
    """Puts who asks through to 200; says what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    async def reply(self, request: TextRequest) -> AsyncGenerator[TextItem, None]:
        self.told.append(request.messages[-1].text)
        if len(self.told) == 1:
            yield "I put you through."
            yield ToolCall("c1", "transfer_call", '{"to": "200"}')
        else:
            yield "They are busy."


def test_the_model_may_transfer_the_call() -> None:
    """Once the caller has heard so; where nobody takes it the model speaks on."""
    number = NumberConfig("100", tools=("transfer_call",))
    trunk = SipTrunk(("127.0.0.0/8",), dial=("2*",))
    config = Config(
        sip=SipConfig(port=5060, trunk=(trunk,), number=(number,)),
        telephony=TelephonyConfig(greeting="", ask_after_s=0),
    )
    text = Transferring()

    async def scenario(phone: Phone) -> None:
        phone.exchange.text = text
        tag = await phone.call()
        for n in range(100):
            spoken(phone, n, 1, LOUD if n < 40 else 0.0)
            await phone.settle(0.02)
        sent = phone.sockets[0].sent
        await phone.settle(3)
        refer = phone.requests[0]
        assert refer.get_header("refer-to") == "<sip:200@127.0.0.2>"
        heard = np.concatenate([decode(Law.MU, each.payload) for each, _ in sent])
        assert (np.abs(heard) > 0.05).sum() > 8000 * 0.6  # four words, whole
        phone.reply(refer, 202)
        headers = "Event: refer\r\nSubscription-State: terminated\r\n"
        body = "SIP/2.0 486 Busy Here"
        kind = "message/sipfrag"
        phone.say(phone.request("NOTIFY", body, 2, "", tag, headers, kind=kind))
        await phone.settle(2)
        assert "The transfer failed: Nobody took it: 486" in text.told[1]
        assert not phone.exchange.ends

    rung(scenario, config)
