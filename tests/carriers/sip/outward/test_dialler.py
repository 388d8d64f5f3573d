"""Who may be called, and by which trunk."""

from __future__ import annotations

import asyncio

import pytest

from tests.carriers.sip.outward.test_invitation import ANSWER, CONTACT
from tests.carriers.sip.phone import Phone, rung
from voiceserver.carriers.base import Wanted
from voiceserver.config import Config, NumberConfig, SipConfig, SipTrunk
from voiceserver.errors import BadRequest, CallRefused, Overloaded

NEAR = "127.0.0.0/8"
PBX = SipTrunk((NEAR,), "pbx", dial=("2*",), host="pbx", max_calls=1, caller="100")
DIRECT = SipTrunk((NEAR,), "direct", dial=("sip:*", "3*"))
CLOSED = SipTrunk(("10.0.0.1",), "closed")
LOST = SipTrunk(("10.0.0.2",), "lost", dial=("*",), host="nowhere:5080")
NUMBER = NumberConfig("100", "Be brief.", greeting="Good evening.")
SETTINGS = Config(
    sip=SipConfig(port=5060, trunk=(PBX, DIRECT, CLOSED, LOST), number=(NUMBER,))
)


@pytest.mark.parametrize(
    ("wanted", "error", "code"),
    [
        (Wanted("300"), BadRequest, "not_allowed"),
        (Wanted("anna"), BadRequest, "invalid_destination"),
        (Wanted("200", trunk="closed"), BadRequest, "unknown_trunk"),
        (Wanted("200", trunk="other"), BadRequest, "unknown_trunk"),
        (Wanted("200", "a b"), BadRequest, "invalid_value"),
        (Wanted("300", trunk="direct"), BadRequest, "invalid_destination"),
        (Wanted("200", trunk="lost"), CallRefused, ""),
    ],
)
def test_nobody_else_is_rung(wanted: Wanted, error: type[Exception], code: str) -> None:
    """Nothing is sent, and no place is taken."""

    async def scenario(phone: Phone) -> None:
        with pytest.raises(error) as refused:
            await phone.agent.dialler.dial(wanted)
        assert getattr(refused.value, "code", "") == code
        assert not phone.got
        assert not any(phone.agent._n_calls.values())

    rung(scenario, SETTINGS)


def test_a_trunk_has_so_many_calls_both_ways() -> None:
    """One that ends makes room for the next."""

    async def scenario(phone: Phone) -> None:
        dialler = phone.agent.dialler
        await dialler.dial(Wanted("200"))
        await phone.settle()
        with pytest.raises(Overloaded):
            await dialler.dial(Wanted("201"))
        phone.reply(phone.requests[0], 486, tag="far")
        await phone.settle(1)
        metrics = phone.exchange.calls[0]._metrics
        assert metrics.dialled_calls.labels("pbx", "busy")._value.get() == 1
        await dialler.dial(Wanted("201"))
        phone.exchange.refusal = Overloaded("All lines are busy.")
        phone.exchange.calls[-1].hang_up("enough")
        await phone.settle(5)
        for _ in range(2):
            with pytest.raises(Overloaded, match="lines"):
                await dialler.dial(Wanted("202"))

    rung(scenario, SETTINGS)


def test_an_address_is_rung_itself_where_the_trunk_has_no_host() -> None:
    """If it is in the trunk's networks, as answers come from there."""

    async def scenario(phone: Phone) -> None:
        made = await phone.agent.dialler.dial(
            Wanted("sip:anna@desk:5070", trunk="direct")
        )
        await phone.settle()
        assert phone.requests[0].uri == "sip:anna@desk:5070"
        assert made["state"] == "calling"

    # Both trunks are of the same networks; the first has them.
    only = Config(sip=SipConfig(port=5060, trunk=(DIRECT,)))
    rung(scenario, only)


def test_who_answers_at_our_number_speaks_there() -> None:
    """What the request asks for goes before."""

    async def scenario(phone: Phone) -> None:
        session = {"instructions": "Sell.", "audio": {"output": {"voice": "cedar"}}}
        await phone.agent.dialler.dial(Wanted("200", session=session, key="k"))
        await phone.settle()
        phone.reply(phone.requests[0], 200, CONTACT, ANSWER, tag="far")
        caller = phone.exchange.callers[0]
        assert caller.session["instructions"] == "Sell."
        audio = caller.session["audio"]
        assert isinstance(audio, dict)
        assert audio["output"] == {"voice": "cedar"}
        assert audio["input"]["turn_detection"]["type"] == "semantic_vad"
        assert caller.key == "k"

    rung(scenario, SETTINGS)


def test_all_states_are_told() -> None:
    """In order."""
    told: list[object] = []

    async def scenario(phone: Phone) -> None:
        made = await phone.agent.dialler.dial(Wanted("200"))
        async with asyncio.TaskGroup() as group:
            group.create_task(_listen(phone, str(made["id"])))
            await phone.settle()
            phone.reply(phone.requests[0], 180, tag="far")
            phone.reply(phone.requests[0], 200, CONTACT, ANSWER, tag="far")
            await phone.settle(1)
            phone.exchange.calls[0].hang_up("enough")

    async def _listen(phone: Phone, call_id: str) -> None:
        states = phone.agent.dialler.states(call_id)
        told.extend([state["state"] async for state in states])

    rung(scenario, SETTINGS)
    assert told == ["calling", "ringing", "answered", "ended"]


def test_while_nothing_is_heard_nobody_is_rung() -> None:
    """The carrier is not running, or no more."""

    async def scenario(phone: Phone) -> None:
        phone.agent.dialler.close()
        with pytest.raises(Overloaded):
            await phone.agent.dialler.dial(Wanted("200"))

    rung(scenario, SETTINGS)
