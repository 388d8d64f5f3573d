"""The table of services."""

from __future__ import annotations

import pytest

from voiceserver.carriers.telephony.services import SERVICES, Service
from voiceserver.errors import BadRequest


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_each_connection_has_a_framing_of_its_own(service: Service) -> None:
    """That takes no audio before the stream has begun."""
    framing = service.framing()
    assert framing is not service.framing()
    early = b"\0\0" if service.protocols or service.name == "vonage" else '{"event":'
    early = '{"event":"media","media":{}}' if isinstance(early, str) else early
    with pytest.raises(BadRequest):
        framing.read(early)


def test_names_are_those_of_the_addresses() -> None:
    """In order, and nothing else."""
    assert list(SERVICES) == [
        "twilio",
        "signalwire",
        "telnyx",
        "exotel",
        "plivo",
        "vonage",
        "jambonz",
        "genesys",
        "asterisk",
    ]
