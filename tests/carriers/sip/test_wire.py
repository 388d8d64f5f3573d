"""Every message finds its transaction."""

from __future__ import annotations

import pytest
from aiosipua import SipRequest, SipResponse

from tests.carriers.sip.phone import HERE, THERE, Phone
from tests.virtual_time import run_virtual
from voiceserver.carriers.sip import wire
from voiceserver.carriers.sip.message import read
from voiceserver.carriers.sip.wire import Asked, Flow, Wire, new_branch
from voiceserver.config import Config


class Calls:
    """Who uses the transactions."""

    def __init__(self) -> None:
        self.asked_: list[Asked] = []
        self.acks: list[SipRequest] = []
        self.given_up: list[Asked] = []

    def asked(self, asked: Asked) -> None:
        self.asked_.append(asked)

    def acknowledged(self, ack: SipRequest) -> None:
        self.acks.append(ack)

    def cancelled(self, invite: Asked) -> None:
        self.given_up.append(invite)


class Side:
    """A wire, and a telephone that is its network."""

    def __init__(self) -> None:
        self.phone = Phone(Config())
        self.calls = Calls()
        self.wire = Wire(self.calls)
        self.flow = Flow(self.phone, THERE, THERE)

    def take(self, text: str, flow: Flow | None = None) -> None:
        message, refusal = read(text.encode())
        assert isinstance(message, SipRequest)
        self.wire.requested(message, refusal, flow or self.flow)


def test_an_old_client_has_no_branches() -> None:
    """RFC 2543: its transactions are known by call, tag and number."""

    async def run() -> None:
        side = Side()
        side.take(side.phone.request("INVITE", branch="old"))
        side.take(side.phone.request("INVITE", branch="old"))
        assert len(side.calls.asked_) == 1
        side.take(side.phone.request("CANCEL", branch="old"))
        assert side.calls.given_up == side.calls.asked_
        side.calls.asked_[0].respond(200)
        side.take(side.phone.request("ACK", to_tag="x", branch="old"))
        assert len(side.calls.acks) == 1
        side.wire.stop()
        assert len(side.wire) == 0

    run_virtual(run())


def test_another_address_takes_no_part() -> None:
    """By the same branch it is another transaction."""

    async def run() -> None:
        side = Side()
        side.take(side.phone.request("INVITE", branch="z9hG4bKx"))
        stranger = ("127.0.0.3", 5070)
        flow = Flow(side.phone, stranger, stranger)
        side.take(side.phone.request("CANCEL", branch="z9hG4bKx"), flow)
        assert not side.calls.given_up
        assert side.phone.statuses == [481]
        side.wire.stop()

    run_virtual(run())


def test_requests_of_ours_find_their_answers() -> None:
    """By branch and method; what nobody waits for is dropped."""

    async def run() -> None:
        side = Side()
        told: list[SipResponse | None] = []
        request = SipRequest(method="OPTIONS", uri="sip:them@127.0.0.2")
        request.add_header("Via", side.flow.via(new_branch()))
        request.add_header("CSeq", "1 OPTIONS")
        side.wire.ask(request, side.flow, told.append)
        sent = side.phone.requests[0]
        assert f"{HERE[0]}:{HERE[1]};branch=" in (sent.get_header("via") or "")
        answer = SipResponse(status_code=200, reason_phrase="x")
        answer.add_header("Via", sent.get_header("via") or "")
        answer.add_header("CSeq", "1 BYE")
        side.wire.responded(answer)
        assert not told
        answer.set_header("CSeq", "1 OPTIONS")
        side.wire.responded(answer)
        side.wire.responded(answer)
        assert told == [answer]
        side.wire.stop()
        assert len(side.wire) == 0

    run_virtual(run())


def test_transactions_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is beyond is dropped: who asks asks again."""
    monkeypatch.setattr(wire, "MOST", 50)

    async def run() -> None:
        side = Side()
        for n in range(55):
            side.take(side.phone.request("OPTIONS", call_id=str(n)))
        assert len(side.calls.asked_) == len(side.wire) == 50
        side.wire.stop()

    run_virtual(run())
