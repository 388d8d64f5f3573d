"""What is remembered of a call between its messages."""

from __future__ import annotations

from aiosipua import SipMessage, SipRequest, SipResponse

from tests.carriers.sip.phone import written
from voiceserver.carriers.sip.dialog import Dialog, key_of, new_tag
from voiceserver.carriers.sip.message import response, tag

VIA = "SIP/2.0/UDP h;branch=z9hG4bKx"


def invite(headers: str = "") -> SipRequest:
    message = SipMessage.parse(written("INVITE", headers=headers))
    assert isinstance(message, SipRequest)
    return message


def test_requests_of_who_was_called_go_back_the_way() -> None:
    """From and To are turned, the route is in order, the numbers grow."""
    routes = "Record-Route: <sip:near;lr>, <sip:far;lr>\r\n"
    dialog = Dialog.invited(invite(routes), "mine", "<sip:us>")
    info = dialog.request("INFO", VIA, "5", kind="application/dtmf")
    bye = dialog.request("BYE", VIA)
    assert bye.uri == "sip:them@127.0.0.2:5070"
    assert tag(bye, "from") == "mine"
    assert tag(bye, "to") == "them"
    assert bye.get_header_values("route") == ["<sip:near;lr>", "<sip:far;lr>"]
    assert (info.get_header("cseq"), bye.get_header("cseq")) == ("1 INFO", "2 BYE")
    assert info.text == "5"
    assert dialog.request("ACK", VIA).get_header("cseq") == "2 ACK"


def test_a_strict_router_is_asked_itself() -> None:
    """As RFC 2543 has it."""
    dialog = Dialog.invited(
        invite("Record-Route: <sip:strict>\r\n"), "mine", "<sip:us>"
    )
    bye = dialog.request("BYE", VIA)
    assert bye.uri == "sip:strict"
    assert bye.get_header_values("route") == ["<sip:them@127.0.0.2:5070>"]


def test_requests_of_who_called_go_the_way_reversed() -> None:
    """To the Contact of who took the call."""
    sent = invite()
    answer = response(sent, 200, "theirs", [("Contact", "<sip:there>")])
    for value in ("<sip:far;lr>", "<sip:near;lr>"):
        answer.add_header("Record-Route", value)
    dialog = Dialog.accepted(sent, answer)
    update = dialog.request("UPDATE", VIA)
    assert update.uri == "sip:there"
    assert update.get_header_values("route") == ["<sip:near;lr>", "<sip:far;lr>"]
    assert tag(update, "to") == "theirs"
    assert update.get_header("cseq") == "2 UPDATE"
    assert update.get_header("contact") == "<sip:them@127.0.0.2:5070>"


def test_only_newer_requests_are_taken() -> None:
    """Each number once."""
    dialog = Dialog.invited(invite(), "mine", "<sip:us>")
    sent = invite()
    assert not dialog.takes(sent)
    sent.set_header("CSeq", "4 INVITE")
    assert dialog.takes(sent)
    assert not dialog.takes(sent)


def test_the_other_side_may_move() -> None:
    """To another SIP address, to nothing else."""
    dialog = Dialog.invited(invite(), "mine", "<sip:us>")
    for contact, target in (("<sip:new>", "sip:new"), ("<http://x>", "sip:new")):
        moved = SipResponse()
        moved.add_header("Contact", contact)
        dialog.retarget(moved)
        assert dialog.request("BYE", VIA).uri == target


def test_a_request_says_which_call_it_belongs_to() -> None:
    """By its id and both tags."""
    message = SipMessage.parse(written("BYE", to_tag="mine"))
    assert isinstance(message, SipRequest)
    assert key_of(message) == ("a", "mine", "them")
    assert new_tag() != new_tag()
