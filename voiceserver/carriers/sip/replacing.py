"""A call that takes the place of another: ``Replaces`` of RFC 3891. Pure.

Somebody who has put a call through by hand (an attended transfer, RFC 5589, section 7)
is followed by whom they have put through, with an INVITE that names the call. Knows no
calls.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from aiosipua import SipRequest

from voiceserver.carriers.sip.dialog import Key
from voiceserver.carriers.sip.message import Refusal

_PARAMS = re.compile(r";\s*(to-tag|from-tag)\s*=\s*([^\s;,]+)", re.IGNORECASE)
_EARLY = re.compile(r";\s*early-only\s*(;|\Z)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Replaces:
    """Which call is meant.

    Attributes:
        key: Of its dialog, as our side has it.
        early_only: Only if it has not been taken yet.
    """

    key: Key
    early_only: bool = False


def replaces_in(invite: SipRequest) -> Replaces | Refusal | None:
    """What an INVITE replaces; None if nothing, a refusal if that cannot be read."""
    values = invite.get_header_values("replaces")
    if not values:
        return None
    (value, *more) = values
    call_id, _, rest = value.partition(";")
    tags = {name.lower(): tag for name, tag in _PARAMS.findall(f";{rest}")}
    whole = call_id.strip() and len(tags) == 2
    if more or not whole or invite.get_header_values("join"):
        return Refusal(400, why="Replaces Cannot Be Read")
    key = (call_id.strip(), tags["to-tag"], tags["from-tag"])
    return Replaces(key, _EARLY.search(f";{rest}") is not None)
