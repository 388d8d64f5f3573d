"""``[sip.webhook]``: who outside is asked about each call that comes by SIP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from voiceserver.config.checks import require


@dataclass(frozen=True, slots=True)
class CallWebhookConfig:
    """``[sip.webhook]``: a program that takes calls, as by OpenAI's SIP API.

    Attributes:
        url: Is told of each call, ``realtime.call.incoming``, by ``POST``; it rings
            until the program accepts or rejects it. Empty asks nobody.
        secret_env: Environment variable that holds the secret which signs what is
            told: ``whsec_`` and 24 to 64 bytes in base64.
        limit_s: For the program to decide; a URL that fails is tried again within it.
        undecided: What becomes of the call then: ``"answer"`` takes it as if there was
            no webhook, ``"refuse"`` does not (480).
    """

    url: str = ""
    secret_env: str = ""
    limit_s: float = 10.0
    undecided: Literal["answer", "refuse"] = "answer"

    def __post_init__(self) -> None:
        if self.url:
            parts = urlsplit(self.url)
            require(
                parts.scheme in ("http", "https") and bool(parts.hostname),
                'url must be like "https://app.example.org/calls"',
            )
        require(
            bool(self.url) == bool(self.secret_env),
            "url and secret_env are given together",
        )
        # An INVITE is given up after three minutes (RFC 3261, section 16.6).
        require(1 <= self.limit_s <= 150, "limit_s must be 1..150")
