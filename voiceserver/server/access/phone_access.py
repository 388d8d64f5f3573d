"""Whether a telephone service may bring calls: it cannot send our API key as others do.

What admits it: the key or a secret of its own, in a header, as Basic authentication or
as ``?token=``; the signature of a service that signs; or a token that was given to it a
moment ago, once. Nothing is asked of anybody where the server has neither key nor
secret, as that listens on loopback only. Knows no aiohttp.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from voiceserver.config import TelephonyConfig
from voiceserver.errors import ConfigError
from voiceserver.server.access.genesys_signature import SignedRequest, signed_nonce
from voiceserver.server.access.security import AccessRules
from voiceserver.server.answers import Refusal

TOKEN_LASTS_S = 60
PREFIX = "vt_"
MOST_REMEMBERED = 10_000  # tokens used, and requests seen
SEEN_FOR_S = 3600.0


def signature(secret: str, url: str, form: Mapping[str, str]) -> str:
    """What Twilio signs a request with; also SignalWire.

    ``twilio.com/docs/usage/security``: the address and each parameter of the form, in
    the order of their names, by HMAC-SHA1, in base64.
    """
    text = url + "".join(name + form[name] for name in sorted(form))
    digest = hmac.new(secret.encode(), _octets(text), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def addresses(url: str) -> list[str]:
    """The ways in which a service may have written an address that it signed."""
    parts = urlsplit(url)
    schemes = ("https", "wss") if parts.scheme in ("https", "wss") else ("http", "ws")
    rest = url.partition("://")[2]
    written = [f"{scheme}://{rest}" for scheme in schemes]
    if not parts.query:
        written += [f"{each}/" for each in written]
    return written


class Seen:
    """Remembers names for a while, bounded; says which come again.

    Args:
        now_s: Seconds since 1970.
    """

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._names: OrderedDict[str, float] = OrderedDict()

    def again(self, name: str) -> bool:
        """Whether the name has been seen; it has been from now on."""
        now_s = self._now_s()
        while self._names and next(iter(self._names.values())) <= now_s:
            self._names.popitem(last=False)
        if name in self._names:
            return True
        self._names[name] = now_s + SEEN_FOR_S
        if len(self._names) > MOST_REMEMBERED:
            self._names.popitem(last=False)
        return False


class PhoneAccess:
    """Admits telephone services to one server.

    Args:
        config: Where the secrets are.
        rules: The server's own keys.
        environment: Of the process.
        now_s: The time, in seconds since 1970.

    Raises:
        ConfigError: If a variable that is named is not set.
    """

    def __init__(
        self,
        config: TelephonyConfig,
        rules: AccessRules,
        environment: Mapping[str, str] = os.environ,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._rules = rules
        self._now_s = now_s
        self._secret = _secret(config.token_env, "token_env", environment)
        named = {
            "twilio": ("twilio_token_env", config.twilio_token_env),
            "signalwire": ("signalwire_token_env", config.signalwire_token_env),
        }
        self._signing = {
            service: _secret(variable, name, environment)
            for service, (name, variable) in named.items()
        }
        self._genesys = _decoded(
            _secret(config.genesys_secret_env, "genesys_secret_env", environment)
        )
        # The same in every worker, so that each knows the tokens of all.
        known = [*rules.key_digests, self._secret.encode()]
        known += [one.encode() for one in self._signing.values()]
        known.append(self._genesys)
        self.guarded = any(known)
        self._sealing = hashlib.sha256(b"telephony\0" + b"\0".join(known)).digest()
        self._used = Seen(now_s)
        self._streams = Seen(now_s)

    def knows(self, authorization: str | None, token: str | None) -> bool:
        """Whether what a request brings admits it, but for signatures.

        Args:
            authorization: Its header.
            token: ``?token=`` of its address.
        """
        if not self.guarded or (token and self.takes(token)):
            return True
        return any(map(self._is_secret, _given(authorization)))

    def signed(
        self, service: str, given: str | None, url: str, form: Mapping[str, str]
    ) -> bool:
        """Whether a service has signed a request.

        Args:
            service: Its name.
            given: The header with the signature.
            url: That was asked for, as the service knows it.
            form: Parameters of the body.
        """
        secret = self._signing.get(service, "")
        if not secret or not given:
            return False
        right = [signature(secret, each, form) for each in addresses(url)]
        return any([hmac.compare_digest(_octets(given), one.encode()) for one in right])

    def wants_signature(self, service: str) -> bool:
        """Whether a service's requests have to be signed, whatever else they bring."""
        return service == "genesys" and bool(self._genesys)

    def signed_by_genesys(self, request: SignedRequest) -> bool:
        """Whether Genesys has signed a request, which has not come before."""
        nonce = signed_nonce(request, self._genesys, self._now_s())
        return bool(nonce) and not self._used.again(f"genesys {nonce}")

    def token(self) -> str:
        """A token that admits one stream within the next minute."""
        body = f"{int(self._now_s()) + TOKEN_LASTS_S}.{secrets.token_hex(8)}"
        return f"{PREFIX}{body}.{self._seal(body)}"

    def takes(self, token: str) -> bool:
        """Whether a token, or the secret, admits: a token does so once."""
        if self._is_secret(token):
            return True
        body, _, seal = token.removeprefix(PREFIX).rpartition(".")
        good = hmac.compare_digest(_octets(seal), self._seal(body).encode())
        until = body.partition(".")[0]
        if not good or not until.isdigit() or int(until) <= self._now_s():
            return False
        return not self._used.again(body)

    def check_new(self, stream: str) -> None:
        """Check that a stream, or a request for one, was not there before.

        Raises:
            Refusal: If somebody sends again what was sent (403).
        """
        if self.guarded and self._streams.again(stream):
            raise Refusal(403, "This request was sent before.", "replayed")

    def _seal(self, body: str) -> str:
        return hmac.new(self._sealing, _octets(body), hashlib.sha256).hexdigest()[:32]

    def _is_secret(self, given: str) -> bool:
        raw = _octets(given.strip())
        digest = hashlib.sha256(raw).digest()
        same = sum(
            hmac.compare_digest(digest, each) for each in self._rules.key_digests
        )
        own = self._secret.encode()
        return bool(same) or (bool(own) and hmac.compare_digest(raw, own))


def _octets(text: str) -> bytes:
    """What anybody wrote: half surrogates, as headers and JSON bring, are no fault."""
    return text.encode("utf-8", "replace")


def _given(authorization: str | None) -> list[str]:
    """The key or the password of an ``Authorization`` header."""
    scheme, _, rest = (authorization or "").partition(" ")
    if scheme.lower() == "bearer":
        return [rest]
    if scheme.lower() != "basic":
        return []
    try:
        return [base64.b64decode(rest.strip()).decode().partition(":")[2]]
    except (binascii.Error, ValueError):
        return []


def _decoded(secret: str) -> bytes:
    """Genesys' client secret, which is in base64."""
    try:
        return base64.b64decode(secret, validate=True)
    except (binascii.Error, ValueError):
        raise ConfigError(
            "telephony.genesys_secret_env: what it names must be in base64, as Genesys "
            "asks for it"
        ) from None


def _secret(variable: str, setting: str, environment: Mapping[str, str]) -> str:
    if not variable:
        return ""
    secret = environment.get(variable, "").strip()
    if not secret:
        raise ConfigError(
            f"telephony.{setting}: the environment variable {variable} is not set or "
            "empty"
        )
    return secret
