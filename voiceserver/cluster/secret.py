"""What hosts of one cluster share: a secret, and what is derived of it. Pure.

Seals show that a request was passed on by a host, and with which words of its own: from
whom the call came. Tokens that any host made are good at all. Fingerprints tell whether
two hosts have the same secret without telling the secret. Each has a key of its own, so
that none can be taken for another (HMAC-SHA256; RFC 2104, RFC 5869's expansion).

Two secrets are taken while all hosts change from one to the other; what is made, the
first one makes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass

from voiceserver import __version__
from voiceserver.cluster.directory import CLOCKS_APART_S
from voiceserver.errors import VoiceServerError

SHORTEST = 24  # characters
MAX_SEAL = 2_000


class SealRefused(VoiceServerError):
    """A request says that a host passed it on, and it cannot be taken; says why."""


@dataclass(frozen=True, slots=True)
class PassedOn:
    """What a host says of a request that it passes on.

    Attributes:
        host: Its name.
        to: To whom.
        client: Address of who asks.
        at_s: When, in seconds since 1970.
        version: Of voiceserver there.
    """

    host: str
    to: str
    client: str
    at_s: float
    version: str = __version__


def _derived(secret: str, purpose: str) -> bytes:
    return hmac.new(secret.encode(), purpose.encode(), hashlib.sha256).digest()


class Secrets:
    """The secrets of one host.

    Args:
        first: It makes seals and tokens.
        second: What it made is taken as well; ``""`` is none.
    """

    def __init__(self, first: str, second: str = "") -> None:
        both = [one for one in (first, second) if one]
        self._sealing = [_derived(one, "voiceserver request") for one in both]
        self.token_keys = tuple(_derived(one, "voiceserver token") for one in both)
        self._naming = _derived(first, "voiceserver name")
        self.fingerprints = tuple(
            _derived(one, "voiceserver fingerprint").hex()[:16] for one in both
        )

    def name_of(self, kind: str, value: str) -> str:
        """Name an address or a key so that only hosts can tell which it is."""
        text = f"{kind}\0{value}".encode()
        return hmac.new(self._naming, text, hashlib.sha256).hexdigest()[:16]

    def seal(self, passed: PassedOn, method: str, target: str) -> str:
        """Return the seal of a request, a value of a header.

        Args:
            passed: What is said of it.
            method: Of the request.
            target: Its path and query.
        """
        said = [passed.host, passed.to, passed.client, passed.at_s, passed.version]
        text = json.dumps(said, separators=(",", ":")).encode()
        body = base64.urlsafe_b64encode(text).decode()
        return f"{body}.{_mac(self._sealing[0], body, method, target)}"

    def opened(
        self, seal: str, method: str, target: str, here: str, now_s: float
    ) -> PassedOn:
        """Return what a seal says.

        Args:
            seal: As it came.
            method: Of the request that it came with.
            target: Path and query of that.
            here: Name of this host.
            now_s: In seconds since 1970.

        Raises:
            SealRefused: If it is not ours, of another version, for another host, or
                from another time.
        """
        if not seal.isascii():
            raise SealRefused("the seal cannot be read")
        body, _, mac = seal[:MAX_SEAL].rpartition(".")
        good = [
            hmac.compare_digest(mac.encode(), _mac(key, body, method, target).encode())
            for key in self._sealing
        ]
        if not any(good):
            raise SealRefused("the secret is not the one of this host")
        try:
            passed = PassedOn(*json.loads(base64.urlsafe_b64decode(body)))
        except (binascii.Error, ValueError, TypeError) as error:
            raise SealRefused("the seal cannot be read") from error
        _check(passed, here, now_s)
        return passed


def _check(passed: PassedOn, here: str, now_s: float) -> None:
    if passed.version != __version__:
        raise SealRefused(
            f'host "{passed.host}" runs voiceserver {passed.version}, this one '
            f"{__version__}"
        )
    if passed.to != here:
        raise SealRefused(
            f'this is host "{here}", and not "{passed.to}"; see url of [cluster.calls]'
        )
    apart_s = passed.at_s - now_s
    if abs(apart_s) > CLOCKS_APART_S:
        way = "ahead of" if apart_s > 0 else "behind"
        raise SealRefused(
            f'the clock of host "{passed.host}" is {abs(apart_s):.0f} s {way} this one'
        )


def _mac(key: bytes, body: str, method: str, target: str) -> str:
    text = "\n".join((body, method, target))
    return hmac.new(key, text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()
