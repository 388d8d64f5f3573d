"""What the server asks within a call."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.carriers.sip.phone import OFFER, Phone, rung
from voiceserver.carriers.sip.call import SipCall
from voiceserver.config import Config, SipConfig, SipTrunk, TelephonyConfig
from voiceserver.errors import BadRequest, CallRefused

SIPFRAG = "message/sipfrag;version=2.0"


def config(monkeypatch: pytest.MonkeyPatch | None = None) -> Config:
    trunk = SipTrunk(("127.0.0.0/8",), dial=("2*", "sip:*@127.0.0.2"))
    if monkeypatch is not None:
        monkeypatch.setenv("PBX", "secret")
        trunk = replace(trunk, login="us", login_password_env="PBX")
    quiet = TelephonyConfig(ask_after_s=0)
    return Config(sip=SipConfig(port=5060, trunk=(trunk,)), telephony=quiet)


async def called(phone: Phone) -> tuple[SipCall, str]:
    tag = await phone.call()
    return phone.exchange.calls[0], tag


def told(phone: Phone, tag: str, status: str, number: int = 2) -> None:
    """Tell what became of a transfer."""
    headers = "Event: refer\r\nSubscription-State: active\r\n"
    phone.say(
        phone.request(
            "NOTIFY", f"SIP/2.0 {status}", number, "", tag, headers, kind=SIPFRAG
        )
    )


@pytest.mark.parametrize(
    ("wanted", "target"),
    [("200", "sip:200@127.0.0.2"), ("sip:a@127.0.0.2", "sip:a@127.0.0.2")],
)
def test_a_call_is_transferred_and_ended(wanted: str, target: str) -> None:
    """REFER, NOTIFY, BYE."""

    async def scenario(phone: Phone) -> None:
        call, tag = await called(phone)
        async with asyncio.TaskGroup() as group:
            group.create_task(call.refer(wanted))
            await phone.settle()
            (refer,) = phone.requests
            assert refer.method == "REFER"
            assert refer.get_header("refer-to") == f"<{target}>"
            phone.reply(refer, 202)
        told(phone, tag, "100 Trying")
        await phone.settle()
        assert not phone.exchange.ends
        told(phone, tag, "200 OK", 3)
        await phone.settle(2)
        assert phone.exchange.ends == ["The call was transferred."]
        assert phone.requests[-1].method == "BYE"

    rung(scenario, config())


def test_where_nobody_takes_it_the_call_goes_on() -> None:
    """And another transfer may be tried."""
    failed: list[str] = []

    async def scenario(phone: Phone) -> None:
        call, tag = await called(phone)
        for n in range(2):
            async with asyncio.TaskGroup() as group:
                group.create_task(call.refer("200", failed.append))
                await phone.settle()
                with pytest.raises(CallRefused):
                    await call.refer("201")
                phone.reply(phone.requests[-1], 202)
            told(phone, tag, "486 Busy Here", n + 2)
            await phone.settle()
        assert failed == ["Nobody took it: 486 Busy Here."] * 2
        assert not phone.exchange.ends

    rung(scenario, config())


def test_a_transfer_may_be_refused() -> None:
    """By the list, before anything is sent; by the other side with its status."""

    async def scenario(phone: Phone) -> None:
        call, _ = await called(phone)
        for wanted, code in (("300", "not_allowed"), ("anna", "invalid_destination")):
            with pytest.raises(BadRequest) as wrong:
                await call.refer(wanted)
            assert wrong.value.code == code
        assert not phone.requests
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(_refused(call))
            await phone.settle()
            phone.reply(phone.requests[0], 603)
            assert await asking == 603
        assert not phone.exchange.ends

    rung(scenario, config())


@pytest.mark.parametrize("status", [400, 416])
def test_who_reads_no_tel_is_given_the_number_at_its_host(status: int) -> None:
    """Asterisk transfers to ``sip:`` alone; once more, and no more."""

    async def scenario(phone: Phone) -> None:
        call, _ = await called(phone)
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(_refused(call, "tel:200"))
            for target in ("tel:200", "sip:200@127.0.0.2"):
                await phone.settle()
                assert phone.requests[-1].get_header("refer-to") == f"<{target}>"
                phone.reply(phone.requests[-1], status)
            assert await asking == status
        assert len(phone.requests) == 2

    rung(scenario, config())


async def _refused(call: SipCall, wanted: str = "200") -> int:
    with pytest.raises(CallRefused) as refused:
        await call.refer(wanted)
    return refused.value.status


def test_who_hangs_up_on_a_transfer_has_followed_it() -> None:
    """The reason says so."""

    async def scenario(phone: Phone) -> None:
        call, tag = await called(phone)
        async with asyncio.TaskGroup() as group:
            group.create_task(call.refer("200"))
            await phone.settle()
            phone.reply(phone.requests[0], 202)
        phone.say(phone.request("BYE", number=2, to_tag=tag))
        await phone.settle(1)
        assert phone.exchange.ends == ["The call was transferred."]

    rung(scenario, config())


def test_a_trunk_that_wants_a_proof_gets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once; the request is a new one."""

    async def scenario(phone: Phone) -> None:
        call, _ = await called(phone)
        call.hang_up("enough")
        await phone.settle()
        challenge = 'Proxy-Authenticate: Digest realm="r", nonce="n"\r\n'
        phone.reply(phone.requests[0], 407, challenge)
        first, second = phone.requests
        assert first.get_header("proxy-authorization") is None
        assert 'username="us"' in (second.get_header("proxy-authorization") or "")
        assert second.get_header("cseq") == "2 BYE"
        phone.reply(second, 407, challenge)
        assert len(phone.requests) == 2

    rung(scenario, config(monkeypatch))


def test_digits_are_sent_by_info_where_audio_has_no_place_for_them() -> None:
    """One after the other."""

    async def scenario(phone: Phone) -> None:
        await phone.call(OFFER.replace("0 8 96", "0"))
        call = phone.exchange.calls[0]
        async with asyncio.TaskGroup() as group:
            group.create_task(call.send_digits("4 #"))
            await phone.settle()
            phone.reply(phone.requests[0])
            await phone.settle()
            phone.reply(phone.requests[1])
        bodies = [each.text for each in phone.requests]
        assert [body.split()[0] for body in bodies] == ["Signal=4", "Signal=#"]

    rung(scenario, config())


def test_the_other_side_is_held_and_taken_up_again() -> None:
    """Two INVITEs of ours; nothing sounds meanwhile."""

    async def scenario(phone: Phone) -> None:
        call, _ = await called(phone)
        answer = OFFER.replace("0 8 96", "0 96")
        async with asyncio.TaskGroup() as group:
            group.create_task(call.hold(5))
            await phone.settle()
            held = phone.requests[0]
            assert "a=sendonly" in held.text
            assert "m=audio 20000 RTP/AVP 0 96" in held.text
            phone.reply(held, 200, body=answer + "a=recvonly\r\n")
            await phone.settle()
            assert phone.requests[1].method == "ACK"
            assert phone.requests[1].get_header("cseq") == "1 ACK"
            n_sent = len(phone.sockets[0].sent)
            await phone.settle(4)
            assert len(phone.sockets[0].sent) == n_sent
            await phone.settle(1)
            taken_up = phone.requests[2]
            assert "a=sendrecv" in taken_up.text
            phone.reply(taken_up, 200, body=answer)
        await phone.settle(1)
        assert len(phone.sockets[0].sent) - n_sent > 40
        assert not phone.exchange.ends

    rung(scenario, config())


def test_while_we_offer_theirs_has_to_wait() -> None:
    """491, both ways."""

    async def scenario(phone: Phone) -> None:
        call, tag = await called(phone)
        async with asyncio.TaskGroup() as group:
            holding = group.create_task(_not_held(call))
            await phone.settle()
            phone.say(phone.request("INVITE", OFFER, number=2, to_tag=tag))
            assert phone.statuses[-1] == 491
            phone.reply(phone.requests[0], 491)
            assert await holding == 491

    rung(scenario, config())


async def _not_held(call: SipCall) -> int:
    with pytest.raises(CallRefused) as refused:
        await call.hold(5)
    return refused.value.status
