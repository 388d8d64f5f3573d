"""What a service's webhook is answered with: connect the call to our socket.

Pure. Parameters come back with the stream's beginning where a service has a place for
them; otherwise they are in the address of the socket.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode
from xml.sax.saxutils import escape, quoteattr

XML, JSON = "text/xml", "application/json"
RATE = 16_000  # Hz, of services that take what they are told


@dataclass(frozen=True, slots=True)
class Written:
    """A document.

    Attributes:
        content_type: Of HTTP.
        body: Its text.
    """

    content_type: str
    body: str


# Takes the socket's address and parameters.
Document = Callable[[str, Mapping[str, str]], Written]


def twilio(url: str, parameters: Mapping[str, str]) -> Written:
    """TwiML; the address must have no query (twilio.com/docs/voice/twiml/stream)."""
    inside = "".join(
        f"<Parameter name={quoteattr(name)} value={quoteattr(value)}/>"
        for name, value in parameters.items()
    )
    stream = f"<Stream url={quoteattr(url)}>{inside}</Stream>"
    return _xml(f"<Connect>{stream}</Connect>")


def signalwire(url: str, parameters: Mapping[str, str]) -> Written:
    """Compatibility XML: as TwiML."""
    return twilio(url, parameters)


def telnyx(url: str, parameters: Mapping[str, str]) -> Written:
    """TeXML; without the mode ``rtp`` it would take MP3 only."""
    where = quoteattr(_with(url, parameters))
    mode = 'bidirectionalMode="rtp" bidirectionalCodec="PCMU"'
    return _xml(f"<Connect><Stream url={where} {mode}/></Connect>")


def plivo(url: str, parameters: Mapping[str, str]) -> Written:
    """Plivo XML."""
    options = (
        'bidirectional="true" keepCallAlive="true" '
        'contentType="audio/x-mulaw;rate=8000"'
    )
    return _xml(f"<Stream {options}>{escape(_with(url, parameters))}</Stream>")


def exotel(url: str, parameters: Mapping[str, str]) -> Written:
    """What the Voicebot applet asks an HTTPS address for: the socket's."""
    return _json({"url": _with(url, parameters)})


def vonage(url: str, parameters: Mapping[str, str]) -> Written:
    """An NCCO; headers come back with ``websocket:connected``."""
    endpoint = {
        "type": "websocket",
        "uri": url,
        "content-type": f"audio/l16;rate={RATE}",
        "headers": dict(parameters),
    }
    return _json([{"action": "connect", "endpoint": [endpoint]}])


def jambonz(url: str, parameters: Mapping[str, str]) -> Written:
    """An application of two verbs; ``streaming`` is off by default."""
    both_ways = {"enabled": True, "streaming": True, "sampleRate": RATE}
    listen = {
        "verb": "listen",
        "url": url,
        "mixType": "mono",
        "sampleRate": RATE,
        "passDtmf": True,
        "bidirectionalAudio": both_ways,
        "metadata": dict(parameters),
    }
    return _json([{"verb": "answer"}, listen])


def rejected(busy: bool = True) -> Written:
    """For services that speak TwiML: the caller hears that the line is busy."""
    return _xml(f'<Reject reason="{"busy" if busy else "rejected"}"/>')


def _with(url: str, parameters: Mapping[str, str]) -> str:
    return f"{url}?{urlencode(parameters)}" if parameters else url


def _xml(inside: str) -> Written:
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    return Written(XML, f"{head}<Response>{inside}</Response>")


def _json(content: object) -> Written:
    return Written(JSON, json.dumps(content, separators=(",", ":")))
