"""The whole agent against strangers, junk and mutilated messages, in virtual time."""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.carriers.sip.phone import OFFER, THERE, Phone, rung, written
from tests.recordings import ROOT

STRANGER = ("192.0.2.9", 5060)
PTIME_S = 0.02
N_JUNK = 200  # beside each packet of the live call: 10,000 a second
PROBES = (
    b"\xff" * 172,
    b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"SIP/2.0 200 OK\r\n\r\n",
    b"INVITE sip:100@h SIP/2.0\r\n\r\n",
    b"OPTIONS sip:100@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK" + b"a" * 900,
    b"\x80\x00" + bytes(170),
)
OURS = [
    written("INVITE", OFFER),
    written("INVITE", OFFER, headers="Session-Expires: 1800\r\nSupported: timer\r\n"),
    written("OPTIONS"),
    written("BYE", to_tag="x"),
    written("INFO", "Signal=5\r\n", kind="application/dtmf-relay"),
    written("CANCEL"),
    written("ACK", to_tag="x"),
]


def torture() -> list[bytes]:
    """The messages of RFC 4475, where they are; and some of telephones."""
    folder = Path(os.environ.get("VOICESERVER_DATA") or ROOT.parent / "shared/data")
    found = sorted((folder / "rfc4475").glob("*.dat"))  # none where there is no data
    return [each.read_bytes() for each in found] + [each.encode() for each in OURS]


MESSAGES = torture()
Cut = tuple[int, int, bytes]


def mutilated(message: bytes, cuts: Sequence[Cut]) -> bytes:
    """Replace pieces of it: where, how many octets, by what."""
    for at, n_octets, by in cuts:
        where = at % (len(message) + 1)
        message = message[:where] + by + message[where + n_octets :]
    return message


def shuffled(message: bytes, seed: int) -> bytes:
    """Some of its lines elsewhere, twice, or not at all."""
    rng = random.Random(seed)
    lines = message.split(b"\r\n")
    for _ in range(rng.randint(0, 3)):
        line = lines.pop(rng.randrange(len(lines)))
        for _ in range(rng.randint(0, 2)):
            lines.insert(rng.randint(0, len(lines)), line)
        if not lines:
            break
    return b"\r\n".join(lines)


CUTS = st.lists(
    st.tuples(
        st.integers(0, 4000),
        st.integers(0, 40),
        st.one_of(
            st.binary(max_size=20),
            st.sampled_from(
                [b"\r\n", b";", b"<", b">", b'"', b"%00", b"sip:", b": ", b"=", b","]
            ),
        ),
    ),
    max_size=6,
)


@given(st.data(), st.integers(0, 1 << 16))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_message_is_a_fault(drawn: st.DataObject, seed: int) -> None:
    """However mutilated: nothing is logged as one, and a call goes on beside it."""
    messages = [
        shuffled(mutilated(drawn.draw(st.sampled_from(MESSAGES)), cuts), seed + n)
        for n, cuts in enumerate(drawn.draw(st.lists(CUTS, min_size=1, max_size=12)))
    ]

    async def scenario(phone: Phone) -> None:
        tag = await phone.call(call_id="live")
        for message in messages:
            phone.say(message)
            phone.say(message, source=STRANGER)
            await phone.settle(0.1)
        assert {to[0] for to in phone.to} == {THERE[0]}
        phone.say(phone.request("BYE", number=2, to_tag=tag, call_id="live"))
        await phone.settle()
        assert phone.exchange.ends[0] == "The caller hung up."

    with pytest.MonkeyPatch.context() as patched:
        faults: list[str] = []

        def told(text: str, *_arguments: object, **_more: object) -> None:
            faults.append(text)

        patched.setattr("voiceserver.carriers.sip.agent.log.exception", told)
        patched.setattr("voiceserver.media.receiver.log.exception", told)
        rung(scenario)
        assert not faults


def test_a_stranger_is_answered_nothing_whatever_is_said() -> None:
    """Not even that there is a server."""

    async def scenario(phone: Phone) -> None:
        for message in (*MESSAGES, *PROBES):
            phone.say(message, source=STRANGER)
        await phone.settle(40)
        assert not phone.got

    rung(scenario)


@pytest.mark.parametrize("source", [STRANGER, THERE])
def test_a_call_does_not_notice_a_flood(
    source: tuple[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    """10,000 packets in a second: no frame is missing, and few lines are written."""

    async def scenario(phone: Phone) -> None:
        await phone.call()
        await phone.settle(0.5)
        sent, before = phone.sockets[0].sent, len(phone.sockets[0].sent)
        n_got = len(phone.got)
        caplog.clear()
        for n in range(50):
            for k in range(N_JUNK):
                phone.say(PROBES[(n + k) % len(PROBES)], source=source)
            await phone.settle(PTIME_S)
        assert 49 <= len(sent) - before <= 51
        stamps = [packet.timestamp for packet, _ in sent[before:]]
        steps = {b - a for a, b in itertools.pairwise(stamps)}
        assert steps == {160}
        assert len(phone.got) == n_got

    with caplog.at_level("INFO"):
        rung(scenario)
    turned_away = [r for r in caplog.records if "turned away" in r.message]
    assert len(turned_away) <= 3
