"""What both sides of a call say of its audio: offers read, answered and made.

RFC 3264 over ``aiosipua``'s grammar of SDP: one stream of audio in the first codec of
the offer that there is, digits by RFC 4733 under the offer's number, keys by RFC 4568
where the offer's profile needs them. Pure. Knows neither SIP nor sockets.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from aiosipua import (
    Codec,
    ConnectionData,
    MediaDescription,
    Origin,
    SdpMessage,
    parse_sdp,
    serialize_sdp,
)

from voiceserver.audio import PTIME_MS
from voiceserver.media.packing import LEAST_MS, MOST_MS

# By what SDP calls them: MIME type, clock rate.
CODECS: Mapping[str, tuple[str, int]] = {
    "PCMU": ("audio/pcmu", 8_000),
    "PCMA": ("audio/pcma", 8_000),
    "OPUS": ("audio/opus", 48_000),
    "G722": ("audio/g722", 8_000),
}
EVENTS = "TELEPHONE-EVENT"
EVENTS_TYPE = "audio/telephone-event"
_OFFERED = (
    (96, "opus", 48_000),
    (9, "G722", 8_000),
    (0, "PCMU", 8_000),
    (8, "PCMA", 8_000),
)
_OFFERED_EVENTS = 101
_OPUS = "useinbandfec=1;stereo=0;sprop-stereo=0"
PLAIN, SECURE = "RTP/AVP", "RTP/SAVP"
# Length of the authentication tag by suite; the keys are the same length in both.
SUITES = ("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32")
KEY_BYTES = 30  # 16 of key and 14 of salt (RFC 4568, section 6.1)
_DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
_MIRRORED = {"sendonly": "recvonly", "recvonly": "sendonly"}


class NotAcceptable(ValueError):
    """An offer, or an answer, that there is nothing to be made of."""


@dataclass(frozen=True, slots=True)
class Ours:
    """This side of the audio.

    Attributes:
        host: IP address where it is received.
        port: UDP port.
        session: Number of the session, the same for all its descriptions.
        version: Grows by one with each.
        key: For what we encrypt, 30 bytes.
    """

    host: str
    port: int
    session: int
    version: int
    key: bytes


@dataclass(frozen=True, slots=True)
class Keys:
    """How the audio is encrypted.

    Attributes:
        suite: One of ``SUITES``.
        ours: Key of what we send.
        theirs: Key of what they send.
        tag: Of their line.
    """

    suite: str
    ours: bytes
    theirs: bytes
    tag: str


@dataclass(frozen=True, slots=True)
class Agreed:
    """What both sides agree on.

    Attributes:
        host: IP address that the other side says it receives at; ``""`` if none.
        port: UDP port there.
        payload_type: Of what we send.
        mime_type: Of what we send.
        codecs: MIME types by payload type, of what may come, digits included.
        events: Payload type of digits; None if there are none.
        events_rate: Ticks a second of theirs.
        sends: We may send.
        receives: Something may come.
        keys: Where it is encrypted.
        ptime_ms: Of the packets that they want.
    """

    host: str
    port: int
    payload_type: int
    mime_type: str
    codecs: Mapping[int, str]
    events: int | None
    events_rate: int
    sends: bool
    receives: bool
    keys: Keys | None
    ptime_ms: int = PTIME_MS


def answer_to(offer: str, ours: Ours) -> tuple[Agreed, str]:
    """Answer an offer.

    Returns:
        What is agreed on, and the answer.

    Raises:
        NotAcceptable: If there is no audio that both sides can have.
    """
    theirs = _read(offer)
    index, audio = _audio_in(theirs)
    keys = _keys(audio, ours.key)
    codec = _first_known(audio)
    events = _events(audio, codec.clock_rate)
    direction = _direction(theirs, audio)
    answered = _MIRRORED.get(direction, direction)
    media = [_refused(each) for each in theirs.media]
    agreed = _agreed(theirs, audio, codec, events, answered, keys)
    codecs = [codec, *([events] if events else [])]
    media[index] = _section(ours, codecs, audio.proto, answered, keys, agreed.ptime_ms)
    return agreed, _written(ours, media)


def offer(ours: Ours, secure: bool = False) -> str:
    """Make an offer of all that there is."""
    codecs = [Codec(number, name, rate) for number, name, rate in _OFFERED]
    codecs.append(Codec(_OFFERED_EVENTS, "telephone-event", 8_000))
    keys = Keys(SUITES[0], ours.key, b"", "1") if secure else None
    section = _section(ours, codecs, SECURE if secure else PLAIN, "sendrecv", keys)
    return _written(ours, [section])


def offer_again(agreed: Agreed, ours: Ours, direction: str) -> str:
    """Offer what is agreed on already, in another direction."""
    name = next(each for each, kind in CODECS.items() if kind[0] == agreed.mime_type)
    shown = name.lower() if name == "OPUS" else name
    codecs = [Codec(agreed.payload_type, shown, CODECS[name][1])]
    if agreed.events is not None:
        codecs.append(Codec(agreed.events, "telephone-event", agreed.events_rate))
    proto = SECURE if agreed.keys is not None else PLAIN
    section = _section(ours, codecs, proto, direction, agreed.keys, agreed.ptime_ms)
    return _written(ours, [section])


def agreed_by(answer: str, ours: Ours, secure: bool = False) -> Agreed:
    """Read the answer to our offer.

    Raises:
        NotAcceptable: If it has nothing of what was offered.
    """
    theirs = _read(answer)
    _, audio = _audio_in(theirs)
    if audio.proto.upper() != (SECURE if secure else PLAIN):
        raise NotAcceptable("another profile than was offered")
    codec = _first_known(audio)
    events = _events(audio, codec.clock_rate)
    direction = _direction(theirs, audio)
    ours_is = _MIRRORED.get(direction, direction)
    agreed = _agreed(theirs, audio, codec, events, ours_is, _keys(audio, ours.key))
    # They may number it otherwise; what they send has the numbers of our offer, says
    # RFC 3264 (section 6.1), and of their own, say some telephones.
    offered = {
        number: agreed.mime_type
        for number, name, _ in _OFFERED
        if CODECS[name.upper()][0] == agreed.mime_type
    }
    if events is not None:
        offered[_OFFERED_EVENTS] = EVENTS_TYPE
    return replace(agreed, codecs={**offered, **agreed.codecs})


def _read(text: str) -> SdpMessage:
    try:
        found = parse_sdp(text)
    except (ValueError, IndexError, TypeError) as error:
        raise NotAcceptable("not a session description") from error
    if not text.lstrip().startswith("v=") or not found.media:
        raise NotAcceptable("not a session description")
    return found


def _audio_in(theirs: SdpMessage) -> tuple[int, MediaDescription]:
    for index, each in enumerate(theirs.media):
        known = each.proto.upper() in (PLAIN, SECURE)
        if each.media == "audio" and known and 0 < each.port < 65536:
            return index, each
    raise NotAcceptable("no audio over RTP/AVP or RTP/SAVP")


def _first_known(audio: MediaDescription) -> Codec:
    for codec in audio.codecs:
        known = CODECS.get(codec.encoding_name.upper())
        if known and known[1] == codec.clock_rate and 0 <= codec.payload_type < 128:
            return codec
    raise NotAcceptable("no codec in common")


def _events(audio: MediaDescription, clock_rate: int) -> Codec | None:
    """Digits' format: with the audio's own clock if there is one (RFC 4733, 2.1)."""
    found = [
        each
        for each in audio.codecs
        if each.encoding_name.upper() == EVENTS
        and 0 < each.clock_rate <= 192_000
        and 0 <= each.payload_type < 128
    ]
    same = [each for each in found if each.clock_rate == clock_rate]
    return next(iter(same or found), None)


def _direction(theirs: SdpMessage, audio: MediaDescription) -> str:
    for where in (audio.attributes, theirs.attributes):
        for each in _DIRECTIONS:
            if each in where:
                return each
    return "sendrecv"


def _keys(audio: MediaDescription, ours: bytes) -> Keys | None:
    """Their key.

    Raises:
        NotAcceptable: If the profile needs one and there is none that can be used.
    """
    if audio.proto.upper() != SECURE:
        return None
    for line in audio.attributes.get("crypto", []):
        found = re.match(r"(\d{1,9})\s+(\S+)\s+inline:([A-Za-z0-9+/=]+)", line)
        if found is None or found[2] not in SUITES:
            continue
        try:
            key = base64.b64decode(found[3], validate=True)
        except (binascii.Error, ValueError):
            continue
        if len(key) == KEY_BYTES:
            return Keys(found[2], ours, key, found[1])
    raise NotAcceptable("RTP/SAVP without a key that can be used")


def _agreed(
    theirs: SdpMessage,
    audio: MediaDescription,
    codec: Codec,
    events: Codec | None,
    direction: str,
    keys: Keys | None,
) -> Agreed:
    connection = audio.connection or theirs.connection
    host = _address(connection.address if connection else "")
    mime_type = CODECS[codec.encoding_name.upper()][0]
    codecs = {codec.payload_type: mime_type}
    if events is not None:
        codecs[events.payload_type] = EVENTS_TYPE
    return Agreed(
        host,
        audio.port,
        codec.payload_type,
        mime_type,
        codecs,
        events.payload_type if events else None,
        events.clock_rate if events else 0,
        # Held the old way, by an address that is none (RFC 2543).
        sends=direction in ("sendrecv", "sendonly") and bool(host),
        receives=direction in ("sendrecv", "recvonly"),
        keys=keys,
        ptime_ms=_ptime_ms(audio, mime_type),
    )


def _ptime_ms(audio: MediaDescription, mime_type: str) -> int:
    """How long they want packets to be (RFC 4566, section 6), in tens of ms.

    Opus is encoded by the frame, and its receivers take any (RFC 7587, section 7).
    """
    if mime_type == CODECS["OPUS"][0]:
        return PTIME_MS
    wanted_ms = _milliseconds(audio, "ptime") or PTIME_MS
    most_ms = _milliseconds(audio, "maxptime") or MOST_MS
    return max(LEAST_MS, min(wanted_ms, most_ms, MOST_MS) // 10 * 10)


def _milliseconds(audio: MediaDescription, name: str) -> int:
    """Of an attribute; 0 if there is none that can be read."""
    given = "".join(audio.attributes.get(name, [])[:1]).strip()
    return int(given) if re.fullmatch(r"[0-9]{1,4}", given) else 0


def _address(text: str) -> str:
    try:
        address = ipaddress.ip_address(text.split("/")[0])
    except ValueError:
        return ""  # a name: audio then goes where theirs comes from
    usable = not (address.is_unspecified or address.is_multicast)
    return str(address) if usable else ""


def _refused(media: MediaDescription) -> MediaDescription:
    return MediaDescription(media.media, 0, media.proto, media.formats or ["0"])


def _section(
    ours: Ours,
    codecs: Sequence[Codec],
    proto: str,
    direction: str,
    keys: Keys | None,
    ptime_ms: int = PTIME_MS,
) -> MediaDescription:
    maps = [f"{one.payload_type} {_map(one)}" for one in codecs]
    formats = [f"{one.payload_type} {_format(one)}" for one in codecs if _format(one)]
    attributes: dict[str, list[str]] = {"rtpmap": maps}
    if formats:
        attributes["fmtp"] = formats
    attributes["ptime"], attributes["maxptime"] = [str(ptime_ms)], [str(MOST_MS)]
    if keys is not None:
        inline = base64.b64encode(keys.ours).decode()
        attributes["crypto"] = [f"{keys.tag} {keys.suite} inline:{inline}"]
    attributes[direction] = []
    numbers = [str(one.payload_type) for one in codecs]
    return MediaDescription("audio", ours.port, proto, numbers, attributes=attributes)


def _map(codec: Codec) -> str:
    name = codec.encoding_name
    return f"{name}/{codec.clock_rate}" + ("/2" if name.upper() == "OPUS" else "")


def _format(codec: Codec) -> str:
    name = codec.encoding_name.upper()
    return {"OPUS": _OPUS, EVENTS: "0-16"}.get(name, "")


def _written(ours: Ours, media: list[MediaDescription]) -> str:
    family = "IP6" if ":" in ours.host else "IP4"
    origin = Origin("-", str(ours.session), str(ours.version), "IN", family, ours.host)
    connection = ConnectionData("IN", family, ours.host)
    return serialize_sdp(
        SdpMessage(origin=origin, session_name="-", connection=connection, media=media)
    )
