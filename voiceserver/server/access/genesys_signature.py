"""How Genesys signs the requests of AudioHook: HTTP message signatures, HMAC-SHA256.

A draft of RFC 9421, as developer.genesys.cloud/devapps/audiohook/security has it: the
components that it names, the API key as the key's id, a nonce, and seconds of life.
Pure. Knows no aiohttp, and not which nonces were there before.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass

COVERED = frozenset(
    {
        "@request-target",
        "@authority",
        "audiohook-organization-id",
        "audiohook-session-id",
        "audiohook-correlation-id",
        "x-api-key",
    }
)
LIFE_S, SKEW_S = 10, 3  # of a signature; between two clocks
LEAST_NONCE = 22  # characters: 128 bits in base64
_LONGEST = 2_000  # characters of a header

_STRING = r'"[ !#-\[\]-~]{0,500}"'  # without what would have to be escaped
_PARAMETER = rf"[a-z]{{1,16}}=(?:{_STRING}|[0-9]{{1,12}})"
_INPUT = re.compile(
    rf"([a-z][a-z0-9_.*-]{{0,31}})="
    rf"(\(({_STRING}(?: {_STRING}){{0,31}})\)((?:;{_PARAMETER}){{1,8}}))"
)
_SIGNATURE = re.compile(r"([a-z][a-z0-9_.*-]{0,31})=:([A-Za-z0-9+/=]{1,100}):")


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What of a request is signed.

    Attributes:
        authority: Host, as Genesys knows it; with a port that is not the scheme's.
        target: Path and query.
        headers: By their names in lower case.
    """

    authority: str
    target: str
    headers: Mapping[str, str]


def signed_nonce(request: SignedRequest, secret: bytes, now_s: float) -> str:
    """Check a signature; return its nonce, which may be used once.

    Args:
        request: That is to be signed.
        secret: The integration's client secret, decoded.
        now_s: Seconds since 1970.

    Returns:
        ``""`` if it is not signed, or not rightly, or no more.
    """
    headers = request.headers
    given = _INPUT.fullmatch(headers.get("signature-input", "")[:_LONGEST])
    sealed = _SIGNATURE.fullmatch(headers.get("signature", "")[:_LONGEST])
    if given is None or sealed is None or given[1] != sealed[1]:
        return ""
    names = [each.strip('"') for each in re.findall(_STRING, given[3])]
    parameters = dict(each.split("=", 1) for each in given[4][1:].split(";"))
    nonce = parameters.get("nonce", "").strip('"')
    if (
        len(set(names)) != len(names)
        or not COVERED.issubset(names)
        or len(nonce) < LEAST_NONCE
        or parameters.get("keyid", "").strip('"') != headers.get("x-api-key")
        or parameters.get("alg", '"hmac-sha256"') != '"hmac-sha256"'
        or not _in_time(parameters, now_s)
    ):
        return ""
    lines = [_line(name, request) for name in names]
    if None in lines:
        return ""
    text = "\n".join([*map(str, lines), f'"@signature-params": {given[2]}'])
    octets = text.encode("utf-8", "replace")  # of headers that may not be UTF-8
    right = hmac.new(secret, octets, hashlib.sha256).digest()
    try:
        found = base64.b64decode(sealed[2], validate=True)
    except binascii.Error:
        return ""
    return nonce if hmac.compare_digest(found, right) else ""


def _in_time(parameters: Mapping[str, str], now_s: float) -> bool:
    created, expires = parameters.get("created", ""), parameters.get("expires", "")
    if not created.isdigit() or (expires and not expires.isdigit()):
        return False
    fresh = -LIFE_S <= int(created) - now_s <= SKEW_S
    return fresh and (not expires or int(expires) >= now_s)


def _line(name: str, request: SignedRequest) -> str | None:
    """What is signed of a component; None if it is not there."""
    derived = {"@authority": request.authority, "@request-target": request.target}
    value = derived.get(name) or request.headers.get(name)
    return None if value is None else f'"{name}": {value.strip()}'
