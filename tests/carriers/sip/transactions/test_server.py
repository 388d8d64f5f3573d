"""Requests are answered once, and the answer is repeated."""

from __future__ import annotations

import asyncio

import pytest
from aiosipua import SipResponse

from tests.virtual_time import run_virtual
from voiceserver.carriers.sip.transactions.server import InviteServer, OtherServer
from voiceserver.carriers.sip.transactions.transaction import State


def answer(status: int) -> SipResponse:
    return SipResponse(status_code=status, reason_phrase="x")


@pytest.mark.parametrize(
    ("status", "reliable", "n_sent"),
    [(200, False, 11), (200, True, 11), (486, False, 11), (486, True, 1)],
)
def test_a_final_answer_is_repeated_without_an_ack(
    status: int, reliable: bool, n_sent: int
) -> None:
    """For 32 s; over a connection only a 2xx, which others may have to pass on."""
    sent: list[bytes] = []
    told: list[str] = []

    async def scenario() -> None:
        made = InviteServer(sent.append, reliable, lambda: told.append("over"))
        made.respond(answer(status), lambda: told.append("unacknowledged"))
        await asyncio.sleep(31.9)
        assert not told
        await asyncio.sleep(1)

    run_virtual(scenario())
    assert len(sent) == n_sent
    assert told == ["over", "unacknowledged"]


def test_after_the_ack_of_a_refusal_copies_are_absorbed() -> None:
    """For 5 s, then it is over."""
    sent: list[bytes] = []
    told: list[str] = []

    async def scenario() -> None:
        made = InviteServer(sent.append, False, lambda: told.append("over"))
        made.copied()
        made.respond(answer(100))
        made.copied()
        made.respond(answer(486))
        made.respond(answer(200))
        made.copied()
        made.acknowledged()
        made.copied()
        made.acknowledged()
        assert made.state is State.CONFIRMED
        await asyncio.sleep(6)

    run_virtual(scenario())
    assert [each[8:11] for each in sent] == [b"100", b"100", b"486", b"486"]
    assert told == ["over"]


def test_another_request_has_its_answer_again() -> None:
    """For 32 s over UDP, not at all over a connection."""
    for reliable in (False, True):
        sent: list[bytes] = []
        told: list[str] = []

        async def scenario(
            reliable: bool = reliable,
            sent: list[bytes] = sent,
            told: list[str] = told,
        ) -> None:
            made = OtherServer(sent.append, reliable, lambda: told.append("over"))
            made.copied()
            made.respond(answer(200))
            made.respond(answer(500))
            made.copied()
            assert made.answered
            await asyncio.sleep(0.1)
            assert bool(told) is reliable
            await asyncio.sleep(33)

        run_virtual(scenario())
        assert len(sent) == 2
        assert told == ["over"]


def test_what_is_never_answered_is_forgotten() -> None:
    """After 32 s."""
    told: list[str] = []

    async def scenario() -> None:
        OtherServer(lambda _: None, False, lambda: told.append("over"))
        await asyncio.sleep(33)

    run_virtual(scenario())
    assert told == ["over"]
