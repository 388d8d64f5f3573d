"""SIP messages, the torture tests of RFC 4475 among them."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiosipua import SipRequest, SipResponse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.recordings import data_folder
from voiceserver.carriers.sip.message import (
    NotSip,
    cseq,
    read,
    response,
    tag,
    top_via,
    uri_in,
    user_in,
)

# What is made of each message of RFC 4475: 0 is taken, -1 is dropped, else the status
# that refuses it. Where the RFC leaves it open (3.1.2.9, .10, .12, .15) what is no
# danger is taken, as the rest of the message is in order.
VERDICTS = {
    "wsinv": 0,
    "intmeth": 405,
    "esc01": 0,
    "escnull": 405,
    "esc02": 405,
    "lwsdisp": 0,
    "longreq": 0,
    "dblreq": 405,
    "semiuri": 0,
    "transports": 0,
    "mpart01": 405,
    "unreason": 0,
    "noreason": 0,
    "badinv01": 400,
    "clerr": 400,
    "ncl": 400,
    "scalar02": 400,
    "scalarlg": -1,
    "quotbal": 400,
    "ltgtruri": 400,
    "lwsruri": 400,
    "escruri": 400,
    "regbadct": 400,
    "badaspec": 400,
    "mismatch01": 400,
    "mismatch02": 400,
    "bigcode": -1,
    "badvers": 505,
    "insuf": -1,
    "multi01": 400,
    "mcl01": 400,
    "unkscm": 416,
    "novelsc": 416,
    "bext01": 420,
    "invut": 415,
    "sdp01": 406,
    "badbranch": 0,
    "baddate": 0,
    "baddn": 400,
    "bcast": 0,
    "cparam01": 405,
    "cparam02": 405,
    "inv2543": 0,
    "lwsstart": 400,
    "regaut01": 405,
    "regescrt": 405,
    "trws": 400,
    "unksm2": 405,
    "zeromf": 0,
    "test": -1,
}

OPTIONS = (
    b"OPTIONS sip:100@127.0.0.1 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1;rport\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK2\r\n"
    b"From: A <sip:a@192.0.2.1>;tag=1\r\nTo: <sip:100@127.0.0.1>\r\n"
    b"Call-ID: x\r\nCSeq: 7 OPTIONS\r\nRecord-Route: <sip:p;lr>\r\n"
    b"Content-Length: 0\r\n\r\n"
)


def torture(name: str) -> bytes:
    folder: Path = data_folder() / "rfc4475"
    if not folder.is_dir():
        pytest.skip("no messages of RFC 4475 among the data")
    return (folder / f"{name}.dat").read_bytes()


def verdict(packet: bytes) -> int:
    try:
        _, refusal = read(packet)
    except NotSip:
        return -1
    return 0 if refusal is None else refusal.status


@pytest.mark.speech
@pytest.mark.parametrize("name", VERDICTS)
def test_the_torture_messages_have_their_verdicts(name: str) -> None:
    """As RFC 4475 divides them."""
    assert verdict(torture(name)) == VERDICTS[name]


@pytest.mark.speech
@settings(max_examples=200, suppress_health_check=list(HealthCheck), deadline=None)
@given(
    st.sampled_from(sorted(VERDICTS)),
    st.integers(0, 2000),
    st.integers(0, 20),
    st.binary(max_size=20),
)
def test_mutations_of_them_are_read_or_dropped(
    name: str, at: int, n_cut: int, inserted: bytes
) -> None:
    """What is read can be answered; nothing else is raised."""
    packet = torture(name)
    try:
        message, _ = read(packet[:at] + inserted + packet[at + n_cut :])
    except NotSip:
        return
    cseq(message)
    top_via(message)
    if isinstance(message, SipRequest):
        assert bytes(response(message, 400, "tag"))


@given(st.binary(max_size=300))
def test_anything_is_read_or_dropped(packet: bytes) -> None:
    """Nothing else is raised."""
    assert verdict(packet) == -1


def test_a_response_repeats_what_it_must() -> None:
    """All Vias in order, and a tag on To."""
    message, refusal = read(OPTIONS)
    assert refusal is None
    assert isinstance(message, SipRequest)
    answer, _ = read(bytes(response(message, 200, "mine", [("Allow", "X")])))
    assert isinstance(answer, SipResponse)
    assert answer.get_header_values("via") == message.get_header_values("via")
    assert tag(answer, "to") == "mine"
    assert cseq(answer) == (7, "OPTIONS")
    assert answer.get_header("allow") == "X"
    assert answer.get_header("record-route") is None


def test_the_top_via_says_where_answers_go() -> None:
    """And which transaction it is."""
    via = top_via(read(OPTIONS)[0])
    assert (via.transport, via.sent_by, via.port) == ("UDP", "192.0.2.1:5060", 5060)
    assert (via.branch, via.rport) == ("z9hG4bK1", True)


@pytest.mark.parametrize("filling", ['"\\', "<", " ;", ";", '\\"', "a"])
def test_what_is_too_long_is_not_looked_into(filling: str) -> None:
    """Or a single message would hold everybody else's up."""
    odd = (filling * 14_000)[:14_000].encode()
    assert verdict(OPTIONS.replace(b"To: <", b"To: x" + odd + b"x <")) == 400
    assert (
        verdict(OPTIONS.replace(b";rport", b";rport" + odd[:7000] + b"!" + odd[:7000]))
        == -1
    )
    assert verdict(OPTIONS + odd * 2) == -1


def test_a_branch_that_is_only_the_cookie_is_none() -> None:
    """RFC 4475, 3.2.1."""
    message, _ = read(OPTIONS.replace(b"z9hG4bK1", b"z9hG4bK"))
    assert top_via(message).branch == ""


@pytest.mark.parametrize(
    ("uri", "user"),
    [
        ("sip:100@127.0.0.1", "100"),
        ("sip:%31%300@h", "100"),
        ("sip:+1555;phone-context=x@h;user=phone", "+1555"),
        ("tel:+1-555;ext=1", "+1-555"),
        ("sip:127.0.0.1", ""),
        ("sip:a:secret@h", "a"),
    ],
)
def test_the_number_is_in_the_address(uri: str, user: str) -> None:
    """However it is written."""
    assert user_in(uri) == user


def test_an_address_is_in_brackets_or_bare() -> None:
    """Its parameters are not those of the header."""
    assert uri_in('"A" <sip:a@h;x=1>;tag=2') == "sip:a@h;x=1"
    assert uri_in("sip:a@h;tag=2") == "sip:a@h"
