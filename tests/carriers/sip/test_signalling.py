"""Where a call's other side is."""

from __future__ import annotations

from tests.carriers.sip.phone import HERE, THERE, Phone
from tests.virtual_time import run_virtual
from voiceserver.carriers.sip.signalling import SETUP_LIMIT_S, Place
from voiceserver.carriers.sip.wire import Flow
from voiceserver.config import Config, SipTrunk


def test_a_call_in_takes_what_it_offers_and_one_out_what_its_trunk_says() -> None:
    """At our address as that side sees it, from where its signalling comes."""

    async def run() -> list[Place]:
        phone = Phone(Config())
        flow = Flow(phone, THERE, THERE)
        trunk = SipTrunk(
            ("::1",), "one", host="pbx.example.org", transport="tls", srtp=True
        )
        return [Place.by(flow, trunk, phone._bind, each) for each in (None, 12.0)]

    came, went = run_virtual(run())
    assert (came.host, came.peer) == (went.host, went.peer) == (HERE[0], THERE[0])
    assert (came.way, came.setup_s, came.secure) == ("in", SETUP_LIMIT_S, False)
    assert (went.way, went.setup_s, went.secure) == ("out", 12.0, True)
    assert came.trunk == went.trunk == "one"
