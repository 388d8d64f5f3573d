"""Reads what telephone services send: members of JSON, base64, forms of audio.

Everything is checked here, so that no framing meets anything but what it asked for.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any

from voiceserver.carriers.telephony.line_audio import RATES
from voiceserver.carriers.telephony.messages import KEYS, Codec, LineForm
from voiceserver.errors import BadRequest

MAX_TEXT = 512  # characters of a name or number
MAX_PARAMETERS = 64

_CODECS: dict[str, Codec] = {
    "audio/x-mulaw": "pcmu",
    "pcmu": "pcmu",
    "ulaw": "pcmu",
    "audio/x-alaw": "pcma",
    "pcma": "pcma",
    "alaw": "pcma",
    "audio/x-raw": "l16",
    "audio/x-l16": "l16",
    "audio/l16": "l16",
    "l16": "l16",
}


def json_in(message: str | bytes) -> Mapping[str, Any]:
    """A message as an object.

    Raises:
        BadRequest: If it is none.
    """
    try:
        found = json.loads(message)
    except (ValueError, RecursionError):
        raise BadRequest("a message is not JSON", "invalid_json") from None
    if not isinstance(found, dict):
        raise BadRequest("a message is not a JSON object", "invalid_json")
    return found


def inner(fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A member that is an object; an empty one if it is absent, or something else."""
    found = fields.get(name)
    return found if isinstance(found, dict) else {}


def text_in(fields: Mapping[str, Any], *names: str) -> str:
    """The first of these members that is there; numbers are taken, ``""`` is none."""
    for name in names:
        found = fields.get(name)
        if isinstance(found, bool) or not isinstance(found, str | int) or found == "":
            continue
        return str(found)[:MAX_TEXT]
    return ""


def texts_in(fields: Mapping[str, Any]) -> dict[str, str]:
    """All members that are texts or numbers, bounded."""
    names = [name[:MAX_TEXT] for name in list(fields)[:MAX_PARAMETERS]]
    return {name: found for name in names if (found := text_in(fields, name))}


def audio_in(media: Mapping[str, Any]) -> bytes:
    """The audio of a media message.

    Raises:
        BadRequest: If it is no base64.
    """
    payload = media.get("payload")
    if not isinstance(payload, str):
        raise BadRequest("media.payload is missing; send the audio as base64")
    try:
        return base64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError):
        raise BadRequest("media.payload is not base64", "invalid_audio") from None


def form_of(encoding: str, rate: str) -> LineForm:
    """A form as a service writes it.

    Raises:
        BadRequest: If there is none such; says which there are.
    """
    name = encoding.strip().lower()
    codec = _CODECS.get(name)
    if codec is None:
        known = ", ".join(sorted(_CODECS))
        raise BadRequest(
            f"audio of the encoding {encoding[:40]!r} is not supported; have the "
            f"service send one of: {known}",
            "unsupported_format",
        )
    known_rates = (8_000, 16_000) if codec != "l16" else RATES
    rates = {str(known): known for known in known_rates}
    if rate.strip() not in rates:
        raise BadRequest(
            f"audio at {rate[:12]!r} Hz is not supported; it may be "
            f"{', '.join(rates)} Hz",
            "unsupported_format",
        )
    return LineForm(codec, rates[rate.strip()])


def content_type_form(content_type: str) -> LineForm:
    """A form as a media type says it, such as ``audio/l16;rate=16000``.

    Raises:
        BadRequest: If it cannot be used.
    """
    name, _, rest = content_type.partition(";")
    rate = re.search(r"rate=(\d{1,6})", rest)
    return form_of(name, rate[1] if rate else "16000")


def key_in(fields: Mapping[str, Any], *names: str) -> str | None:
    """The key that was pressed; None if it is no key of a telephone."""
    key = text_in(fields, *names).strip().upper()
    return key if key in KEYS else None
