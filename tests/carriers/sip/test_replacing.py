"""Calls that take the place of others, as after a transfer by hand."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from urllib.parse import unquote

import pytest
from aiosipua import SipRequest

from tests.carriers.sip.phone import OFFER, Phone, rung
from tests.carriers.sip.test_call import spoken
from tests.carriers.sip.test_telephone import running_listener
from tests.e2e.running import free_port
from voiceserver.carriers.sip.call import SipCall
from voiceserver.carriers.sip.message import Refusal
from voiceserver.carriers.sip.replacing import Replaces, replaces_in
from voiceserver.config import Config, SipConfig, SipTrunk, TelephonyConfig
from voiceserver.errors import BadRequest, CallRefused
from voiceserver.media.rtp import RtpPacket, serialize

QUIET = TelephonyConfig(ask_after_s=0)
ELSEWHERE = OFFER.replace("4000", "4444").replace("0 8 96", "8")
SIPFRAG = "message/sipfrag;version=2.0"


def config(max_calls: int = 0) -> Config:
    trunk = SipTrunk(("127.0.0.2",), "one", max_calls=max_calls, dial=("2*",))
    other = SipTrunk(("127.0.0.3",), "other")
    return Config(sip=SipConfig(port=5060, trunk=(trunk, other)), telephony=QUIET)


def named(tag: str, more: str = "", call_id: str = "a") -> str:
    return f"Replaces: {call_id};to-tag={tag};from-tag=them{more}\r\n"


def replacing(phone: Phone, tag: str, offer: str = ELSEWHERE, more: str = "") -> str:
    return phone.request("INVITE", offer, call_id="b", headers=named(tag, more))


def of_call(phone: Phone, call_id: str) -> list[SipRequest]:
    return [each for each in phone.requests if each.get_header("call-id") == call_id]


def test_who_was_put_through_goes_on_with_the_conversation() -> None:
    """200 to them, a BYE to who was there; one call, its audio where they are."""

    async def scenario(phone: Phone) -> None:
        tag = await phone.call()
        (call,) = phone.exchange.calls
        await phone.settle(0.3)
        phone.say(replacing(phone, tag))
        await phone.settle()
        assert phone.statuses[-1] == 200
        assert "m=audio 20000 RTP/AVP 8\r\n" in phone.response(200, -1).text
        phone.say(phone.request("ACK", to_tag=phone.tag, call_id="b"))
        second = phone.tag
        await phone.settle(0.3)
        (bye,) = of_call(phone, "a")
        assert bye.method == "BYE"
        phone.reply(bye)
        await phone.settle()
        packet, to = phone.sockets[0].sent[-1]
        assert (packet.payload_type, to[1]) == (8, 4444)
        assert phone.exchange.calls == [call]
        assert not phone.exchange.ends
        assert phone.agent.n_legs == 1
        # Theirs is heard, and they end it.
        receive = phone.sockets[0].receive
        assert receive is not None
        receive(serialize(RtpPacket(8, 1, 160, 9, bytes(160))), ("127.0.0.2", 4444))
        assert call._line is not None
        assert call._line.n_received == 1
        bye_2 = phone.request("BYE", number=2, to_tag=second, call_id="b")
        phone.say(bye_2)
        await phone.settle(2)
        assert phone.exchange.ends == ["The caller hung up."]
        assert phone.agent.n_legs == 0

    rung(scenario, config())


def test_without_an_offer_the_audio_moves_with_the_answer() -> None:
    """Ours is in the 200, theirs in the ACK."""

    async def scenario(phone: Phone) -> None:
        tag = await phone.call()
        phone.say(replacing(phone, tag, ""))
        await phone.settle(0.1)
        assert "m=audio 20000" in phone.response(200, -1).text
        assert phone.sockets[0].sent[-1][1][1] == 4000
        phone.say(phone.request("ACK", ELSEWHERE, to_tag=phone.tag, call_id="b"))
        await phone.settle(0.1)
        assert phone.sockets[0].sent[-1][1][1] == 4444

    rung(scenario, config())


def test_who_is_spoken_to_is_told_to_the_model_and_keys_are_new() -> None:
    """Who was there before could else read along."""

    async def scenario(phone: Phone) -> None:
        tag = await phone.call()
        (call,) = phone.exchange.calls
        key = call._ours.key
        phone.say(replacing(phone, tag))
        await phone.settle()
        assert call._ours.key != key
        spoken(phone, 0, 1, 0.0)  # of who was there: a stranger now
        assert call._line is not None
        assert call._line.n_received == 0

    rung(scenario, config())


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (named("nobody"), 481),
        ("Replaces: a;to-tag=x\r\n", 400),
        (named("x") * 2, 400),
        ("Replaces: \r\n", 400),
    ],
)
def test_what_is_not_there_is_not_replaced(headers: str, status: int) -> None:
    """481; and 400 where it cannot be read."""

    async def scenario(phone: Phone) -> None:
        await phone.call()
        phone.say(phone.request("INVITE", OFFER, call_id="b", headers=headers))
        await phone.settle()
        assert phone.statuses[-1] == status
        assert (phone.agent.n_legs, phone.exchange.ends) == (1, [])

    rung(scenario, config())


def test_an_offer_that_cannot_be_used_leaves_all_as_it_is() -> None:
    """488; who was there stays."""

    async def scenario(phone: Phone) -> None:
        tag = await phone.call()
        phone.say(replacing(phone, tag, OFFER.replace("0 8 96", "18")))
        await phone.settle(0.2)
        assert phone.statuses[-1] == 488
        assert phone.sockets[0].sent[-1][1][1] == 4000
        assert (phone.agent.n_legs, phone.requests) == (1, [])

    rung(scenario, config())


def test_only_the_same_trunk_may_and_a_taken_call_is_not_early() -> None:
    """403 to another, 486 to who wants it only while it rings."""

    async def scenario(phone: Phone) -> None:
        tag = await phone.call()
        phone.say(replacing(phone, tag), ("127.0.0.3", 5070))
        await phone.settle()
        only = named(tag, ";early-only")
        phone.say(phone.request("INVITE", OFFER, call_id="c", headers=only))
        await phone.settle()
        assert phone.statuses[-2:] == [403, 486]

    rung(scenario, config())


def test_a_trunk_that_is_full_has_room_for_who_takes_a_call_over() -> None:
    """And counts it once, until it is over."""

    async def scenario(phone: Phone) -> None:
        tag = await phone.call()
        phone.say(replacing(phone, tag))
        await phone.settle(2.5)
        second = phone.tag
        phone.say(phone.request("ACK", to_tag=second, call_id="b"))
        await phone.settle(0.1)
        phone.say(phone.request("INVITE", OFFER, call_id="c"))
        await phone.settle(0.1)
        assert phone.statuses[-1] == 486
        phone.say(phone.request("BYE", number=2, to_tag=second, call_id="b"))
        await phone.settle(2)
        await phone.call(call_id="d")

    rung(scenario, config(max_calls=1))


def test_elsewhere_than_in_an_invite_it_is_refused() -> None:
    """RFC 3891, section 3; but it may be required."""

    async def scenario(phone: Phone) -> None:
        tag = await phone.call(headers="Require: replaces\r\n")
        supported = phone.response(200).get_header_values("supported")
        assert supported == ["timer", "replaces"]
        phone.say(phone.request("INFO", number=2, to_tag=tag, headers=named(tag)))
        await phone.settle()
        assert phone.statuses[-1] == 400

    rung(scenario, config())


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ("425928@bob.example.org;to-tag=7743;from-tag=6472", "425928@bob.example.org"),
        (
            "98732@sip.example.com ; from-tag = 6472 ;to-tag=7743",
            "98732@sip.example.com",
        ),
        ("a;to-tag=7743;from-tag=6472;early-only", "a"),
    ],
)
def test_the_examples_of_the_standard_are_read(value: str, key: str) -> None:
    """RFC 3891, section 6.1; parameters in any order."""
    invite = SipRequest(method="INVITE", uri="sip:us")
    assert replaces_in(invite) is None
    invite.add_header("Replaces", value)
    early = value.endswith("early-only")
    assert replaces_in(invite) == Replaces((key, "7743", "6472"), early)
    invite.add_header("Join", value)
    assert isinstance(replaces_in(invite), Refusal)


async def two_calls(phone: Phone) -> tuple[str, str]:
    one = await phone.call(call_id="a")
    other = await phone.call(call_id="b")
    await phone.settle(0.1)
    return one, other


def test_two_calls_are_put_through_to_each_other() -> None:
    """REFER to one, with the other's call; both end when they talk."""

    async def scenario(phone: Phone) -> None:
        tag, other_tag = await two_calls(phone)
        one, other = phone.exchange.calls
        async with asyncio.TaskGroup() as group:
            group.create_task(one.connect(other))
            await phone.settle()
            (refer,) = of_call(phone, "a")
            target = refer.get_header("refer-to") or ""
            address, _, replaced = target.strip("<>").partition("?Replaces=")
            assert address == "sip:them@127.0.0.2:5070"
            assert not set(replaced) & set(";=@<>")
            assert unquote(replaced) == f"b;to-tag=them;from-tag={other_tag}"
            phone.reply(refer, 202)
        headers = "Event: refer\r\nSubscription-State: terminated\r\n"
        body = "SIP/2.0 200 OK"
        phone.say(
            phone.request("NOTIFY", body, 2, "", tag, headers, kind=SIPFRAG),
        )
        await phone.settle(2.5)
        assert phone.exchange.ends == ["The call was transferred."] * 2
        assert {each.method for each in of_call(phone, "b")} == {"BYE"}

    rung(scenario, config())


def test_two_calls_that_cannot_be_are_left_as_they_are() -> None:
    """Two they must be, of one trunk and in progress; or the other side will not."""

    async def scenario(phone: Phone) -> None:
        await two_calls(phone)
        elsewhere = phone.request("INVITE", OFFER, call_id="c")
        phone.say(elsewhere, ("127.0.0.3", 5070))
        await phone.settle()
        one, other, third = phone.exchange.calls
        for wrong in (one, third):
            with pytest.raises(BadRequest):
                await one.connect(wrong)
        assert not phone.requests
        async with asyncio.TaskGroup() as group:
            group.create_task(refused(one, other))
            await phone.settle()
            phone.reply(phone.requests[-1], 603)
        other.hang_up("it is over")
        await phone.settle(3)
        await refused(one, other)
        assert phone.exchange.ends == ["it is over"]

    rung(scenario, config())


async def refused(call: SipCall, other: SipCall) -> None:
    with pytest.raises(CallRefused):
        await call.connect(other)


# Of somebody who calls, and of whom they put through: one call of sipp, whose messages
# it knows by what is behind ``///`` in their Call-ID.
STEPS = """
INVITE|[call_id]||
100?
180?
200|tag=([^;]+)|first
ACK|[call_id]|;tag=[$first]|
INVITE|b///[call_id]||Replaces: [call_id];to-tag=[$first];from-tag=[pid]
100?
180?
200|tag=([^;]+)|second
ACK|b///[call_id]|;tag=[$second]|
<BYE
BYE|b///[call_id]|;tag=[$second]|
200
"""
SDP = OFFER.replace("127.0.0.2", "127.0.0.1")


def scenario_of(steps: str) -> str:
    """As sipp reads it."""
    parts, number = [], 0
    for step in steps.strip().splitlines():
        name, *more = step.split("|")
        if name.isalpha():
            call_id, tag, header = more
            number += name != "ACK"
            body = SDP if name == "INVITE" else ""
            kind = "Content-Type: application/sdp\n" if body else ""
            parts.append(
                f"<send><![CDATA[\n{name} sip:100@[remote_ip]:[remote_port] SIP/2.0\n"
                "Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]\n"
                "Max-Forwards: 70\nFrom: <sip:a@[local_ip]>;tag=[pid]\n"
                f"To: <sip:100@[remote_ip]>{tag}\nCall-ID: {call_id}\n"
                f"CSeq: {number} {name}\nContact: <sip:a@[local_ip]:[local_port]>\n"
                f"{header}{chr(10) if header else ''}{kind}Content-Length: [len]\n\n"
                f"{body}]]></send>"
            )
        elif name.startswith("<"):
            parts.append(
                f'<recv request="{name[1:]}"/><send><![CDATA[\nSIP/2.0 200 OK\n'
                "[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n"
                "[last_CSeq:]\nContent-Length: 0\n\n]]></send>"
            )
        elif more:
            found, into = more
            parts.append(
                f'<recv response="{name}"><action><ereg regexp="{found}" '
                'search_in="hdr" header="To:" check_it="true" '
                f'assign_to="whole,{into}"/></action></recv>'
            )
        else:
            optional = ' optional="true"' if name.endswith("?") else ""
            parts.append(f'<recv response="{name[:3]}"{optional}/>')
    return (
        '<?xml version="1.0"?><scenario name="replaces">'
        f'{"".join(parts)}<Reference variables="whole"/></scenario>'
    )


@pytest.mark.net
async def test_another_programs_messages_replace_a_call(tmp_path: Path) -> None:
    """As sipp sends them, over a real socket."""
    program = shutil.which("sipp")
    if program is None:
        pytest.skip("no sipp (on Debian: apt install sip-tester)")
    (tmp_path / "replaces.xml").write_text(scenario_of(STEPS))
    settings = Config(sip=SipConfig(port=free_port()), telephony=QUIET)
    async with running_listener(settings) as agent:
        sipp = await asyncio.create_subprocess_exec(
            *(program, f"127.0.0.1:{settings.sip.port}", "-sf", "replaces.xml"),
            *("-i", "127.0.0.1", "-m", "1", "-nostdin", "-watchdog_interval", "0"),
            *("-recv_timeout", "20000"),
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(60):
                said, _ = await sipp.communicate()
        finally:
            if sipp.returncode is None:
                sipp.kill()
                await sipp.wait()
        assert sipp.returncode == 0, said.decode(errors="replace")[-1500:]
        assert agent.n_legs <= 1  # the last goodbye may not be answered yet
