"""The dialects by name: a new one is its file and a row here.

A client names the one it speaks in its address (``?dialect=``); without a name it
speaks the first.
"""

from __future__ import annotations

from collections.abc import Mapping

from voiceserver.dialects.realtime.dialect import Realtime
from voiceserver.errors import BadRequest
from voiceserver.session.ports import DialectKind

Dialects = Mapping[str, DialectKind]

DIALECTS: Dialects = {"realtime": Realtime()}


def dialect_in(address: Mapping[str, str], dialects: Dialects) -> DialectKind:
    """The dialect that an address names.

    Raises:
        BadRequest: If there is none of that name; names those there are.
    """
    name = address.get("dialect") or next(iter(dialects))
    found = dialects.get(name)
    if found is None:
        message = f"unknown dialect; the dialects are: {', '.join(dialects)}"
        raise BadRequest(message, param="dialect")
    return found
