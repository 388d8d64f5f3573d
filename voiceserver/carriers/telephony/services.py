"""The services of telephones: a new one is its framing and a row here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from voiceserver.carriers.telephony.asterisk import AsteriskFraming
from voiceserver.carriers.telephony.binary_streams import JambonzFraming, VonageFraming
from voiceserver.carriers.telephony.documents import (
    Document,
    exotel,
    jambonz,
    plivo,
    signalwire,
    telnyx,
    twilio,
    vonage,
)
from voiceserver.carriers.telephony.genesys import FRAME_MS, GenesysFraming
from voiceserver.carriers.telephony.json_streams import (
    EXOTEL,
    PLIVO,
    TELNYX,
    TWILIO,
    JsonFraming,
)
from voiceserver.carriers.telephony.messages import Framing


@dataclass(frozen=True, slots=True)
class Service:
    """One service.

    Attributes:
        name: In its address, and in metrics.
        framing: Opens the framing of a connection.
        document: Writes what its webhook is answered with; None where there is none.
        marks_all: It returns any number of marks; otherwise only a reply's end is
            marked.
        frame_ms: Audio goes in whole multiples of this.
        protocols: Subprotocols of its WebSocket.
        signs: How its requests are signed; ``""`` is not at all, or by a way that is
            not checked here.
    """

    name: str
    framing: Callable[[], Framing]
    document: Document | None = None
    marks_all: bool = True
    frame_ms: int = 20
    protocols: tuple[str, ...] = ()
    signs: Literal["", "twilio", "signalwire"] = ""


_ROWS = (
    Service("twilio", lambda: JsonFraming(TWILIO), twilio, signs="twilio"),
    Service("signalwire", lambda: JsonFraming(TWILIO), signalwire, signs="signalwire"),
    Service("telnyx", lambda: JsonFraming(TELNYX), telnyx),
    # "Minimum chunk size: 3.2k [100ms data]", support.exotel.com, 3000108630.
    Service("exotel", lambda: JsonFraming(EXOTEL), exotel, frame_ms=100),
    Service("plivo", lambda: JsonFraming(PLIVO), plivo),
    Service("vonage", VonageFraming, vonage),
    Service("jambonz", JambonzFraming, jambonz, protocols=("audio.jambonz.org",)),
    Service("genesys", GenesysFraming, marks_all=False, frame_ms=FRAME_MS),
    Service("asterisk", AsteriskFraming, marks_all=False, protocols=("media",)),
)
SERVICES: Mapping[str, Service] = {row.name: row for row in _ROWS}
