"""Calls that ring until somebody outside takes them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np
import pytest

from tests.carriers.sip.phone import OFFER, Phone, rung
from voiceserver.carriers.base import Accepted, Alerting, Declined
from voiceserver.errors import BadRequest, Overloaded, SessionEnded
from voiceserver.media.g711 import Law, decode
from voiceserver.server.pending_calls import PendingCall

LIMIT_S = 10.0
SECURE = OFFER.replace("RTP/AVP", "RTP/SAVP") + (
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"
    "MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0\r\n"
)


class Program:
    """Who is asked.

    Attributes:
        told: Of the calls.
        calls: That ring, or did.
        n_over: Of them that ring no more.
    """

    def __init__(self, undecided: Accepted | Declined | None = None) -> None:
        self.told: list[Alerting] = []
        self.calls: list[PendingCall] = []
        self.n_over = 0
        self._undecided = undecided or Declined(480)

    def ring(self, alerting: Alerting) -> PendingCall:
        self.told.append(alerting)
        call_id = f"rtc_{len(self.told)}"
        made = PendingCall(call_id, alerting, self._undecided, LIMIT_S, self._over)
        self.calls.append(made)
        return made

    def _over(self) -> None:
        self.n_over += 1


Scenario = Callable[[Phone, Program], Coroutine[Any, Any, None]]


def asked(scenario: Scenario, undecided: Accepted | Declined | None = None) -> Phone:
    """Run a telephone against a server that asks a program."""
    program = Program(undecided)

    async def run(phone: Phone) -> None:
        phone.exchange.pending = program.ring
        await scenario(phone, program)
        assert program.n_over == len(program.calls)

    phone = rung(run)
    assert phone.agent.n_legs == 0
    return phone


def greeted(phone: Phone) -> bool:
    sent = phone.sockets[0].sent
    heard = np.concatenate([decode(Law.MU, each.payload) for each, _ in sent])
    return bool(np.abs(heard).max() > 0.05)


def test_it_rings_until_a_program_takes_it() -> None:
    """As the program says, under the id that it was told; the program greets."""

    async def scenario(phone: Phone, program: Program) -> None:
        phone.say(phone.request("INVITE", OFFER, headers="X-Order: 7\r\n"))
        await phone.settle(5)
        assert phone.statuses == [100, 180]
        (told,) = program.told
        assert ("X-Order", "7") in told.headers
        assert told.encrypted is False
        assert told.place == "127.0.0.2"
        await program.calls[0].accept({"instructions": "Be kind."})
        await phone.settle()
        assert phone.statuses == [100, 180, 200]
        (caller,) = phone.exchange.callers
        assert caller.call_id == "rtc_1"
        assert caller.session["instructions"] == "Be kind."
        phone.say(phone.request("ACK", to_tag=phone.tag))
        await phone.settle(1)
        assert not greeted(phone)

    asked(scenario)


def test_a_program_may_refuse_it() -> None:
    """By the status that it wants, known or not."""

    async def scenario(phone: Phone, program: Program) -> None:
        for n, status in enumerate((486, 699), 1):
            invite = phone.request("INVITE", OFFER, call_id=str(n), number=n)
            phone.say(invite)
            await phone.settle()
            await program.calls[-1].decline(status)
            await phone.settle()
            assert phone.statuses[-1] == status

    assert not asked(scenario).sockets


def test_where_nobody_decides_it_is_answered_as_ever() -> None:
    """With the greeting."""

    async def scenario(phone: Phone, program: Program) -> None:
        del program
        phone.say(phone.request("INVITE", OFFER))
        await phone.settle(LIMIT_S + 0.1)
        assert phone.statuses == [100, 180, 200]
        phone.say(phone.request("ACK", to_tag=phone.tag))
        await phone.settle(1)
        assert greeted(phone)

    asked(scenario, Accepted({}, attended=True))


def test_or_is_refused() -> None:
    """If that is what the settings say."""

    async def scenario(phone: Phone, program: Program) -> None:
        del program
        phone.say(phone.request("INVITE", OFFER))
        await phone.settle(LIMIT_S + 0.1)
        assert phone.statuses == [100, 180, 480]

    asked(scenario)


def test_a_caller_may_give_up_while_a_program_decides() -> None:
    """The program is told if it decides later."""

    async def scenario(phone: Phone, program: Program) -> None:
        phone.say(phone.request("INVITE", OFFER, branch="z9hG4bKx"))
        await phone.settle()
        phone.say(phone.request("CANCEL", branch="z9hG4bKx"))
        await phone.settle()
        assert phone.statuses == [100, 180, 200, 487]
        with pytest.raises(SessionEnded):
            await program.calls[0].accept({})
        phone.say(phone.request("ACK", branch="z9hG4bKx", to_tag=phone.tag))

    assert not asked(scenario).exchange.calls


def test_a_session_that_cannot_be_may_be_asked_for_otherwise() -> None:
    """It rings on."""

    async def scenario(phone: Phone, program: Program) -> None:
        phone.say(phone.request("INVITE", OFFER))
        await phone.settle()
        with pytest.raises(BadRequest):
            await program.calls[0].accept({"audio": "loud"})
        await phone.settle()
        assert phone.statuses == [100, 180]
        await program.calls[0].accept({})
        await phone.settle()
        assert phone.statuses == [100, 180, 200]

    asked(scenario)


def test_without_room_the_program_and_the_caller_are_told() -> None:
    """503 to the one, why to the other."""

    async def scenario(phone: Phone, program: Program) -> None:
        phone.say(phone.request("INVITE", OFFER))
        await phone.settle()
        phone.exchange.refusal = Overloaded("full")
        with pytest.raises(Overloaded):
            await program.calls[0].accept({})
        await phone.settle()
        assert phone.statuses == [100, 180, 503]

    asked(scenario)


def test_nobody_is_asked_about_audio_that_cannot_be() -> None:
    """488 at once; whether it is encrypted is known beforehand, where it is offered."""

    async def scenario(phone: Phone, program: Program) -> None:
        phone.say(phone.request("INVITE", "v=0\r\n"))
        await phone.settle()
        assert phone.statuses == [100, 488]
        assert not program.told
        for n, offer in enumerate((SECURE, ""), 2):
            phone.say(phone.request("INVITE", offer, call_id=str(n), number=n))
            await phone.settle()
        assert [each.encrypted for each in program.told] == [True, None]
        for each in program.calls:
            await each.decline(486)
        await phone.settle()

    asked(scenario)


def test_what_proves_who_calls_is_told_to_nobody() -> None:
    """Its headers are left out."""

    async def scenario(phone: Phone, program: Program) -> None:
        secret = "Authorization: Digest a\r\nProxy-Authorization: Digest b\r\n"
        phone.say(phone.request("INVITE", OFFER, headers=secret))
        await asyncio.sleep(1)
        names = {name.lower() for name, _ in program.told[0].headers}
        assert "from" in names
        assert not names & {"authorization", "proxy-authorization"}
        await program.calls[0].decline(603)
        await phone.settle()

    asked(scenario)
