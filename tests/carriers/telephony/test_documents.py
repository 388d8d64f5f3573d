"""What webhooks are answered with."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest

from voiceserver.carriers.telephony.documents import (
    Document,
    exotel,
    jambonz,
    plivo,
    rejected,
    signalwire,
    telnyx,
    twilio,
    vonage,
)

URL = "wss://voice.example.org/v1/telephony/x"
PARAMETERS = {"from": '+1"<&>', "to": "+15550100", "token": "vt_1.2"}


@pytest.mark.parametrize("document", [twilio, signalwire])
def test_twiml_connects_the_stream(document: Document) -> None:
    """Parameters inside, as its addresses have no query; anything is quoted."""
    written = document(URL, PARAMETERS)
    assert written.content_type == "text/xml"
    stream = ElementTree.fromstring(written.body).find("Connect/Stream")
    assert stream is not None
    assert stream.attrib == {"url": URL}
    assert {each.get("name"): each.get("value") for each in stream} == PARAMETERS


def test_texml_asks_for_rtp_both_ways() -> None:
    """MP3 is what it takes otherwise."""
    written = telnyx(URL, PARAMETERS)
    stream = ElementTree.fromstring(written.body).find("Connect/Stream")
    assert stream is not None
    assert stream.get("bidirectionalMode") == "rtp"
    assert in_query(stream.get("url", "")) == PARAMETERS


def test_plivo_streams_both_ways() -> None:
    """The address is the element's text."""
    stream = ElementTree.fromstring(plivo(URL, PARAMETERS).body).find("Stream")
    assert stream is not None
    assert stream.get("bidirectional") == "true"
    assert in_query(stream.text or "") == PARAMETERS


def test_exotel_is_given_the_address() -> None:
    """And nothing else."""
    found = json.loads(exotel(URL, PARAMETERS).body)
    assert in_query(found["url"]) == PARAMETERS


def test_vonage_brings_our_headers_back() -> None:
    """At 16 kHz."""
    ((action),) = json.loads(vonage(URL, PARAMETERS).body)
    (endpoint,) = action["endpoint"]
    assert endpoint["uri"] == URL
    assert endpoint["content-type"] == "audio/l16;rate=16000"
    assert endpoint["headers"] == PARAMETERS


def test_jambonz_streams_both_ways() -> None:
    """Which it does not by default."""
    answer, listen = json.loads(jambonz(URL, PARAMETERS).body)
    assert answer == {"verb": "answer"}
    assert listen["bidirectionalAudio"]["streaming"] is True
    assert listen["bidirectionalAudio"]["sampleRate"] == listen["sampleRate"]
    assert listen["metadata"] == PARAMETERS


def test_a_busy_line_is_rejected() -> None:
    """The caller hears the tone."""
    reject = ElementTree.fromstring(rejected().body).find("Reject")
    assert reject is not None
    assert reject.get("reason") == "busy"


def in_query(url: str) -> dict[str, str]:
    assert url.partition("?")[0] == URL
    return {name: value for name, (value,) in parse_qs(urlsplit(url).query).items()}
