"""Tokens that are good at every host: what is to be known of one is in it, signed.

Nothing is kept and nothing told, so that a host which has just come knows those that
were made before, and one that is gone takes none along. A token is as long as its
session is; one whose session is too large for a header is refused where it is made.
Who holds a token can read the session in it, as it can by ``session.created``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import zlib
from collections.abc import Callable, Iterator, Sequence

from voiceserver.server.access.tokens import PREFIX, Kept, Session, Tokens, digest_of
from voiceserver.server.answers import invalid

MAX_LENGTH = 6_000  # characters; a header with it may have 8190
MAX_SESSION = 64_000  # bytes, unpacked; what a token may be made with
_MAC = 43  # characters of 32 bytes in base64 without padding


class SignedTokens(Tokens):
    """Tokens of a cluster.

    Args:
        keys: The first signs; what any of them has signed is taken.
        now_s: The time, in seconds since 1970.
    """

    def __init__(
        self, keys: Sequence[bytes], now_s: Callable[[], float] = time.time
    ) -> None:
        super().__init__(now_s)
        self._keys = tuple(keys)

    def new(
        self, session: Session, lasts_s: int, key_name: str = ""
    ) -> tuple[str, int]:
        """Make a token; return it and when it expires, in seconds since 1970.

        Raises:
            Refusal: If the session is too large to travel in a token (400).
        """
        expires_s = int(self._now_s()) + lasts_s
        said = [expires_s, key_name, dict(session)]
        text = json.dumps(said, separators=(",", ":"), ensure_ascii=False).encode()
        body = _written(zlib.compress(text, 9))
        value = f"{PREFIX}{body}{_signature(self._keys[0], body)}"
        if len(value) > MAX_LENGTH:
            raise invalid(
                "The session is too large for a token that is good at every host; "
                "leave instructions or tools to session.update.",
                "session",
                "too_large",
            )
        return value, expires_s

    def keep(self, kept: Kept) -> None:
        """Do nothing: a token is all that there is to know of it."""

    def all(self) -> Iterator[Kept]:
        """None is kept."""
        return iter(())

    def find(self, value: str) -> Kept | None:
        """What a token says; None if it has expired or we have not signed it."""
        if not value.startswith(PREFIX) or not value.isascii():
            return None
        if len(value) > MAX_LENGTH or len(value) <= len(PREFIX) + _MAC:
            return None
        body, given = value[len(PREFIX) : -_MAC], value[-_MAC:]
        right = [_signature(key, body) for key in self._keys]
        if not any([hmac.compare_digest(given, one) for one in right]):
            return None
        expires_s, key_name, session = json.loads(_unpacked(body))
        if expires_s <= self._now_s():
            return None
        return Kept(digest_of(value), float(expires_s), session, key_name)


def _signature(key: bytes, body: str) -> str:
    return _written(hmac.new(key, body.encode(), hashlib.sha256).digest())


def _written(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _unpacked(body: str) -> bytes:
    """Of one that we have signed; so it is whole, and as large as it may be.

    Raises:
        binascii.Error, zlib.error: If it is not, which is a bug.
    """
    raw = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    return zlib.decompressobj().decompress(raw, 2 * MAX_SESSION)
