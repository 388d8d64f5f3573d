"""Checks an offer before any parser sees it: bounds, and what a call cannot do without.

Pure. An offer that passes has one audio section with a codec that can be answered, at
most one data channel, a fingerprint and ICE credentials, and no candidates unless they
are wanted: the server then answers to where packets come from, and nobody can aim it
at a third party. Video, and what the client has stopped, is answered here, with port
0 and out of the bundle, and never reaches the parser. It negotiates nothing else.

Source: RFC 8866 (SDP), RFC 8829 (JSEP).
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from voiceserver.errors import BadRequest

MAX_BYTES = 32_768
MAX_SECTIONS = 4
MAX_CANDIDATES = 64
MAX_LINES = 1_000
_KINDS = ("audio", "video", "application")
_CODECS = ("opus", "pcmu", "pcma")
_STATIC_CODECS = {"0": "pcmu", "8": "pcma"}  # RFC 3551, table 4
_MEDIA = re.compile(r"m=([a-z]+) (\d{1,5})(?:/\d+)? ([A-Z/]+)((?: \S+)+)$")
_RTPMAP = re.compile(r"a=rtpmap:(\d{1,3}) ([\w.-]+)/(\d{1,6})(?:/\d{1,2})?$")
_DIRECTIONS = {"a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive"}
_FINGERPRINT = re.compile(r"a=fingerprint:[\w-]+ [0-9A-Fa-f:]{32,}$")
# RFC 8839: at least 4 and 22 characters.
_UFRAG = re.compile(r"a=ice-ufrag:[\w+/=-]{4,256}$")
_PASSWORD = re.compile(r"a=ice-pwd:[\w+/=-]{22,256}$")


_HOST_CANDIDATE = re.compile(
    r"a=candidate:(\w+ \d+ udp \d+ )([0-9a-fA-F.:]+)( \d+ typ host.*)$"
)


def _invalid(message: str) -> BadRequest:
    return BadRequest(f"The offer cannot be used: {message}.", "invalid_sdp")


@dataclass(frozen=True, slots=True)
class Offer:
    """An offer that passed.

    Attributes:
        text: What of it is taken, fit for a parser, with CRLF line ends.
        rejected: Our answer to each section that is not taken, by its place.
    """

    text: str
    rejected: tuple[tuple[int, str], ...] = ()

    def answer(self, text: str) -> str:
        """The answer to the whole offer.

        Args:
            text: The answer to what of it is taken.
        """
        session, *media = _sections([line for line in text.split("\r\n") if line])
        parts = ["\r\n".join(section) for section in media]
        for place, section in self.rejected:
            parts.insert(place, section)
        return "\r\n".join(["\r\n".join(session), *parts, ""])


def checked_offer(text: str, keep_candidates: bool = False) -> Offer:
    """Check an offer; say what of it is taken, and how the rest is answered.

    Args:
        text: The client's offer.
        keep_candidates: Leave the client's candidates in.

    Raises:
        BadRequest: If it is malformed, over a limit, or lacks what a call needs; the
            message says what.
    """
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise _invalid(f"it is larger than {MAX_BYTES // 1024} KiB")
    lines = [line.rstrip() for line in text.split("\n")]
    lines = [line for line in lines if line]
    if len(lines) > MAX_LINES:
        raise _invalid(f"it has more than {MAX_LINES} lines")
    if not lines or lines[0] != "v=0":
        raise _invalid("it does not begin with 'v=0'")
    if not all(re.match(r"[a-z]=[ -~]*$", line) for line in lines):
        raise _invalid("a line is not of the form 'x=value' in plain ASCII")
    candidates = [line for line in lines if _is_candidate(line)]
    if len(candidates) > MAX_CANDIDATES:
        raise _invalid(f"it has more than {MAX_CANDIDATES} candidates")
    sections = _sections(lines)
    _check_sections(sections)
    if not keep_candidates:
        sections = [
            [line for line in section if not _is_candidate(line)]
            for section in sections
        ]
    return _taken(sections)


def with_public_address(answer: str, public_ip: str) -> str:
    """Offer every host candidate at a public address too.

    Behind a one-to-one NAT the machine does not know its own address. What it knows
    is left in, for clients beside it; candidates of loopback get no second address.

    Args:
        answer: Ours.
        public_ip: Empty changes nothing.
    """
    if not public_ip:
        return answer
    lines = []
    for line in answer.split("\r\n"):
        lines.append(line)
        host = _HOST_CANDIDATE.match(line)
        if host is None:
            continue
        before, address, after = host.groups()
        told = ipaddress.ip_address(address)
        public = ipaddress.ip_address(public_ip)
        if not told.is_loopback and told != public and told.version == public.version:
            # Another foundation: it is checked for itself (RFC 8445, 5.1.1.3).
            lines.append(f"a=candidate:9{before}{public_ip}{after}")
    return "\r\n".join(lines)


def _is_candidate(line: str) -> bool:
    return line.startswith(("a=candidate:", "a=end-of-candidates"))


def _sections(lines: list[str]) -> list[list[str]]:
    """Split into the session part and the media sections."""
    sections: list[list[str]] = [[]]
    for line in lines:
        if line.startswith("m="):
            sections.append([])
        sections[-1].append(line)
    return sections


def _is_rejected(section: list[str]) -> bool:
    """Whether a section is stopped by the client, or not taken by us: video."""
    match = _MEDIA.match(section[0])
    if match is None:
        return False
    stopped = int(match[2]) == 0 and "a=bundle-only" not in section
    return stopped or match[1] == "video"


def _taken(sections: list[list[str]]) -> Offer:
    """Leave out what is rejected, and write out what a parser may not know."""
    session, *media = sections
    rejected = [(n, each) for n, each in enumerate(media) if _is_rejected(each)]
    gone = {mid for _, each in rejected for mid in _values(each, "a=mid:")}
    lines = []
    for line in session:
        if line.startswith("a=group:BUNDLE"):
            kind, *mids = line.split()
            mids = [mid for mid in mids if mid not in gone]
            if not mids:
                continue
            line = " ".join([kind, *mids])
        lines.append(line)
    default = next((line for line in session if line in _DIRECTIONS), "a=sendrecv")
    for section in media:
        if not _is_rejected(section):
            lines += _explicit(section, default)
    answers = tuple((place, _rejection(section)) for place, section in rejected)
    return Offer("\r\n".join(lines) + "\r\n", answers)


def _explicit(section: list[str], direction: str) -> list[str]:
    """A section with its direction and the names of its static payload types."""
    match = _MEDIA.match(section[0])
    assert match is not None, "a section was not checked"
    kind, port, protocol, formats = match.groups()
    # Of a bundle-only section the port is that of the bundle.
    first = f"m={kind} {port if int(port) else 9} {protocol}{formats}"
    lines = [first, *section[1:]]
    if kind != "audio":
        return lines
    if not _DIRECTIONS & set(section):
        lines.append(direction)
    named = {value.split()[0] for value in _values(section, "a=rtpmap:")}
    static = [
        f"a=rtpmap:{name} {_STATIC_CODECS[name].upper()}/8000"
        for name in formats.split()
        if name in _STATIC_CODECS and name not in named
    ]
    return lines + static


def _rejection(section: list[str]) -> str:
    """Port 0, and its name, by which the client knows it (RFC 3264, 6)."""
    match = _MEDIA.match(section[0])
    assert match is not None, "a section was not checked"
    kind, _, protocol, formats = match.groups()
    kept = ("a=mid:", "a=rtpmap:", "a=sctp-port:", "a=sctpmap:")
    about = [line for line in section if line.startswith(kept)]
    lines = [f"m={kind} 0 {protocol}{formats}", "c=IN IP4 0.0.0.0", "a=inactive"]
    return "\r\n".join([*lines, *about])


def _check_sections(sections: list[list[str]]) -> None:
    session, *media = sections
    if not media:
        raise _invalid("it has no media; offer one audio track")
    if len(media) > MAX_SECTIONS:
        raise _invalid(f"it has more than {MAX_SECTIONS} media sections")
    kinds = [
        _check_media(session, section) for section in media if not _is_rejected(section)
    ]
    if kinds.count("audio") != 1:
        raise _invalid(f"it has {kinds.count('audio')} audio sections; offer one")
    if kinds.count("application") > 1:
        raise _invalid("it has more than one data channel section")
    for section in media:
        if not _is_rejected(section):
            _check_security(session, section)
    _check_mids(session, media)


def _check_media(session: list[str], section: list[str]) -> str:
    match = _MEDIA.match(section[0])
    if match is None:
        raise _invalid("a media line is malformed")
    kind, port, protocol, formats = match.groups()
    if kind not in _KINDS or int(port) > 65_535:
        raise _invalid(f"a media section of kind '{kind}' is not understood")
    if kind == "application":
        if "webrtc-datachannel" not in formats and not protocol.endswith("SCTP"):
            raise _invalid("its data section is no WebRTC data channel")
    elif "SAVPF" not in protocol:
        raise _invalid("its media is not encrypted (UDP/TLS/RTP/SAVPF)")
    else:
        codecs = _codecs(section, formats.split())
        if kind == "audio" and not codecs & set(_CODECS):
            raise _invalid("it has no audio codec in common: Opus, PCMU or PCMA")
        if kind == "audio" and {"a=sendonly", "a=inactive"} & {
            *section,
            *(() if _DIRECTIONS & set(section) else session),
        }:
            # Nothing would pull the reply: the call would fall silent for ever.
            raise _invalid("its audio cannot take the reply; offer a=sendrecv")
    return kind


def _codecs(section: list[str], formats: list[str]) -> set[str]:
    if not all(name.isdigit() and int(name) < 128 for name in formats):
        raise _invalid("a payload type is not a number below 128")
    named = {name: _STATIC_CODECS[name] for name in formats if name in _STATIC_CODECS}
    for line in section:
        if not line.startswith("a=rtpmap:"):
            continue
        match = _RTPMAP.match(line)
        if match is None or not 0 < int(match[3]) <= 192_000 or int(match[1]) > 127:
            raise _invalid("an rtpmap line is malformed")
        named[match[1]] = match[2].lower()
    return {codec for name, codec in named.items() if name in formats}


def _check_mids(session: list[str], media: list[list[str]]) -> None:
    """Sections have names of their own, and are bundled by them (RFC 9143)."""
    mids = [_values(section, "a=mid:") for section in media]
    names = {values[0] for values in mids if len(values) == 1}
    if len(names) < len(media) > 1:  # one alone needs no name
        raise _invalid("a media section lacks an a=mid of its own")
    bundles = _values(session, "a=group:BUNDLE")
    if len(bundles) > 1 or not set(" ".join(bundles).split()) <= names:
        raise _invalid("its a=group:BUNDLE names sections that are not there")


def _values(section: list[str], start: str) -> list[str]:
    """What follows ``start`` in the lines that have it."""
    return [line[len(start) :].strip() for line in section if line.startswith(start)]


def _check_security(session: list[str], section: list[str]) -> None:
    wanted = {
        "a fingerprint": _FINGERPRINT,
        "an ice-ufrag": _UFRAG,
        "an ice-pwd": _PASSWORD,
    }
    for name, pattern in wanted.items():
        if not any(pattern.match(line) for line in (*session, *section)):
            raise _invalid(f"a media section lacks {name}")
