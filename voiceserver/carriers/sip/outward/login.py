"""Who the server is where a trunk asks for it: answers to challenges of a digest.

RFC 3261, section 22, with RFC 7616's SHA-256, over ``aiosipua``'s arithmetic.
Knows neither what is asked nor of whom.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from aiosipua import (
    SipDigestAuth,
    SipRequest,
    SipResponse,
    build_credentials,
    parse_auth,
    stringify_auth,
)

from voiceserver.config import SipTrunk

# Header of the challenge, and of its answer, by the status that brings it.
CHALLENGES = {
    401: ("www-authenticate", "Authorization"),
    407: ("proxy-authenticate", "Proxy-Authorization"),
}
STRENGTH = {"SHA-256": 2, "MD5": 1}
# A second one where the nonce of the first was too old; no more.
MOST_PROOFS = 2


@dataclass(frozen=True, slots=True)
class Login:
    """A name and its password.

    Attributes:
        user: ``""`` has none, and answers nothing.
        password: Of it.
    """

    user: str = ""
    password: str = field(default="", repr=False)

    def proof(
        self, request: SipRequest, response: SipResponse
    ) -> tuple[str, str] | None:
        """The header that a request needs to be sent again with.

        Args:
            request: That was refused.
            response: How.

        Returns:
            None if the refusal is for something else, cannot be answered, or is of
            this very proof: then the password is wrong. A nonce that was only too old
            (``stale``) may be answered anew.
        """
        names = CHALLENGES.get(response.status_code)
        if names is None or not self.user:
            return None
        asked, answered = names
        challenges = [parse_auth(each) for each in response.get_header_values(asked)]
        known = [
            each
            for each in challenges
            if each.params.get("algorithm", "MD5").upper() in STRENGTH
        ]
        known.sort(key=lambda each: STRENGTH[_algorithm(each.params)], reverse=True)
        for challenge in known:
            stale = challenge.params.get("stale", "").lower() == "true"
            if request.get_header(answered) is not None and not stale:
                return None
            made = build_credentials(
                SipDigestAuth(self.user, self.password),
                challenge,
                request.method,
                request.uri,
            )
            if made is not None:
                return answered, stringify_auth(made)
        return None


def login_at(trunk: SipTrunk) -> Login:
    """Who the server is at a trunk."""
    if not trunk.login:
        return Login()
    return Login(trunk.login, os.environ.get(trunk.login_password_env, ""))


def _algorithm(params: dict[str, str]) -> str:
    return params.get("algorithm", "MD5").upper()
