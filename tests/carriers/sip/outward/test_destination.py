"""Whom a call may go to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.carriers.sip.outward.destination import destination
from voiceserver.errors import BadRequest


@pytest.mark.parametrize(
    ("wanted", "allowed", "uri"),
    [
        ("+49 (30) 123-4", "+4930*", "sip:+49301234@pbx:5070"),
        ("200", "2*", "sip:200@pbx:5070"),
        ("*21#", "*", "sip:*21%23@pbx:5070"),
        ("tel:+49301234", "+49 30 *", "tel:+49301234"),
        ("sip:Anna@PBX.example", "sip:*@pbx.example", "sip:Anna@PBX.example"),
        ("sips:a@[::1]:5061", "sip:a@[::1]", "sips:a@[::1]:5061"),
        ("sip:a@b;transport=tcp", "a@b", "sip:a@b;transport=tcp"),
        ("sip:a@b", "*", "sip:a@b"),
    ],
)
def test_who_is_listed_may_be_called(wanted: str, allowed: str, uri: str) -> None:
    """Numbers without what people put between digits; addresses without their port."""
    assert destination(wanted, ["9", allowed], "pbx:5070") == uri


@pytest.mark.parametrize(
    ("wanted", "allowed"),
    [
        ("+4930", "+4931*"),
        ("+49301", "+4930"),
        ("0900555", ""),
        ("sip:a@evil", "sip:*@pbx"),
        ("sip:200@evil", "2*"),
        ("200", "sip:*@pbx"),
        ("sip:a@pbx.evil", "sip:*@pbx"),
    ],
)
def test_nobody_else(wanted: str, allowed: str) -> None:
    """Also not by the number of somebody who may be."""
    with pytest.raises(BadRequest) as refused:
        destination(wanted, [allowed] if allowed else [], "pbx")
    assert refused.value.code == "not_allowed"


@pytest.mark.parametrize(
    "wanted",
    [
        "",
        "anna",
        "sip:",
        "sip:@pbx",
        "sip:a@pbx\r\nRoute: <sip:evil>",
        "sip:a@pbx?Replaces=x",
        "sip:a@pbx;lr;maddr=evil",
        "sip:a@evil@pbx",
        "<sip:a@pbx>",
        "tel:+49;phone-context=evil",
        "https://pbx",
        "1" * 40,
    ],
)
def test_what_carries_more_is_no_address(wanted: str) -> None:
    """No header, no other host, no parameter."""
    with pytest.raises(BadRequest) as refused:
        destination(wanted, ["*"], "pbx")
    assert refused.value.code == "invalid_destination"


@given(st.text(max_size=80))
def test_nothing_breaks_out_of_its_brackets(wanted: str) -> None:
    """Whatever is asked for."""
    try:
        uri = destination(wanted, ["*"], "pbx")
    except BadRequest:
        return
    assert not set(uri) & set('<>"\r\n \t?')
    assert uri.isascii()
