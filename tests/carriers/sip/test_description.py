"""Offers and answers."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.carriers.sip.phone import OFFER
from voiceserver.carriers.sip.description import (
    NotAcceptable,
    Ours,
    agreed_by,
    answer_to,
    offer,
    offer_again,
)

OURS = Ours("192.0.2.1", 20_000, 5, 1, bytes(range(30)))
THEIRS = bytes(range(30, 60))
CRYPTO = (
    "a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:"
    + base64.b64encode(THEIRS).decode()
    + "|2^20|1:4\r\n"
)


def test_the_first_codec_that_there_is_is_taken() -> None:
    """Under the offer's own numbers, digits too."""
    agreed, answer = answer_to(OFFER.replace("0 8 96", "18 8 0 96"), OURS)
    assert (agreed.payload_type, agreed.mime_type) == (8, "audio/pcma")
    assert (agreed.host, agreed.port) == ("127.0.0.2", 4000)
    assert (agreed.events, agreed.events_rate) == (96, 8000)
    assert agreed.sends
    assert agreed.receives
    assert "m=audio 20000 RTP/AVP 8 96\r\n" in answer
    assert "a=rtpmap:96 telephone-event/8000\r\n" in answer
    assert "c=IN IP4 192.0.2.1\r\n" in answer
    assert "a=sendrecv" in answer


def test_opus_keeps_its_moving_number() -> None:
    """And its digits' clock is the audio's, where there are two."""
    text = OFFER.replace("0 8 96", "107 0 96 110") + (
        "a=rtpmap:107 opus/48000/2\r\na=rtpmap:110 telephone-event/48000\r\n"
    )
    agreed, answer = answer_to(text, OURS)
    assert (agreed.payload_type, agreed.mime_type) == (107, "audio/opus")
    assert (agreed.events, agreed.events_rate) == (110, 48_000)
    assert "a=rtpmap:107 opus/48000/2\r\n" in answer


@pytest.mark.parametrize(
    ("theirs", "ours", "sends", "receives"),
    [
        ("sendonly", "recvonly", False, True),
        ("recvonly", "sendonly", True, False),
        ("inactive", "inactive", False, False),
        ("sendrecv", "sendrecv", True, True),
    ],
)
def test_a_direction_is_answered_by_its_mirror(
    theirs: str, ours: str, sends: bool, receives: bool
) -> None:
    """In the audio's section, or for all of them."""
    for text in (OFFER + f"a={theirs}\r\n", OFFER.replace("m=", f"a={theirs}\r\nm=")):
        agreed, answer = answer_to(text, OURS)
        assert f"a={ours}\r\n" in answer
        assert (agreed.sends, agreed.receives) == (sends, receives)


def test_held_by_an_address_that_is_none() -> None:
    """As RFC 2543 had it: nothing is sent."""
    agreed, _ = answer_to(OFFER.replace("c=IN IP4 127.0.0.2", "c=IN IP4 0.0.0.0"), OURS)
    assert not agreed.sends


def test_every_section_has_its_answer() -> None:
    """What is not taken has port 0."""
    video = "m=video 5000 RTP/AVP 31\r\n"
    _, answer = answer_to(OFFER.replace("m=audio", video + "m=audio"), OURS)
    assert answer.index("m=video 0 RTP/AVP 31") < answer.index("m=audio 20000")


def test_keys_are_exchanged_where_the_profile_needs_them() -> None:
    """Ours under their tag and suite."""
    text = OFFER.replace("RTP/AVP", "RTP/SAVP") + CRYPTO
    agreed, answer = answer_to(text, OURS)
    assert agreed.keys is not None
    assert agreed.keys.theirs == THEIRS
    ours = base64.b64encode(OURS.key).decode()
    assert f"a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:{ours}\r\n" in answer
    assert "RTP/SAVP" in answer


@pytest.mark.parametrize(
    "text",
    [
        OFFER.replace("RTP/AVP", "RTP/SAVP"),
        OFFER.replace("RTP/AVP", "RTP/SAVP") + CRYPTO.replace("inline:", "inline:x"),
        OFFER.replace("RTP/AVP", "RTP/SAVP") + CRYPTO.replace("SHA1_80", "SHA9"),
        OFFER.replace("RTP/AVP", "RTP/AVPF"),
        OFFER.replace("0 8 96", "96"),
        OFFER.replace("4000", "0"),
        OFFER.replace("4000", "99999"),
        OFFER.replace("PCMU/8000", "PCMU/x"),
        "",
        "v=0\r\n",
    ],
)
def test_what_gives_no_audio_is_not_acceptable(text: str) -> None:
    """Whatever is wrong with it."""
    with pytest.raises(NotAcceptable):
        answer_to(text, OURS)


@given(st.text(max_size=40), st.integers(0, len(OFFER)), st.integers(0, 30))
def test_mutations_are_answered_or_not_acceptable(
    inserted: str, at: int, n_cut: int
) -> None:
    """Nothing else is raised."""
    try:
        agreed, _ = answer_to(OFFER[:at] + inserted + OFFER[at + n_cut :], OURS)
    except NotAcceptable:
        return
    assert 0 < agreed.port < 65536


@pytest.mark.parametrize("secure", [False, True])
def test_our_own_offer_is_answered_and_agreed_on(secure: bool) -> None:
    """By a server like this one."""
    made = offer(OURS, secure)
    other = Ours("192.0.2.2", 30_000, 6, 1, THEIRS)
    theirs, answer = answer_to(made, other)
    ours = agreed_by(answer, OURS, secure)
    assert ours.mime_type == theirs.mime_type == "audio/opus"
    assert (ours.host, ours.port) == ("192.0.2.2", 30_000)
    assert ours.events == theirs.events
    assert (ours.keys is None) is (theirs.keys is None) is (not secure)


def test_an_answer_may_number_otherwise() -> None:
    """We send by its numbers, and take those of our offer too."""
    text = OFFER.replace("0 8 96", "111 98") + (
        "a=rtpmap:111 opus/48000/2\r\na=rtpmap:98 telephone-event/8000\r\n"
    )
    agreed = agreed_by(text, OURS)
    assert (agreed.payload_type, agreed.events) == (111, 98)
    opus, digits = "audio/opus", "audio/telephone-event"
    assert agreed.codecs == {96: opus, 111: opus, 101: digits, 98: digits}


def test_wideband_is_taken_where_it_is_first() -> None:
    """G.722, whose clock is said to be 8 kHz."""
    agreed, answer = answer_to(OFFER.replace("0 8 96", "9 0 96"), OURS)
    assert (agreed.payload_type, agreed.mime_type) == (9, "audio/g722")
    assert "a=rtpmap:9 G722/8000\r\n" in answer
    made = offer(OURS)
    assert "m=audio 20000 RTP/AVP 96 9 0 8 101\r\n" in made


def test_an_answer_of_another_profile_is_not_acceptable() -> None:
    """What was offered encrypted is not answered in the clear."""
    _, answer = answer_to(offer(OURS), OURS)
    with pytest.raises(NotAcceptable):
        agreed_by(answer, OURS, secure=True)


@pytest.mark.parametrize(
    ("lines", "ptime_ms"),
    [
        ("", 20),
        ("a=ptime:10\r\n", 10),
        ("a=ptime:20\r\n", 20),
        ("a=ptime:30\r\n", 30),
        ("a=ptime:40\r\na=maxptime:150\r\n", 40),
        ("a=ptime:60\r\n", 60),
        ("a=ptime:60\r\na=maxptime:30\r\n", 30),
        ("a=maxptime:10\r\n", 10),
        ("a=ptime:200\r\n", 60),
        ("a=ptime:35\r\n", 30),
        ("a=ptime:5\r\n", 10),
        ("a=ptime:0\r\na=maxptime:0\r\n", 20),
        ("a=ptime:\r\n", 20),
        ("a=ptime:-40\r\n", 20),
        ("a=ptime:4e1\r\n", 20),
        ("a=ptime:99999999999999\r\n", 20),
    ],
)
def test_packets_are_as_long_as_they_ask(lines: str, ptime_ms: int) -> None:
    """In tens of ms, 10 to 60; what is none is as if nothing was asked for.

    The answer says so, and so does what is offered anew.
    """
    agreed, answer = answer_to(OFFER + lines, OURS)
    assert agreed.ptime_ms == ptime_ms
    again = offer_again(agreed, OURS, "sendrecv")
    for said in (answer, again):
        assert f"a=ptime:{ptime_ms}\r\n" in said
        assert "a=maxptime:60\r\n" in said
    assert agreed_by(OFFER + lines, OURS).ptime_ms == ptime_ms


def test_opus_has_frames_of_its_own() -> None:
    """Whatever is asked for, as its receivers take any."""
    text = (
        OFFER.replace("0 8 96", "111") + "a=rtpmap:111 opus/48000/2\r\na=ptime:40\r\n"
    )
    agreed, answer = answer_to(text, OURS)
    assert agreed.ptime_ms == 20
    assert "a=ptime:20\r\n" in answer
