"""Whom a call may go to: numbers and addresses, checked against an operator's list.

What is asked for comes from clients and language models, so it is read strictly: what
could carry a header, a parameter or another host along is no address. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from voiceserver.errors import BadRequest

_BETWEEN = str.maketrans("", "", " -()./\t")
_NUMBER = re.compile(r"\+?[0-9*#A-D]{1,32}\Z")
_ADDRESS = re.compile(
    r"(sips?):([A-Za-z0-9_.!~*'()&=+$,%-]{1,64})@"
    r"([A-Za-z0-9][A-Za-z0-9.-]{0,252}|\[[0-9A-Fa-f:.]{2,45}\])"
    r"(:[0-9]{1,5})?(;transport=(?:udp|tcp|tls))?\Z",
    re.IGNORECASE,
)


def destination(wanted: str, allowed: Sequence[str], domain: str) -> str:
    """The address of who is meant.

    Args:
        wanted: A number such as ``"+49 30 1234"``, ``tel:`` and a number, or an
            address such as ``"sip:anna@pbx.example.org"``.
        allowed: Patterns of numbers (``"+49*"``) and of addresses
            (``"sip:*@pbx.example.org"``); ``"*"`` is everybody.
        domain: Host, and port, that a number without one is at.

    Returns:
        For the request line: ``tel:`` where that was given, else ``sip:``.

    Raises:
        BadRequest: If it is no such thing (``invalid_destination``), or nobody who may
            be called (``not_allowed``).
    """
    text = wanted.strip()
    scheme, _, rest = text.partition(":")
    tel = scheme.lower() == "tel"
    number = (rest if tel else text).translate(_BETWEEN)
    found = _ADDRESS.match(text)
    if found is not None:
        shown = f"sip:{found[2]}@{found[3]}".lower()
        given = text
    elif _NUMBER.match(number):
        shown = number
        user = number.replace("#", "%23")
        given = f"tel:{number}" if tel else f"sip:{user}@{domain}"
    else:
        raise BadRequest(
            "This is neither a number nor an address such as sip:anna@example.org.",
            "invalid_destination",
        )
    if not any(_fits(shown, each) for each in allowed):
        raise BadRequest(
            "Nobody may be called there; the trunk's dial says who may.", "not_allowed"
        )
    return given


def _fits(shown: str, pattern: str) -> bool:
    named = pattern.lower()
    if "@" in pattern or named.startswith(("sip:", "sips:")):
        pattern = f"sip:{named.removeprefix('sips:').removeprefix('sip:')}"
    elif pattern != "*":
        pattern = pattern.translate(_BETWEEN)
        if "@" in shown:
            return False
    written = re.escape(pattern).replace(r"\*", ".*")
    return re.fullmatch(written, shown) is not None
