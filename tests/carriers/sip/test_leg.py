"""What the other side asks within a call."""

from __future__ import annotations

import pytest

from tests.carriers.sip.phone import OFFER, Phone, rung
from voiceserver.media.rtp import RtpPacket, serialize


def test_an_invite_without_an_offer_gets_ours() -> None:
    """Its ACK has the answer, and only then the call begins."""

    async def scenario(phone: Phone) -> None:
        phone.say(phone.request("INVITE"))
        await phone.settle(1)
        assert "m=audio 20000 RTP/AVP 96 9 0 8 101" in phone.response(200).text
        assert not phone.sockets[0].sent
        answer = OFFER.replace("0 8 96", "0")
        phone.say(phone.request("ACK", answer, to_tag=phone.tag))
        await phone.settle(1)
        assert phone.sockets[0].sent[0][1] == ("127.0.0.2", 4000)

    rung(scenario)


def test_an_answer_that_cannot_be_used_ends_the_call() -> None:
    """With a BYE."""

    async def scenario(phone: Phone) -> None:
        phone.say(phone.request("INVITE"))
        await phone.settle()
        phone.say(phone.request("ACK", to_tag=phone.tag))
        await phone.settle(2)
        assert phone.requests[0].method == "BYE"
        assert "cannot be used" in phone.exchange.ends[0]

    rung(scenario)


@pytest.mark.parametrize("direction", ["sendonly", "inactive"])
def test_on_hold_nothing_is_sent_and_no_word_is_lost(direction: str) -> None:
    """Taken up again it goes on."""

    async def scenario(phone: Phone) -> None:
        tag = await phone.call()
        await phone.settle(0.2)
        held = OFFER + f"a={direction}\r\n"
        phone.say(phone.request("INVITE", held, number=2, to_tag=tag))
        phone.say(phone.request("ACK", number=2, to_tag=tag))
        n_sent = len(phone.sockets[0].sent)
        assert n_sent
        await phone.settle(100)
        assert len(phone.sockets[0].sent) == n_sent
        assert "a=recvonly" in phone.response(200, -1).text or direction == "inactive"
        assert not phone.exchange.ends
        phone.say(phone.request("INVITE", OFFER, number=3, to_tag=tag))
        phone.say(phone.request("ACK", number=3, to_tag=tag))
        await phone.settle(1)
        assert 48 <= len(phone.sockets[0].sent) - n_sent <= 52

    rung(scenario)


def test_a_new_offer_that_cannot_be_leaves_all_as_it_is() -> None:
    """488, and the call goes on."""

    async def scenario(phone: Phone) -> None:
        tag = await phone.call()
        other = OFFER.replace("0 8 96", "18")
        phone.say(phone.request("INVITE", other, number=2, to_tag=tag))
        await phone.settle(1)
        assert phone.statuses[3] == 488
        assert phone.sockets[0].sent[-1][1] == ("127.0.0.2", 4000)
        assert not phone.exchange.ends

    rung(scenario)


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_audio_may_move(method: str) -> None:
    """To another port, in another codec."""

    async def scenario(phone: Phone) -> None:
        tag = await phone.call()
        await phone.settle(0.2)
        moved = OFFER.replace("4000", "4444").replace("0 8 96", "8")
        phone.say(phone.request(method, moved, number=2, to_tag=tag))
        await phone.settle(0.2)
        assert "m=audio 20000 RTP/AVP 8\r\n" in phone.response(200, -1).text
        packet, to = phone.sockets[0].sent[-1]
        assert (packet.payload_type, to[1]) == (8, 4444)

    rung(scenario)


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", 200),
        ("application/dtmf", "#", 200),
        ("application/dtmf", "nonsense", 200),
        ("application/json", "{}", 415),
    ],
)
def test_digits_come_by_info(
    kind: str, body: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In either form."""
    digits: list[str] = []

    async def scenario(phone: Phone) -> None:
        tag = await phone.call()
        call = phone.exchange.calls[0]
        monkeypatch.setattr(call, "pressed", digits.append)
        phone.say(phone.request("INFO", body, number=2, to_tag=tag, kind=kind))
        await phone.settle()
        assert phone.statuses[-1] == status

    rung(scenario)
    assert digits == {"Signal": ["5"], "#": ["#"]}.get(body[:6], [])


def test_a_session_that_is_not_refreshed_ends() -> None:
    """32 s before its time; one that is goes on."""
    timed = "Supported: timer\r\nSession-Expires: 120\r\n"

    async def scenario(phone: Phone) -> None:
        tag = await phone.call(headers=timed)
        answer = phone.response(200)
        assert answer.get_header("session-expires") == "120;refresher=uac"
        assert answer.get_header("require") == "timer"
        for socket in phone.sockets:
            assert socket.receive is not None
        await _audio(phone, 60)
        phone.say(phone.request("UPDATE", number=2, to_tag=tag, headers=timed))
        await _audio(phone, 70)
        assert not phone.exchange.ends
        await _audio(phone, 20)
        assert "no sign" in phone.exchange.ends[0]

    rung(scenario)


def test_we_refresh_where_that_is_ours() -> None:
    """With an UPDATE, at half its time; a side that knows no call ends it."""
    timed = "Supported: timer\r\nSession-Expires: 90;refresher=uas\r\n"

    async def scenario(phone: Phone) -> None:
        await phone.call(headers=timed)
        await _audio(phone, 45)
        await phone.settle(0.1)
        (update,) = phone.requests
        assert update.method == "UPDATE"
        phone.reply(update)
        await _audio(phone, 45)
        assert not phone.exchange.ends
        phone.reply(phone.requests[1], 481)
        await phone.settle(2)
        assert "does not answer" in phone.exchange.ends[0]

    rung(scenario)


async def _audio(phone: Phone, seconds: int) -> None:
    """Let time pass with a sign of life, as silence would end the call."""
    from voiceserver.media.rtp import RtpPacket, serialize

    for n in range(seconds):
        receive = phone.sockets[0].receive
        if receive is not None and not phone.sockets[0].closed:
            packet = RtpPacket(0, n, n * 8000, 3, b"\xff" * 160)
            receive(serialize(packet), ("127.0.0.2", 4000))
        await phone.settle(1)


def test_a_bye_says_that_the_200_came() -> None:
    """Where the ACK was lost, too: nothing is repeated to who has hung up."""

    async def scenario(phone: Phone) -> None:
        phone.say(phone.request("INVITE", OFFER))
        await phone.settle(0.2)
        phone.say(phone.request("BYE", number=2, to_tag=phone.tag))
        await phone.settle(40)
        assert len(phone.times_s(200)) == 2
        assert phone.exchange.ends == ["The caller hung up."]

    rung(scenario)


def test_numbers_of_payloads_may_move() -> None:
    """The codec stays; what has the new number is audio, and so is what we send."""
    opus = OFFER.replace("0 8 96", "111 96") + "a=rtpmap:111 opus/48000/2\r\n"
    moved = (
        opus.replace("111", "98").replace("96 tele", "99 tele").replace("8 96", "8 99")
    )

    async def scenario(phone: Phone) -> None:
        tag = await phone.call(opus)
        await phone.settle(0.2)
        assert phone.sockets[0].sent[-1][0].payload_type == 111
        phone.say(phone.request("INVITE", moved, number=2, to_tag=tag))
        phone.say(phone.request("ACK", number=2, to_tag=tag))
        await phone.settle(0.2)
        assert phone.sockets[0].sent[-1][0].payload_type == 98
        (call,) = phone.exchange.calls
        line = call._line
        assert line is not None and phone.sockets[0].receive is not None
        n_before = line.n_received
        for number, payload_type in enumerate((98, 99, 111)):
            packet = RtpPacket(payload_type, number, number * 960, 5, bytes(8))
            phone.sockets[0].receive(serialize(packet), ("127.0.0.2", 4000))
        assert line.n_received == n_before + 2  # 111 is nothing any more

    rung(scenario)
