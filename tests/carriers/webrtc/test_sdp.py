"""Offers are bounded and checked before a parser sees them."""

from __future__ import annotations

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.carriers.webrtc.sdp import checked_offer, with_public_address
from voiceserver.errors import BadRequest

FINGERPRINT = ":".join(["AB"] * 32)
OFFER = f"""v=0
o=- 1 1 IN IP4 0.0.0.0
s=-
t=0 0
a=group:BUNDLE 0 1
m=audio 9 UDP/TLS/RTP/SAVPF 111 0 8
c=IN IP4 0.0.0.0
a=mid:0
a=sendrecv
a=rtpmap:111 opus/48000/2
a=candidate:1 1 udp 2130706431 192.0.2.7 50000 typ host
a=end-of-candidates
a=ice-ufrag:abcd
a=ice-pwd:abcdefghijklmnopqrstuv
a=fingerprint:sha-256 {FINGERPRINT}
a=setup:actpass
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
a=mid:1
a=ice-ufrag:abcd
a=ice-pwd:abcdefghijklmnopqrstuv
a=fingerprint:sha-256 {FINGERPRINT}
a=sctp-port:5000
"""


def without(line: str) -> str:
    return "\n".join(row for row in OFFER.split("\n") if not row.startswith(line))


def audio_sections(count: int) -> str:
    head, audio, data = OFFER.partition("m=audio")[0], "", ""
    body = OFFER[len(head) :]
    audio, _, data = body.partition("m=application")
    return head + audio * count + "m=application" + data


def test_a_good_offer_passes_without_its_candidates() -> None:
    """Line ends become those of the standard."""
    checked = checked_offer(OFFER).text
    assert "candidate" not in checked
    assert checked.startswith("v=0\r\n")
    assert "a=candidate:1" in checked_offer(OFFER, keep_candidates=True).text


@pytest.mark.parametrize(
    ("offer", "says"),
    [
        ("", "v=0"),
        ("\n\n", "v=0"),
        ("hello", "v=0"),
        ("v=0\n", "no media"),
        ("v=0\n" + "a=rtpmap:100 X/8000\n" * 60_000, "larger than"),
        (OFFER + "a=x\n" * 1_000, "lines"),
        (audio_sections(2), "2 audio sections"),
        (audio_sections(100), "larger than"),
        (audio_sections(20), "media sections"),
        (OFFER.replace("m=audio", "m=video"), "0 audio sections"),
        (OFFER.replace("m=audio 9", "m=audio 0"), "0 audio sections"),
        (
            without("a=sendrecv").replace("t=0 0", "t=0 0\na=sendonly"),
            "cannot take the reply",
        ),
        (OFFER.replace("m=audio", "m=smell"), "smell"),
        (without("a=fingerprint"), "a fingerprint"),
        (without("a=ice-ufrag"), "an ice-ufrag"),
        (without("a=ice-pwd"), "an ice-pwd"),
        (OFFER.replace("opus/48000/2", "opus/99999999999999"), "rtpmap"),
        (OFFER.replace("opus/48000/2", "opus/0"), "rtpmap"),
        (OFFER.replace("SAVPF 111 0 8", "SAVPF 111"), None),
        (OFFER.replace("SAVPF 111 0 8", "SAVPF 96"), "codec in common"),
        (OFFER.replace("SAVPF 111", "SAVPF 999"), "payload type"),
        (OFFER.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"), "not encrypted"),
        (OFFER.replace("a=sendrecv", "a=sendonly"), "cannot take the reply"),
        (OFFER.replace("a=sendrecv", "a=inactive"), "cannot take the reply"),
        (OFFER.replace("a=sendrecv", "a=recvonly"), None),
        (OFFER.replace("m=audio 9", "m=audio 99999"), "kind"),
        (OFFER.replace("a=mid:1", "a=mid:0"), "a=mid of its own"),
        (without("a=mid:1"), "a=mid of its own"),
        (OFFER.replace("BUNDLE 0 1", "BUNDLE 7 8"), "BUNDLE"),
        (OFFER.replace("t=0 0", "t=0 0\na=group:BUNDLE 0"), "BUNDLE"),
        (without("a=group"), None),
        (without("a=group").replace("a=mid:0\n", "").partition("m=app")[0], None),
        (OFFER.replace("m=audio 9", "m=audio x"), "media line"),
        (OFFER.replace("s=-", "s=\u00e9"), "plain ASCII"),
        (OFFER.replace("s=-", "nonsense"), "x=value"),
        (OFFER.replace("a=mid:1", "a=candidate:x\n" * 1_000), "lines"),
        (OFFER.replace("a=mid:1", "a=candidate:x\n" * 100), "candidates"),
        (OFFER[: len(OFFER) // 3], "lacks"),
    ],
)
def test_what_is_wrong_is_said(offer: str, says: str | None) -> None:
    """One reason, in words; None means that it is fine."""
    if says is None:
        checked_offer(offer)
        return
    with pytest.raises(BadRequest, match=says) as caught:
        checked_offer(offer)
    assert caught.value.code == "invalid_sdp"


VIDEO = f"""m=video 9 UDP/TLS/RTP/SAVPF 49 102
a=mid:v
a=sendrecv
a=rtpmap:49 H265/90000
a=rtpmap:102 H264/90000
a=fmtp:102 profile-level-id=640c1f
a=ice-ufrag:abcd
a=ice-pwd:abcdefghijklmnopqrstuv
a=fingerprint:sha-256 {FINGERPRINT}
"""
STOPPED = "m=audio 0 UDP/TLS/RTP/SAVPF 9\na=mid:v\na=inactive\n"
TAKEN = (
    "v=0\r\na=group:BUNDLE 0 1\r\nm=audio 9 X 1\r\na=mid:0\r\nm=application 9 X x\r\n"
)


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("section", [VIDEO, STOPPED])
def test_video_and_what_is_stopped_are_rejected_in_their_place(
    section: str, place: int
) -> None:
    """Of any codec: port 0, out of the bundle, and no parser sees it."""
    head, audio, data = OFFER.replace("BUNDLE 0 1", "BUNDLE 0 v 1").split("\nm=")
    media = [f"m={audio}\n", f"m={data}"]
    media.insert(place, section)
    offer = checked_offer("".join([f"{head}\n", *media]))
    assert "a=group:BUNDLE 0 1\r\n" in offer.text
    assert offer.text.count("m=") == 2
    answer = offer.answer(TAKEN)
    assert answer.endswith("\r\n")
    kinds = [line for line in answer.split("\r\n") if line.startswith("m=")]
    assert kinds[place].split()[1] == "0"
    assert kinds[place].split()[0] == section.split()[0]
    assert [kind.split()[1] for kind in kinds].count("0") == 1
    assert "a=group:BUNDLE 0 1\r\n" in answer


@pytest.mark.parametrize(
    ("offer", "line"),
    [
        (without("a=sendrecv"), "a=sendrecv"),
        (without("a=sendrecv").replace("t=0 0", "t=0 0\na=recvonly"), "a=recvonly"),
        (OFFER, "a=rtpmap:0 PCMU/8000"),
        (OFFER.replace("SAVPF 111 0 8", "SAVPF 8"), "a=rtpmap:8 PCMA/8000"),
        (
            OFFER.replace("m=application 9", "m=application 0").replace(
                "a=mid:1", "a=mid:1\na=bundle-only"
            ),
            "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        ),
    ],
)
def test_what_an_offer_need_not_say_is_written_out(offer: str, line: str) -> None:
    """So that the check and the parser agree."""
    checked = checked_offer(offer)
    assert line in checked.text.split("\r\n")
    assert not checked.rejected


@given(st.text(max_size=300))
def test_no_text_raises_anything_else(text: str) -> None:
    """Whatever a stranger posts."""
    with pytest.raises(BadRequest):
        checked_offer(text)


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """An offer, cut, doubled or changed anywhere."""
    lines = OFFER.split("\n")
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        change = draw(st.sampled_from(["cut", "double", "junk", "trim"]))
        if change == "cut" and len(lines) > 1:
            del lines[at]
        elif change == "double":
            lines.insert(at, lines[at])
        elif change == "junk":
            lines[at] = draw(st.text(max_size=40))
        else:
            lines[at] = lines[at][: draw(st.integers(0, 40))]
    return "\n".join(lines)


@given(damaged())
def test_a_damaged_offer_passes_or_is_refused(offer: str) -> None:
    """And what passes has one microphone."""
    try:
        checked = checked_offer(offer)
    except BadRequest:
        return
    assert checked.text.count("m=audio") == 1


@pytest.mark.net
async def test_aiortcs_own_offer_passes() -> None:
    """What real clients send."""
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    peer.addTransceiver("audio")
    peer.createDataChannel("oai-events")
    await peer.setLocalDescription(await peer.createOffer())
    assert "m=audio" in checked_offer(peer.localDescription.sdp).text
    await peer.close()


ANSWER = (
    "v=0\r\n"
    "a=candidate:12ab 1 udp 2130706431 10.0.0.7 40000 typ host\r\n"
    "a=candidate:34cd 1 udp 2130706431 127.0.0.1 40001 typ host\r\n"
    "a=candidate:56ef 1 udp 2130706431 fd00::7 40002 typ host\r\n"
    "a=end-of-candidates\r\n"
)


def test_a_public_address_is_offered_beside_the_machines_own() -> None:
    """Of the same family, at the same port; not for loopback."""
    lines = with_public_address(ANSWER, "203.0.113.9").split("\r\n")
    assert lines[2] == "a=candidate:912ab 1 udp 2130706431 203.0.113.9 40000 typ host"
    assert len(lines) == len(ANSWER.split("\r\n")) + 1
    assert with_public_address(ANSWER, "") == ANSWER
