"""StreamedCalls: every call with its name and its arguments, or a failure."""

from __future__ import annotations

import json
from typing import Any

import pytest

from voiceserver.engines.providers.calls import MAX_CALLS, StreamedCalls
from voiceserver.errors import ProviderFailed

ROME, OSLO = '{"city":"Rome"}', '{"city":"Oslo"}'


def part(
    index: object = 0, id: str | None = None, name: object = None, arguments: Any = None
) -> dict[str, Any]:
    fields = {"name": name, "arguments": arguments}
    function = {key: value for key, value in fields.items() if value is not None}
    whole = {"index": index, "id": id, "function": function}
    return {key: value for key, value in whole.items() if value is not None}


def put_together(parts: list[Any]) -> list[tuple[str, Any]]:
    calls = StreamedCalls("p")
    for each in parts:
        assert calls.grow([each])
    ended = calls.ended()
    assert len({call.call_id for call in ended}) == len(ended)
    return [(call.name, json.loads(call.arguments)) for call in ended]


@pytest.mark.parametrize(
    "parts",
    [
        [part(0, "a", "look", ROME), part(1, "b", "wait", OSLO)],
        [part(0, "a", "look", ROME), part(0, "b", "wait", OSLO)],
        [part(None, "a", "look", ROME), part(None, "b", "wait", OSLO)],
        [part(None, None, "look", ROME), part(None, None, "wait", OSLO)],
        [part(0, None, "look", ROME), part(0, None, "wait", OSLO)],
        [part(1, "a", "look", {"city": "Rome"}), part(2, "b", "wait", OSLO)],
        [
            part(0, "a", "look", ""),
            part(0, arguments=ROME[:5]),
            part(0, arguments=ROME[5:]),
            part(0, "b", "wait", ""),
            part(0, arguments=OSLO[:9]),
            part(0, arguments=OSLO[9:]),
        ],
        [
            part(None, "a", "look", ROME[:5]),
            part(None, "a", "look", ROME[5:]),
            part(None, "b", "wait", OSLO),
        ],
        [part("0", "a", "look", json.dumps(ROME)), part("1", "b", "wait", OSLO)],
        [
            part(0, "a", "look", ROME),
            part(0, arguments=ROME),
            part(1, "b", "wait", OSLO),
        ],
        [
            {"index": None, "id": "a", "function": {"name": "look", "arguments": ROME}},
            {"id": "b", "name": "wait", "arguments": {"city": "Oslo"}},
        ],
    ],
)
def test_two_calls_are_two_calls(parts: list[Any]) -> None:
    """However they are numbered, and in whatever pieces they come."""
    assert put_together(parts) == [
        ("look", {"city": "Rome"}),
        ("wait", {"city": "Oslo"}),
    ]


@pytest.mark.parametrize("arguments", [None, "", " ", "{}", "null", {}])
def test_no_arguments_are_an_empty_object(arguments: object) -> None:
    """A function may take none."""
    assert put_together([part(0, "a", "look", arguments)]) == [("look", {})]


def test_a_name_is_set_once() -> None:
    """Some services give it with each part."""
    parts = [part(0, "a", "look", ROME[:6]), part(0, "a", "look", ROME[6:])]
    assert put_together(parts) == [("look", {"city": "Rome"})]


@pytest.mark.parametrize("arguments", [7, ["Rome"], True, "{broken", "[1]", '"x"'])
def test_arguments_that_are_no_object_are_a_fault(arguments: object) -> None:
    """Never an empty object in their place."""
    with pytest.raises(ProviderFailed):
        put_together([part(0, "a", "look", arguments)])


def test_an_object_and_other_arguments_are_a_fault() -> None:
    """Which of them was meant nobody knows."""
    with pytest.raises(ProviderFailed, match="two sets"):
        put_together([part(0, "a", "look", ROME), part(0, arguments={"city": "Oslo"})])


def test_a_call_without_a_name_is_a_fault() -> None:
    """It is not passed over."""
    with pytest.raises(ProviderFailed, match="without a name"):
        put_together([part(0, "a", None, ROME)])


def test_calls_are_bounded() -> None:
    """An answer cannot call without end."""
    calls = StreamedCalls("p")
    with pytest.raises(ProviderFailed, match="too many"):
        calls.grow([part(n, str(n), "look", ROME) for n in range(MAX_CALLS + 1)])
