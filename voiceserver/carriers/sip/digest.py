"""Who a trunk is, by user and password: RFC 3261, section 22, with RFC 7616's SHA-256.

Nonces carry their own proof and time, so nothing is kept for who never comes back; of
those that were used the count is, so that nothing heard on the way can be said again.
Pure but for its clock.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable

from aiosipua import (
    AuthChallenge,
    SipDigestAuth,
    SipRequest,
    build_credentials,
    parse_auth,
)

REALM = "voiceserver"
NONCE_S = 120  # a nonce may be used for so long
KEPT = 4096  # nonces in use
ALGORITHMS = ("SHA-256", "MD5")  # in the order of preference


class Digest:
    """Challenges, and checks what they are answered with.

    Args:
        now_ns: Monotonic clock.
    """

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self._secret = secrets.token_bytes(32)
        self._counts: OrderedDict[str, int] = OrderedDict()

    def challenges(self) -> tuple[tuple[str, str], ...]:
        """Headers of a 401."""
        nonce = self._nonce(self._now_ns() // 1_000_000_000)
        return tuple(
            (
                "WWW-Authenticate",
                f'Digest realm="{REALM}", nonce="{nonce}", '
                f'algorithm={algorithm}, qop="auth"',
            )
            for algorithm in ALGORITHMS
        )

    def proves(self, request: SipRequest, user: str, password: str) -> bool:
        """Whether a request comes from who knows the password."""
        return any(
            self._proves(value, request.method, user, password)
            for value in request.get_header_values("authorization")
        )

    def _proves(self, value: str, method: str, user: str, password: str) -> bool:
        params = parse_auth(value).params
        algorithm = params.get("algorithm", "MD5").upper()
        nonce, count = params.get("nonce", ""), _number(params.get("nc", ""))
        known = algorithm in ALGORITHMS and params.get("realm") == REALM
        if not known or params.get("username") != user or not self._fresh(nonce):
            return False
        if params.get("qop") != "auth" or not count:
            return False
        challenge = AuthChallenge(
            "Digest",
            {"realm": REALM, "nonce": nonce, "algorithm": algorithm, "qop": "auth"},
        )
        wanted = build_credentials(
            SipDigestAuth(user, password),
            challenge,
            method,
            params.get("uri", ""),
            nonce_count=count,
            cnonce=params.get("cnonce", ""),
        )
        given = params.get("response", "").lower().encode()
        if wanted is None or not hmac.compare_digest(
            wanted.params["response"].encode(), given
        ):
            return False
        return self._first(nonce, count)

    def _first(self, nonce: str, count: int) -> bool:
        if count <= self._counts.get(nonce, 0):
            return False
        self._counts[nonce] = count
        self._counts.move_to_end(nonce)
        if len(self._counts) > KEPT:
            self._counts.popitem(last=False)
        return True

    def _nonce(self, second: int) -> str:
        stamp = f"{second:012x}{secrets.token_hex(4)}"
        return stamp + self._seal(stamp)

    def _seal(self, stamp: str) -> str:
        made = hmac.new(self._secret, stamp.encode(), hashlib.sha256)
        return made.hexdigest()[:32]

    def _fresh(self, nonce: str) -> bool:
        stamp, seal = nonce[:20], nonce[20:]
        if not hmac.compare_digest(self._seal(stamp).encode(), seal.encode()):
            return False
        return self._now_ns() // 1_000_000_000 - int(stamp[:12], 16) <= NONCE_S


def _number(text: str) -> int:
    try:
        return int(text, 16) if len(text) <= 8 else 0
    except ValueError:
        return 0
