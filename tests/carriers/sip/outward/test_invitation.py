"""A call that goes out, as whoever is called sees it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.carriers.sip.phone import OFFER, THERE, Phone, rung
from voiceserver.carriers.base import Wanted
from voiceserver.carriers.sip.description import Ours, answer_to
from voiceserver.carriers.sip.srtp import Cipher
from voiceserver.config import Config, SipConfig, SipTrunk, TelephonyConfig
from voiceserver.media.rtp import RtpPacket, serialize

ANSWER = OFFER.replace("0 8 96", "0 101").replace("96 telephone", "101 telephone")
CONTACT = "Contact: <sip:them@127.0.0.2:5070>\r\n"


def config(**more: Any) -> Config:
    trunk = SipTrunk(("127.0.0.0/8",), "pbx", dial=("2*",), host="pbx", **more)
    quiet = TelephonyConfig(ask_after_s=0)
    return Config(sip=SipConfig(port=5060, trunk=(trunk,)), telephony=quiet)


async def dialled(phone: Phone, **more: Any) -> str:
    made = await phone.agent.dialler.dial(Wanted("200", **more))
    await phone.settle()
    return str(made["id"])


def state(phone: Phone, call_id: str) -> tuple[object, object, object]:
    found = phone.agent.dialler.find(call_id)
    assert found is not None
    return found["state"], found["result"], found["sip_status"]


def test_it_rings_is_taken_and_greets() -> None:
    """ACK and BYE go where the INVITE went; the result says so."""

    async def scenario(phone: Phone) -> None:
        call_id = await dialled(phone, caller="100")
        invite = phone.requests[0]
        assert (invite.method, invite.uri) == ("INVITE", "sip:200@pbx")
        assert "<sip:100@127.0.0.1:5060>" in (invite.get_header("from") or "")
        assert "m=audio 20000" in invite.text
        phone.reply(invite, 180, tag="far")
        assert state(phone, call_id) == ("ringing", None, None)
        phone.reply(invite, 200, CONTACT, ANSWER, tag="far")
        assert state(phone, call_id) == ("answered", None, None)
        ack = phone.requests[1]
        assert (ack.method, ack.get_header("cseq")) == ("ACK", "1 ACK")
        assert ack.uri == "sip:them@127.0.0.2:5070"
        phone.reply(invite, 200, CONTACT, ANSWER, tag="far")
        assert [each.method for each in phone.requests] == ["INVITE", "ACK", "ACK"]
        await phone.settle(1)
        assert len(phone.sockets[0].sent) > 40
        phone.exchange.calls[0].hang_up("enough")
        await phone.settle()
        bye = phone.requests[3]
        assert (bye.method, bye.get_header("cseq")) == ("BYE", "2 BYE")
        phone.reply(bye)
        await phone.settle(1)
        assert state(phone, call_id) == ("ended", "completed", None)
        assert set(phone.to) == {THERE}

    assert rung(scenario, config()).agent.n_legs == 0


def test_it_goes_through_a_proxy() -> None:
    """Which the INVITE, its ACK and its CANCEL name; the call's own way is another."""

    async def scenario(phone: Phone) -> None:
        await dialled(phone)
        phone.reply(phone.requests[0], 180, tag="far")
        await phone.settle(31)
        invite, cancel = phone.requests[:2]
        assert (invite.method, cancel.method) == ("INVITE", "CANCEL")
        phone.reply(cancel)
        phone.reply(invite, 487, tag="far")
        assert {each.uri for each in phone.requests} == {"sip:200@pbx"}
        named = [each.get_header("route") for each in phone.requests]
        assert set(named) == {"<sip:proxy.example:5080;lr>"}
        assert phone.requests[-1].method == "ACK"
        assert not phone.n_failed

    rung(scenario, config(proxy="proxy.example:5080"))


def test_where_it_does_not_even_ring_another_way_goes_first_the_next_time() -> None:
    """Of those that the host has."""

    async def scenario(phone: Phone) -> None:
        await dialled(phone)
        await phone.settle(31)
        assert phone.n_failed == 1

    rung(scenario, config())


def test_who_took_it_may_hang_up() -> None:
    """As any call's other side may."""

    async def scenario(phone: Phone) -> None:
        call_id = await dialled(phone)
        invite = phone.requests[0]
        phone.reply(invite, 200, CONTACT, ANSWER, tag="them")
        ours = (invite.get_header("from") or "").partition("tag=")[2]
        named = invite.get_header("call-id") or ""
        phone.say(phone.request("BYE", to_tag=ours, call_id=named))
        await phone.settle(1)
        assert phone.statuses == [200]
        assert state(phone, call_id) == ("ended", "completed", None)

    rung(scenario, config())


@pytest.mark.parametrize(
    ("status", "result"),
    [(486, "busy"), (603, "declined"), (404, "unknown_number"), (302, "failed")],
)
def test_a_refusal_is_its_result(status: int, result: str) -> None:
    """A redirection too: nobody else is rung."""

    async def scenario(phone: Phone) -> None:
        call_id = await dialled(phone)
        phone.reply(phone.requests[0], status, CONTACT, tag="far")
        await phone.settle(1)
        assert state(phone, call_id) == ("ended", result, status)
        assert [each.method for each in phone.requests] == ["INVITE", "ACK"]
        assert "refused" in phone.exchange.ends[0]

    rung(scenario, config())


def test_nobody_takes_it() -> None:
    """CANCEL after the limit, with the INVITE's branch; the 487 is acknowledged."""

    async def scenario(phone: Phone) -> None:
        call_id = await dialled(phone)
        invite = phone.requests[0]
        phone.reply(invite, 183, body=ANSWER, tag="far")
        await phone.settle(30)
        assert state(phone, call_id) == ("ended", "no_answer", 408)
        cancel = phone.requests[-1]
        assert cancel.method == "CANCEL"
        assert cancel.get_header("via") == invite.get_header("via")
        assert cancel.get_header("cseq") == "1 CANCEL"
        phone.reply(cancel)
        phone.reply(invite, 487, tag="far")
        await phone.settle(2)
        assert phone.requests[-1].method == "ACK"

    phone = rung(scenario, config())
    assert len(phone.agent._wire) == 0 or phone.agent.n_legs == 0


def test_what_does_not_ring_is_cancelled_once_it_does() -> None:
    """Not before (section 9.1); a 200 that crosses that is told goodbye."""

    async def scenario(phone: Phone) -> None:
        await dialled(phone)
        phone.exchange.calls[0].hang_up("enough")
        await phone.settle(0.1)
        assert {each.method for each in phone.requests} == {"INVITE"}
        phone.reply(phone.requests[0], 180, tag="far")
        assert phone.requests[-1].method == "CANCEL"
        phone.reply(phone.requests[0], 200, CONTACT, ANSWER, tag="far")
        assert [each.method for each in phone.requests[-2:]] == ["ACK", "BYE"]

    rung(scenario, config())


def test_of_two_who_take_it_the_first_has_it() -> None:
    """The second is acknowledged and told goodbye, once."""

    async def scenario(phone: Phone) -> None:
        await dialled(phone)
        invite = phone.requests[0]
        phone.reply(invite, 200, CONTACT, ANSWER, tag="first")
        for _ in range(2):
            phone.reply(invite, 200, CONTACT, ANSWER, tag="second")
        said = [
            (each.method, (each.get_header("to") or "").partition("tag=")[2])
            for each in phone.requests[1:]
        ]
        second = [("ACK", "second"), ("BYE", "second"), ("ACK", "second")]
        assert said == [("ACK", "first"), *second]
        await phone.settle(1)
        assert not phone.exchange.ends

    rung(scenario, config())


def test_a_proof_is_given_where_one_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a new INVITE of the same call; a wrong password ends it."""
    monkeypatch.setenv("PBX", "secret")
    challenge = 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"\r\n'

    async def scenario(phone: Phone) -> None:
        call_id = await dialled(phone)
        phone.reply(phone.requests[0], 401, challenge, tag="far")
        first, ack, second = phone.requests
        assert ack.method == "ACK"
        assert second.get_header("call-id") == first.get_header("call-id")
        assert second.get_header("cseq") == "2 INVITE"
        assert 'username="us"' in (second.get_header("authorization") or "")
        assert "<sip:us@pbx>" in (second.get_header("from") or "")
        phone.reply(second, 401, challenge, tag="far")
        await phone.settle(1)
        assert state(phone, call_id) == ("ended", "not_allowed", 401)

    rung(scenario, config(login="us", login_password_env="PBX"))


def test_what_sounds_before_it_is_taken_is_not_heard() -> None:
    """The answer may be that of the 183, where the 200 has none."""

    async def scenario(phone: Phone) -> None:
        await dialled(phone)
        invite = phone.requests[0]
        phone.reply(invite, 183, body=ANSWER, tag="far")
        receive = phone.sockets[0].receive
        assert receive is not None
        receive(serialize(RtpPacket(0, 1, 1, 1, b"x" * 160)), ("127.0.0.2", 4000))
        phone.reply(invite, 200, CONTACT, tag="far")
        await phone.settle(1)
        call = phone.exchange.calls[0]
        assert call._line is not None
        assert call._line.n_received == 0
        assert phone.sockets[0].sent[0][1] == ("127.0.0.2", 4000)

    rung(scenario, config())


def test_an_answer_that_cannot_be_used_ends_it() -> None:
    """With a BYE."""

    async def scenario(phone: Phone) -> None:
        await dialled(phone)
        phone.reply(phone.requests[0], 200, CONTACT, tag="far")
        await phone.settle(2)
        assert phone.requests[-1].method == "BYE"
        assert "cannot be used" in phone.exchange.ends[0]

    rung(scenario, config())


def test_without_any_answer_it_is_given_up() -> None:
    """By the transaction, where the ringing may last longer."""

    async def scenario(phone: Phone) -> None:
        call_id = await dialled(phone)
        await asyncio.sleep(40)
        assert state(phone, call_id)[:2] == ("ended", "no_answer")
        assert {each.method for each in phone.requests} == {"INVITE"}

    rung(scenario, config())


def keyed(offered: str, key: bytes) -> str:
    """An encrypted answer to an offer."""
    return answer_to(offered, Ours("127.0.0.2", 4000, 1, 1, key))[1]


def test_a_trunk_may_have_its_calls_encrypted() -> None:
    """The offer has a key, what is sent is encrypted, and stays so."""
    key = bytes(range(30))

    async def scenario(phone: Phone) -> None:
        await dialled(phone)
        invite = phone.requests[0]
        offered = invite.text
        assert "m=audio 20000 RTP/SAVP " in offered
        phone.reply(invite, 200, CONTACT, keyed(offered, key), tag="them")
        await phone.settle(1)
        agreed = answer_to(offered, Ours("127.0.0.2", 4000, 1, 1, key))[0]
        assert agreed.keys is not None
        theirs = Cipher(agreed.keys)
        sent = phone.sockets[0].wires
        assert len(sent) > 40
        assert all(theirs.unprotect(each) for each in sent[1:])
        # Asked for an offer in the midst of it, it is none in the clear.
        ours = (invite.get_header("from") or "").partition("tag=")[2]
        named = invite.get_header("call-id") or ""
        phone.say(phone.request("INVITE", to_tag=ours, call_id=named))
        await phone.settle()
        assert "RTP/SAVP" in phone.response(200).text

    rung(scenario, config(srtp=True, transport="tls"))


@pytest.mark.parametrize(
    "answer",
    [ANSWER, ANSWER.replace("RTP/AVP", "RTP/SAVP")],
    ids=["in the clear", "without a key"],
)
def test_or_not_made_at_all(answer: str) -> None:
    """An answer in the clear, or without a key, ends it: nothing is sent."""

    async def scenario(phone: Phone) -> None:
        await dialled(phone)
        phone.reply(phone.requests[0], 200, CONTACT, answer, tag="far")
        await phone.settle(1)
        assert phone.requests[-1].method == "BYE"
        assert not phone.sockets[0].sent

    rung(scenario, config(srtp=True, transport="tls"))
