"""What becomes of a transfer."""

from __future__ import annotations

import asyncio

import pytest
from aiosipua import SipRequest, SipResponse

from tests.virtual_time import run_virtual
from voiceserver.carriers.sip.outward.transfer import LIMIT_S, Transfer
from voiceserver.errors import CallRefused


def notify(body: str = "", state: str = "active", event: str = "refer") -> SipRequest:
    made = SipRequest(method="NOTIFY", uri="sip:us")
    made.add_header("Event", event)
    made.add_header("Subscription-State", state)
    made.text = body
    return made


def answer(status: int) -> SipResponse:
    return SipResponse(status_code=status, reason_phrase="Fine")


class Begun:
    """A transfer and what it told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.n_over = 0
        self.it = Transfer(self.told.append, self._over)

    def _over(self) -> None:
        self.n_over += 1


@pytest.mark.parametrize(
    ("body", "state", "told"),
    [
        ("SIP/2.0 200 OK", "terminated;reason=noresource", [""]),
        ("SIP/2.0 486 Busy Here\r\n", "terminated", ["Nobody took it: 486 Busy Here."]),
        ("SIP/2.0 180 Ringing", "active", []),
        ("junk", "active", []),
        ("", "terminated", ["The other side does not tell what became of it."]),
    ],
)
def test_the_last_notify_tells(body: str, state: str, told: list[str]) -> None:
    """Once; those of other events nothing."""

    async def run() -> Begun:
        begun = Begun()
        begun.it.answered(answer(202))
        await begun.it.accepted()
        begun.it.notified(notify("SIP/2.0 200 OK", event="presence"))
        begun.it.notified(notify("SIP/2.0 100 Trying"))
        assert not begun.told
        begun.it.notified(notify(body, state))
        assert begun.told == told
        begun.it.notified(notify(body, state))
        await asyncio.sleep(LIMIT_S)
        return begun

    begun = run_virtual(run())
    assert len(begun.told) == begun.n_over == 1


def test_a_notify_may_be_quicker_than_its_answer() -> None:
    """They are two transactions."""

    async def run() -> Begun:
        begun = Begun()
        begun.it.notified(notify("SIP/2.0 200 OK"))
        begun.it.answered(answer(202))
        await begun.it.accepted()
        return begun

    assert run_virtual(run()).told == [""]


@pytest.mark.parametrize("response", [answer(603), None])
def test_a_refusal_is_raised(response: SipResponse | None) -> None:
    """With its status; nothing else is told."""

    async def run() -> Begun:
        begun = Begun()
        begun.it.answered(response)
        with pytest.raises(CallRefused) as refused:
            await begun.it.accepted()
        assert refused.value.status == (603 if response else 408)
        assert not begun.it.left()
        return begun

    begun = run_virtual(run())
    assert (begun.told, begun.n_over) == ([], 1)


def test_who_hangs_up_after_accepting_has_gone_there() -> None:
    """Many telephones do, and tell nothing."""

    async def run() -> list[bool]:
        accepted, asked = Begun(), Begun()
        accepted.it.answered(answer(202))
        return [accepted.it.left(), accepted.it.left(), asked.it.left()]

    assert run_virtual(run()) == [True, False, False]


def test_without_an_answer_it_fails() -> None:
    """Within its limit."""

    async def run() -> None:
        begun = Begun()
        with pytest.raises(CallRefused):
            await begun.it.accepted()
        assert asyncio.get_running_loop().time() == LIMIT_S

    run_virtual(run())
