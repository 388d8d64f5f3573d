"""Requests are repeated until they are answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from aiosipua import SipMessage, SipRequest, SipResponse

from tests.virtual_time import run_virtual
from voiceserver.carriers.sip.transactions.client import InviteClient, OtherClient


class Asking:
    """A transaction and what it does.

    Attributes:
        sent: Methods, with their times.
        told: Statuses; None is no answer.
    """

    def __init__(self, method: str, reliable: bool = False) -> None:
        self.sent: list[tuple[float, str]] = []
        self.told: list[int | None] = []
        self.over = 0
        request = SipRequest(method=method, uri="sip:a@b")
        request.add_header("Via", "SIP/2.0/UDP h;branch=z9hG4bK1")
        request.add_header("Via", "SIP/2.0/UDP i;branch=z9hG4bK2")
        request.add_header("Route", "<sip:p;lr>")
        request.add_header("To", "<sip:a@b>")
        request.add_header("CSeq", f"3 {method}")
        kind = InviteClient if method == "INVITE" else OtherClient
        self.transaction = kind(
            request, self._send, reliable, self._answered, self._over
        )
        self.packets: list[SipRequest | SipResponse] = []

    def answer(self, status: int) -> None:
        response = SipResponse(status_code=status, reason_phrase="x")
        response.add_header("To", "<sip:a@b>;tag=t")
        self.transaction.receive(response)

    def _send(self, packet: bytes) -> None:
        message = SipMessage.parse(packet)
        assert isinstance(message, SipRequest)
        self.packets.append(message)
        self.sent.append((asyncio.get_running_loop().time(), message.method))

    def _answered(self, response: SipResponse | None) -> None:
        self.told.append(None if response is None else response.status_code)

    def _over(self) -> None:
        self.over += 1


def asked(
    method: str,
    scenario: Callable[[Asking], Coroutine[Any, Any, None]],
    reliable: bool = False,
) -> Asking:
    async def run() -> Asking:
        asking = Asking(method, reliable)
        asking.transaction.start()
        await scenario(asking)
        await asyncio.sleep(100)
        return asking

    asking = run_virtual(run())
    assert asking.over == 1
    return asking


async def _nothing(_asking: Asking) -> None:
    pass


def test_an_invite_without_answer_is_given_up() -> None:
    """After 32 s and seven packets."""
    asking = asked("INVITE", _nothing)
    assert [at for at, _ in asking.sent] == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert asking.told == [None]


@pytest.mark.parametrize("method", ["BYE", "CANCEL", "REGISTER", "UPDATE"])
def test_so_is_any_other_request(method: str) -> None:
    """It is repeated every four seconds at most."""
    asking = asked(method, _nothing)
    assert [at for at, _ in asking.sent][:6] == [0, 0.5, 1.5, 3.5, 7.5, 11.5]
    assert len(asking.sent) == 11
    assert asking.told == [None]
    assert len(asked(method, _nothing, reliable=True).sent) == 1


def test_a_refusal_is_acknowledged_each_time_and_told_once() -> None:
    """Within the INVITE's transaction."""

    async def scenario(asking: Asking) -> None:
        asking.answer(100)
        asking.answer(180)
        for _ in range(3):
            asking.answer(486)
        asking.answer(200)

    asking = asked("INVITE", scenario)
    assert [method for _, method in asking.sent] == ["INVITE", *["ACK"] * 3]
    assert asking.told == [100, 180, 486]
    ack = asking.packets[-1]
    assert ack.get_header_values("via") == ["SIP/2.0/UDP h;branch=z9hG4bK1"]
    assert ack.get_header("to") == "<sip:a@b>;tag=t"
    assert ack.get_header("cseq") == "3 ACK"
    assert ack.get_header("route") == "<sip:p;lr>"


def test_a_2xx_is_told_each_time_it_comes() -> None:
    """The dialog acknowledges it, and that of another fork."""

    async def scenario(asking: Asking) -> None:
        for status in (180, 200, 200, 486):
            asking.answer(status)

    assert asked("INVITE", scenario).told == [180, 200, 200]


def test_the_answer_to_another_request_is_told_once() -> None:
    """A provisional one is not told."""

    async def scenario(asking: Asking) -> None:
        for status in (100, 200, 200):
            asking.answer(status)

    asking = asked("BYE", scenario)
    assert asking.told == [200]
    assert len(asking.sent) == 1
