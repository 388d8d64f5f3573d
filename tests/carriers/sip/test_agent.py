"""What the server answers as a telephone: each trap of other stacks is a test."""

from __future__ import annotations

import pytest

from tests.carriers.sip.phone import OFFER, THERE, Phone, rung
from voiceserver.carriers.sip.agent import TurnedAway
from voiceserver.config import Config, NumberConfig, SipConfig, SipTrunk
from voiceserver.errors import Overloaded, VoiceServerError


def test_a_call_rings_is_taken_and_is_hung_up() -> None:
    """100, 180, 200; BYE is answered, the call ends, nothing is left."""

    async def scenario(phone: Phone) -> None:
        tag = await phone.call()
        assert phone.statuses == [100, 180, 200]
        await phone.settle(2)
        phone.say(phone.request("BYE", number=2, to_tag=tag))
        await phone.settle()
        assert phone.statuses[-1] == 200
        assert phone.exchange.ends == ["The caller hung up."]

    phone = rung(scenario)
    assert phone.agent.n_legs == 0
    assert all(each.closed for each in phone.sockets)
    assert not phone.requests


def test_a_copy_of_an_invite_is_no_second_call() -> None:
    """The last response comes again, with the same tag."""

    async def scenario(phone: Phone) -> None:
        invite = phone.request("INVITE", OFFER)
        for _ in range(3):
            phone.say(invite)
        await phone.settle()
        phone.say(invite)
        assert len(phone.exchange.calls) == 1
        tags = {m.get_header("to") for _, m in phone.got[1:] if m.get_header("to")}
        assert len({each for each in tags if each and "tag=" in each}) == 1

    rung(scenario)


def test_a_200_is_repeated_until_its_ack() -> None:
    """After 0.5 s, 1 s, 2 s; no more once the ACK has come, however late."""

    async def scenario(phone: Phone) -> None:
        phone.say(phone.request("INVITE", OFFER))
        await phone.settle(4)
        times_s = phone.times_s(200)
        assert [round(t - times_s[0], 2) for t in times_s] == [0, 0.5, 1.5, 3.5]
        phone.say(phone.request("ACK", to_tag=phone.tag))
        await phone.settle(30)
        assert len(phone.times_s(200)) == 4
        assert not phone.exchange.ends

    rung(scenario)


def test_a_call_that_nobody_acknowledges_ends() -> None:
    """After 32 s, with a BYE."""

    async def scenario(phone: Phone) -> None:
        phone.say(phone.request("INVITE", OFFER))
        await phone.settle(40)
        assert phone.exchange.ends == ["The call was never acknowledged."]
        assert phone.requests[0].method == "BYE"

    rung(scenario)


def test_a_refusal_is_repeated_until_its_ack() -> None:
    """Over UDP; its ACK has the INVITE's branch."""

    async def scenario(phone: Phone) -> None:
        phone.say(phone.request("INVITE", "v=0\r\n", branch="z9hG4bKx"))
        await phone.settle(2)
        assert phone.statuses == [100, 180, 488, 488, 488]
        phone.say(phone.request("ACK", branch="z9hG4bKx", to_tag=phone.tag))
        await phone.settle(30)
        assert phone.statuses.count(488) == 3

    rung(scenario)


def test_over_a_connection_a_refusal_is_sent_once() -> None:
    """The network repeats what it loses."""

    async def scenario(phone: Phone) -> None:
        phone.say(phone.request("INVITE", "v=0\r\n"))
        await phone.settle(10)
        assert phone.statuses == [100, 180, 488]

    rung(scenario, reliable=True)


def test_proxies_on_the_way_stay_on_it() -> None:
    """Record-Route is in 180 and 200, and our BYE goes by it."""
    route = "<sip:192.0.2.1;lr>"

    async def scenario(phone: Phone) -> None:
        await phone.call(headers=f"Record-Route: {route}\r\n")
        assert phone.response(100).get_header("record-route") is None
        for status in (180, 200):
            assert phone.response(status).get_header("record-route") == route
        phone.exchange.calls[0].hang_up("enough")
        await phone.settle()
        bye = phone.requests[0]
        assert bye.method == "BYE"
        assert bye.uri == "sip:them@127.0.0.2:5070"
        assert bye.get_header("route") == route
        assert phone.to[-1] == THERE
        phone.reply(bye)

    rung(scenario)


def test_a_bye_is_repeated_until_it_is_answered() -> None:
    """It is lost three times; the call does not wait for it for ever."""

    async def scenario(phone: Phone) -> None:
        await phone.call()
        phone.lost = 3
        phone.exchange.calls[0].hang_up("enough")
        await phone.settle(5)
        assert [each.method for each in phone.requests] == ["BYE"]
        phone.reply(phone.requests[0])
        await phone.settle(40)
        assert len(phone.requests) == 1

    rung(scenario)


@pytest.mark.parametrize(
    ("method", "headers", "to_tag", "status"),
    [
        ("INVITE", "", "unknown", 481),
        ("BYE", "", "unknown", 481),
        ("BYE", "", "", 481),
        ("CANCEL", "", "", 481),
        ("INVITE", "Require: teleport\r\n", "", 420),
        ("INVITE", "Content-Encoding: gzip\r\n", "", 415),
        ("INVITE", "Accept: text/plain\r\n", "", 406),
        ("INVITE", "Supported: timer\r\nSession-Expires: 20\r\n", "", 422),
        ("REGISTER", "", "", 405),
        ("SUBSCRIBE", "", "", 405),
        ("OPTIONS", "", "", 200),
    ],
)
def test_what_cannot_be_is_refused(
    method: str, headers: str, to_tag: str, status: int
) -> None:
    """By the status that says why."""

    async def scenario(phone: Phone) -> None:
        body = OFFER if method == "INVITE" else ""
        phone.say(phone.request(method, body, headers=headers, to_tag=to_tag))
        await phone.settle()
        assert phone.statuses == [status]
        answer = phone.response(status)
        if status in (405, 200):
            assert "INVITE" in (answer.get_header("allow") or "")
        if status == 420:
            assert answer.get_header("unsupported") == "teleport"
        if status == 422:
            assert answer.get_header("min-se") == "90"

    rung(scenario)


@pytest.mark.parametrize(
    "offer",
    [
        OFFER.replace("RTP/AVP", "RTP/SAVP"),
        OFFER.replace("0 8 96", "18").replace("PCMU", "G729"),
        OFFER.replace("RTP/AVP", "UDP/TLS/RTP/SAVPF"),
        OFFER.replace("m=audio", "m=video"),
        "nonsense",
        "v=0\r\nm=audio x RTP/AVP 0\r\n",
    ],
)
def test_audio_that_cannot_be_had_is_refused(offer: str) -> None:
    """Encryption without keys, no common codec, no audio: 488, and no port is kept."""

    async def scenario(phone: Phone) -> None:
        phone.say(phone.request("INVITE", offer))
        await phone.settle()
        assert phone.statuses == [100, 180, 488]

    phone = rung(scenario)
    assert phone.agent.n_legs == 0
    assert all(each.closed for each in phone.sockets)


@pytest.mark.parametrize(
    ("error", "status"),
    [(Overloaded("full"), 503), (VoiceServerError("not warm"), 480)],
)
def test_a_server_that_cannot_says_when_to_come_back(
    error: VoiceServerError, status: int
) -> None:
    """Full or not warm yet."""

    async def scenario(phone: Phone) -> None:
        phone.exchange.refusal = error
        phone.say(phone.request("INVITE", OFFER))
        await phone.settle()
        assert phone.statuses == [100, status]
        assert phone.response(status).get_header("retry-after") == "5"

    assert rung(scenario).agent.n_legs == 0


def test_who_is_not_listed_is_not_answered() -> None:
    """As if there was no server."""

    async def scenario(phone: Phone) -> None:
        for method in ("OPTIONS", "INVITE", "REGISTER"):
            phone.say(phone.request(method), source=("192.0.2.9", 5060))
        await phone.settle()
        assert not phone.got

    rung(scenario)


def test_junk_and_keep_alives_are_not_answered(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """And not each of them writes a line."""
    junk = (
        b"\r\n\r\n",
        b"\0",
        b"\xff" * 100,
        b"GET / HTTP/1.1\r\n\r\n",
        b"SIP/2.0\r\n",
    )

    async def scenario(phone: Phone) -> None:
        for _ in range(50):
            for each in junk:
                phone.say(each)
        await phone.settle()
        assert not phone.got

    with caplog.at_level("INFO"):
        rung(scenario)
    assert len(caplog.records) <= 2


def test_a_flood_is_cut_off() -> None:
    """A trunk has a rate, and a burst."""

    async def scenario(phone: Phone) -> None:
        for _ in range(5000):
            phone.say(phone.request("OPTIONS"))
        assert len(phone.got) == 1000

    rung(scenario)


def test_new_calls_have_a_rate() -> None:
    """More are asked to come back."""

    async def scenario(phone: Phone) -> None:
        for n in range(3):
            phone.say(phone.request("INVITE", OFFER, call_id=str(n), number=n + 1))
        await phone.settle()
        assert phone.statuses.count(200) == 2
        assert phone.response(503).get_header("retry-after") == "5"

    rung(scenario, Config(sip=SipConfig(port=5060, invites_per_s=1)))


def test_a_trunk_may_be_busy() -> None:
    """One call too many of it is a 486; when one has ended there is room."""
    trunk = SipTrunk(("127.0.0.0/8",), max_calls=1)

    async def scenario(phone: Phone) -> None:
        tag = await phone.call()
        phone.say(phone.request("INVITE", OFFER, call_id="b"))
        await phone.settle()
        assert phone.statuses[-1] == 486
        phone.say(phone.request("BYE", number=2, to_tag=tag))
        await phone.settle()
        phone.say(phone.request("INVITE", OFFER, call_id="c"))
        await phone.settle()
        assert phone.statuses[-1] == 200

    rung(scenario, Config(sip=SipConfig(port=5060, trunk=(trunk,))))


def test_two_calls_at_once_for_the_last_place_are_one_taken_and_one_refused() -> None:
    """The second ended the whole telephone, with all calls that were being set up."""
    trunk = SipTrunk(("127.0.0.0/8",), max_calls=1)

    async def scenario(phone: Phone) -> None:
        for call_id in ("a", "b"):
            phone.say(phone.request("INVITE", OFFER, call_id=call_id))
        await phone.settle()
        assert phone.statuses == [100, 486, 180, 200]
        assert len(phone.exchange.calls) == 1

    rung(scenario, Config(sip=SipConfig(port=5060, trunk=(trunk,))))


def test_a_number_that_nobody_answers_is_not_found() -> None:
    """Where numbers are listed; who answers is of the number."""
    number = NumberConfig("+1 555 0199", "Be brief.", greeting="Hi.")

    async def scenario(phone: Phone) -> None:
        phone.say(phone.request("INVITE", OFFER, user="100"))
        await phone.settle()
        assert phone.statuses == [404]
        phone.say(phone.request("INVITE", OFFER, user="15550199", call_id="b"))
        await phone.settle()
        assert phone.statuses[-1] == 200
        assert phone.exchange.callers[0].session["instructions"] == "Be brief."

    rung(scenario, Config(sip=SipConfig(port=5060, number=(number,))))


def test_a_caller_may_give_up_while_it_rings() -> None:
    """CANCEL: 200 to it, 487 to the INVITE, and the call is over."""

    async def scenario(phone: Phone) -> None:
        phone.exchange.slow_s = 1.0
        phone.say(phone.request("INVITE", OFFER, branch="z9hG4bKx"))
        await phone.settle()
        phone.say(phone.request("CANCEL", branch="z9hG4bKx"))
        await phone.settle()
        assert phone.statuses == [100, 180, 200, 487]
        phone.say(phone.request("ACK", branch="z9hG4bKx", to_tag=phone.tag))
        await phone.settle(5)
        assert phone.statuses == [100, 180, 200, 487]
        assert phone.exchange.ends == ["The caller gave up."]

    assert rung(scenario).agent.n_legs == 0


def test_a_caller_who_gives_up_at_once_leaves_no_call() -> None:
    """A CANCEL read straight after its INVITE: nothing is there to be ended yet."""

    async def scenario(phone: Phone) -> None:
        phone.say(phone.request("INVITE", OFFER, branch="z9hG4bKx"))
        phone.say(phone.request("CANCEL", branch="z9hG4bKx"))
        await phone.settle()
        assert phone.statuses == [100, 200, 487]
        assert not phone.exchange.calls

    assert rung(scenario).agent.n_legs == 0


def test_giving_up_too_late_changes_nothing() -> None:
    """A CANCEL that crosses the 200: the call stands, a BYE is awaited."""

    async def scenario(phone: Phone) -> None:
        phone.say(phone.request("INVITE", OFFER, branch="z9hG4bKx"))
        await phone.settle()
        phone.say(phone.request("CANCEL", branch="z9hG4bKx"))
        await phone.settle()
        assert phone.statuses == [100, 180, 200, 200]
        assert not phone.exchange.ends

    rung(scenario)


def test_hanging_up_while_it_rings_ends_the_invite_too() -> None:
    """A BYE before the 200."""

    async def scenario(phone: Phone) -> None:
        phone.exchange.slow_s = 1.0
        phone.say(phone.request("INVITE", OFFER))
        await phone.settle()
        phone.say(phone.request("BYE", number=2, to_tag=phone.tag))
        await phone.settle()
        assert sorted(phone.statuses[2:]) == [200, 487]

    rung(scenario)


def test_one_request_by_two_ways_is_one_call() -> None:
    """A forked INVITE that arrives twice: the second copy is a loop."""

    async def scenario(phone: Phone) -> None:
        phone.say(phone.request("INVITE", OFFER))
        await phone.settle()
        phone.say(phone.request("INVITE", OFFER))
        assert phone.statuses[-1] == 482
        assert len(phone.exchange.calls) == 1

    rung(scenario)


def test_an_old_request_within_a_call_is_refused() -> None:
    """Its number is no higher than the last one's."""

    async def scenario(phone: Phone) -> None:
        tag = await phone.call(number=5)
        phone.say(phone.request("BYE", number=4, to_tag=tag))
        await phone.settle()
        assert phone.statuses[-1] == 500
        assert not phone.exchange.ends

    rung(scenario)


def test_answers_go_where_the_request_came_from() -> None:
    """Never to the host of a Via; to its port where no other is asked for."""

    async def scenario(phone: Phone) -> None:
        options = phone.request("OPTIONS").replace("127.0.0.2:5070", "192.0.2.66:666")
        phone.say(options)
        phone.say(options.replace(";rport", "").replace("z9hG4bK", "z9hG4bKy"))
        assert phone.to == [THERE, (THERE[0], 666)]
        via = phone.response(200).get_header("via") or ""
        assert "received=127.0.0.2" in via
        assert "rport=5070" in via

    rung(scenario)


def test_a_flood_that_lasts_is_told_ever_more_rarely(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Three lines of the first five seconds; after a quiet minute it is news again."""
    now_ns = [0]
    turned_away = TurnedAway(lambda: now_ns[0])

    def flood(seconds: int) -> int:
        caplog.clear()
        for _ in range(seconds * 100):
            turned_away.count("stranger", "192.0.2.1")
            now_ns[0] += 10_000_000
        return len(caplog.records)

    with caplog.at_level("INFO"):
        assert [flood(5), flood(295)] == [3, 7]
        now_ns[0] += 70_000_000_000
        assert flood(5) == 3
