"""SIP messages: read strictly enough to be answered rightly, and answers to them.

The grammar is ``aiosipua``'s, which reads almost anything; what RFC 3261 has refused is
refused here, with the status that says why. Pure. Knows neither sockets nor calls.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass

from aiosipua import SipMessage, SipRequest, SipResponse

Headers = Iterable[tuple[str, str]]

# Of a message; none that a telephone sends comes near, and reading it holds up the
# event loop for its length.
LONGEST = 16 * 1024  # bytes
# Of a header that is looked into: patterns take time by its square.
LONGEST_VALUE = 1024  # characters
MAGIC = "z9hG4bK"  # opens the branch of an RFC 3261 transaction, section 8.1.1.7
METHODS = ("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "INFO", "UPDATE", "NOTIFY")
ALLOW = ", ".join(METHODS)
SDP = "application/sdp"
EXTENSIONS = ("timer", "replaces")  # RFC 4028; RFC 3891
SUPPORTED = ("Supported", ", ".join(EXTENSIONS))

REASONS = {
    100: "Trying",
    180: "Ringing",
    200: "OK",
    202: "Accepted",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    408: "Request Timeout",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    420: "Bad Extension",
    422: "Session Interval Too Small",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    491: "Request Pending",
    500: "Server Internal Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    505: "Version Not Supported",
    603: "Decline",
}

MOST_CSEQ = 1 << 31  # RFC 3261, section 8.1.1.5

# It writes a line for each odd body, which anybody could fill a disk with.
logging.getLogger("aiosipua").setLevel(logging.ERROR)

_TOKEN = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+\Z")
_ONCE = ("from", "to", "call-id", "cseq", "max-forwards", "content-length")
_CSEQ = re.compile(r"(\d{1,40})[ \t]+(\S+)\Z")
_VIA = re.compile(
    r"SIP\s*/\s*\d+\.\d+\s*/\s*(\w+)\s+([^\s;:\[]+|\[[0-9A-Fa-f:.]+\])"
    r"\s*(?::\s*(\d{1,5}))?\s*(;.*)?\Z"
)
_EMPTY = re.compile(r";\s*(;|,|\Z)")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


class NotSip(ValueError):
    """Nothing that could be answered."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """How a request is refused.

    Attributes:
        status: Of the response.
        headers: Further ones, name and value.
        why: In words, for the reason phrase; empty takes the status' own.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class TopVia:
    """The first ``Via``: who sent the request, by its own account.

    Attributes:
        transport: In capitals.
        sent_by: Host and port as written, in lower case.
        port: Where answers go that ask for no other.
        branch: ``""`` if there is none of RFC 3261.
        rport: Answers go where the request came from (RFC 3581).
    """

    transport: str
    sent_by: str
    port: int
    branch: str
    rport: bool


def read(packet: bytes) -> tuple[SipRequest | SipResponse, Refusal | None]:
    """Read a message; and how a request is to be refused, whatever it is for.

    Raises:
        NotSip: If it is none, or one that cannot be answered or matched.
    """
    if len(packet) > LONGEST:
        raise NotSip("longer than any message")
    first = packet.lstrip(b"\r\n").split(b"\n", 1)[0].rstrip(b"\r")
    request = not first.startswith(b"SIP/")
    # A request line of RFC 3261 has three words; a version may be any, to say 505.
    if request and not re.search(rb" SIP/\d+\.\d+\s*\Z", first):
        raise NotSip("no SIP version")
    try:
        message = SipMessage.parse(packet.lstrip(b"\r\n"))
        top_via(message)
        number, _ = cseq(message)
    except (ValueError, IndexError) as error:
        raise NotSip(str(error)) from None
    if isinstance(message, SipResponse):
        if not 100 <= message.status_code <= 699 or number >= MOST_CSEQ:
            raise NotSip("no status of a response")
        return message, None
    if not all(message.get_header(each) for each in ("from", "to", "call-id", "cseq")):
        raise NotSip("headers are missing that an answer repeats")
    words = first.decode("utf-8", "replace").split(" ")
    return message, _fault(message, words, _declared(packet))


def top_via(message: SipMessage) -> TopVia:
    """Read the first ``Via``.

    Raises:
        NotSip: If there is none that can be read.
    """
    values = message.get_header_values("via")
    # Without runs of blanks, which the pattern would try to divide in every way.
    value = " ".join(values[0].split()) if values else ""
    found = _VIA.match(value) if len(value) <= LONGEST_VALUE else None
    if found is None:
        raise NotSip("no Via that can be read")
    transport, host, port, rest = found.groups()
    params = dict(_params(rest or ""))
    branch = params.get("branch") or ""
    number = int(port) if port else 5060
    if not 0 < number < 65536:
        raise NotSip("no port")
    return TopVia(
        transport.upper(),
        f"{host.lower()}:{number}",
        number,
        branch if branch.startswith(MAGIC) and len(branch) > len(MAGIC) else "",
        "rport" in params,
    )


def cseq(message: SipMessage) -> tuple[int, str]:
    """Number and method of the ``CSeq``.

    Raises:
        NotSip: If it cannot be read.
    """
    found = _CSEQ.match((message.get_header("cseq") or "").strip())
    if found is None:
        raise NotSip("no CSeq")
    return int(found[1]), found[2]


def tag(message: SipMessage, header: str) -> str:
    """The tag of ``From`` or ``To``; ``""`` if it has none."""
    return tag_in(message.get_header(header) or "")


def tag_in(value: str) -> str:
    """The tag of such a header's value; ``""`` if it has none."""
    behind = value.rpartition(">")[2] if ">" in value else value.partition(";")[2]
    return dict(_params(";" + behind.lstrip(";"))).get("tag") or ""


def uri_in(value: str) -> str:
    """The address in a ``From``, ``To``, ``Contact`` or ``Route``."""
    found = re.search(r"<([^>]*)>", value)
    return (found[1] if found else value.partition(";")[0]).strip()


def user_in(uri: str) -> str:
    """The user part of an address, such as a number; ``""`` if it has none."""
    scheme, _, rest = uri.partition(":")
    user = rest.partition("@")[0] if "@" in rest else ""
    if scheme.lower() == "tel":
        user = rest
    return re.sub(
        r"%([0-9A-Fa-f]{2})", lambda code: chr(int(code[1], 16)), user.partition(";")[0]
    ).partition(":")[0]


def response(
    request: SipRequest,
    status: int,
    to_tag: str = "",
    headers: Headers = (),
    why: str = "",
) -> SipResponse:
    """Make the response to a request (RFC 3261, section 8.2.6.2).

    Args:
        request: Answered.
        status: 100..699.
        to_tag: Of this side; left out where the request has one, or for 100.
        headers: Further ones.
        why: Reason phrase; empty takes the status' own.
    """
    answer = SipResponse(status_code=status, reason_phrase=why or REASONS[status])
    for name in ("Via", "From", "To", "Call-ID", "CSeq"):
        for value in request.get_header_values(name):
            answer.add_header(name, value)
    if to_tag and status > 100 and not tag(request, "to"):
        answer.set_header("To", f"{request.get_header('to')};tag={to_tag}")
    if request.method == "INVITE" and 100 < status < 300:
        # Or a proxy in between never sees what follows (section 12.1.1).
        for value in request.get_header_values("record-route"):
            answer.add_header("Record-Route", value)
    for name, value in headers:
        answer.add_header(name, value)
    return answer


def _fault(
    request: SipRequest, words: list[str], declared: int | None
) -> Refusal | None:
    if re.match(r"SIP/\d+\.\d+\Z", words[-1]) and words[-1] != "SIP/2.0":
        return Refusal(505)
    try:
        _check_shape(request, words, declared)
    except (NotSip, ValueError) as error:
        return Refusal(400, why=f"Bad Request - {error}")
    if cseq(request)[1] != request.method:
        return Refusal(400, why="Bad Request - CSeq has another method")
    if request.method not in METHODS:
        return Refusal(
            405 if _TOKEN.match(request.method) else 400, (("Allow", ALLOW),)
        )
    return _not_understood(request)


def _check_line(words: list[str]) -> None:
    if (
        len(words) != 3
        or words[2] != "SIP/2.0"
        or not _TOKEN.match(words[0])
        or not words[1]
    ):
        raise NotSip("the request line is not three words")
    if words[1].startswith("<") or not _SCHEME.match(words[1]):
        raise NotSip("no address in the request line")
    if "?" in words[1].rpartition("@")[2] and words[1].lower().startswith("sip"):
        raise NotSip("headers in the request line's address")


def _check_shape(request: SipRequest, words: list[str], declared: int | None) -> None:
    _check_line(words)
    if _EMPTY.search(request.get_header_values("via")[0]):
        raise NotSip("Via has empty parameters")
    for name in _ONCE:
        if len(request.get_header_values(name)) > 1:
            raise NotSip(f"more than one {name}")
    if cseq(request)[0] >= MOST_CSEQ:
        raise NotSip("CSeq is too large")
    if declared is not None and declared > len(request.body):
        raise NotSip("Content-Length says more than came")
    forwards = request.get_header("max-forwards")
    if forwards is not None and not re.match(r"\d{1,10}\Z", forwards.strip()):
        raise NotSip("no Max-Forwards")
    for name in ("from", "to"):
        _check_address(request.get_header(name) or "", name)
    for value in request.get_header_values("contact"):
        _check_address(value, "contact")


def _check_address(value: str, name: str) -> None:
    """Quotes and brackets in order, so that tag and address are where they seem."""
    if len(value) > LONGEST_VALUE:
        raise NotSip(f"{name} is too long")
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', value)
    if bare.count('"') % 2 or bare.count("<") != bare.count(">"):
        raise NotSip(f"{name} is not closed")
    if bare.count("<") > 1:
        raise NotSip(f"{name} has more than one address")
    shown = bare.partition("<")[0].strip() if "<" in bare else ""
    # Not quoted, a name is tokens (section 25.1); anything may hide in the rest.
    if shown and '"' not in shown and not re.match(r"[\w.!%*+`'~ \t-]+\Z", shown):
        raise NotSip(f"{name} has a name that needs quotes")
    if re.search(r"<\s|\s>", bare) or re.search(r"\s", uri_in(bare)):
        raise NotSip(f"{name} has no address that can be used")
    if "<" not in bare and "?" in bare:
        raise NotSip(f"{name} has headers and no brackets")


def _not_understood(request: SipRequest) -> Refusal | None:
    scheme = request.uri.partition(":")[0].lower()
    if scheme not in ("sip", "sips", "tel"):
        return Refusal(416)
    if request.method in ("ACK", "CANCEL"):
        return None
    wanted = [
        each.strip()
        for value in request.get_header_values("require")
        for each in value.split(",")
        if each.strip() and each.strip().lower() not in EXTENSIONS
    ]
    if wanted:
        return Refusal(420, tuple(("Unsupported", each) for each in wanted))
    if request.method != "INVITE" and request.get_header_values("replaces"):
        return Refusal(400)  # RFC 3891, section 3
    if request.method not in ("INVITE", "UPDATE"):
        return None
    kind = (request.get_header("content-type") or "").partition(";")[0].strip().lower()
    coded = request.get_header("content-encoding")
    if request.body and (kind != SDP or (coded and coded.lower() != "identity")):
        return Refusal(415, (("Accept", SDP),))
    accepted = request.get_header_values("accept")
    if accepted and not re.search(
        r"application/sdp|application/\*|\*/\*", " ".join(accepted).lower()
    ):
        return Refusal(406)
    return None


def _declared(packet: bytes) -> int | None:
    """How long its body is by its own account; what is no number is too long."""
    head = re.split(rb"\r?\n\r?\n", packet.lstrip(b"\r\n"), maxsplit=1)[0]
    found = re.findall(rb"(?im)^(?:content-length|l)[ \t]*:[ \t]*([^\r\n]*)", head)
    if not found:
        return None
    text = found[0].strip()
    return int(text) if re.match(rb"\d{1,9}\Z", text) else LONGEST * 2


def _params(text: str) -> Iterable[tuple[str, str | None]]:
    for part in text.split(";"):
        name, equals, value = part.partition("=")
        if name.strip():
            yield name.strip().lower(), value.strip() if equals else None
