"""What the text model may do with a call by SIP."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from tests.virtual_time import run_virtual
from voiceserver.carriers.sip.outward.tools import SipTools, keys_in
from voiceserver.errors import BadRequest, CallRefused
from voiceserver.tools import ToolCall

ALL = ("hang_up", "transfer_call", "send_digits", "hold")


class FakeLine:
    """Notes what is done."""

    def __init__(self) -> None:
        self.done: list[str] = []

    async def quiet(self) -> None:
        self.done.append("quiet")

    async def transfer(self, to: str) -> None:
        self.done.append(f"transfer {to}")
        raise CallRefused("It was refused: 603 Decline.", 603)

    async def send_digits(self, digits: str) -> None:
        self.done.append(f"digits {digits}")

    async def hold(self, seconds: float) -> None:
        self.done.append(f"hold {seconds}")

    def tell(self, what: str) -> None:
        self.done.append(what)


def call(name: str, arguments: str = "{}") -> ToolCall:
    return ToolCall("c", name, arguments)


def used(*calls: ToolCall, names: Sequence[str] = ALL) -> tuple[list[str], FakeLine]:
    """Results of calls, and what was done."""

    async def run() -> tuple[list[str], FakeLine]:
        tools, line = SipTools(names), FakeLine()
        results = []
        for each in calls:
            made = tools.use(each)
            results.append("theirs" if made is None else made.result)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(tools.run(line))
            await asyncio.sleep(1)
            running.cancel()
        return results, line

    return run_virtual(run())


def test_what_is_wished_for_waits_until_what_sounds_is_heard() -> None:
    """In order; a failure is told."""
    _, line = used(
        call("send_digits", '{"digits": "1 2#"}'),
        call("transfer_call", '{"to": "200"}'),
        call("hold", '{"seconds": 30}'),
    )
    assert line.done == [
        "quiet",
        "digits 12#",
        "quiet",
        "transfer 200",
        "It was not done: It was refused: 603 Decline.",
        "quiet",
        "hold 30",
    ]


def test_only_what_the_number_names_is_offered() -> None:
    """Anything else is a function of the client's."""
    assert [tool.name for tool in SipTools(ALL).offered] == list(ALL)
    assert [tool.name for tool in SipTools(("hold",)).offered] == ["hold"]
    results, line = used(call("transfer_call", '{"to": "2"}'), names=("hang_up",))
    assert (results, line.done) == (["theirs"], [])
    ending = SipTools(ALL).use(call("hang_up"))
    assert ending is not None
    assert ending.then is not None


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("transfer_call", "not JSON"),
        ("transfer_call", "[]"),
        ("transfer_call", '{"to": " "}'),
        ("transfer_call", '{"to": 200}'),
        ("send_digits", '{"digits": "x"}'),
        ("send_digits", '{"digits": ""}'),
        ("hold", '{"seconds": 0}'),
        ("hold", '{"seconds": 301}'),
        ("hold", "{}"),
    ],
)
def test_what_cannot_be_read_is_told_at_once(name: str, arguments: str) -> None:
    """And nothing is done."""
    results, line = used(call(name, arguments))
    assert results[0].startswith("It was not done:")
    assert not line.done


def test_wishes_are_bounded() -> None:
    """A model may repeat itself."""
    results, line = used(*[call("hold", '{"seconds": 1}')] * 6)
    assert [each.startswith("It was not done") for each in results] == [
        *[False] * 4,
        *[True] * 2,
    ]
    assert line.done.count("hold 1") == 4


@pytest.mark.parametrize("text", ["", " ", "12x", "1" * 33])
def test_keys_are_those_of_a_telephone(text: str) -> None:
    """At most 32 of them."""
    with pytest.raises(BadRequest):
        keys_in(text)
