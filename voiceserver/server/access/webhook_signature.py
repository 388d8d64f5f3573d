"""Signs what a webhook is told, so that who gets it knows that it is from here.

Standard Webhooks (``standardwebhooks.com``, specification 1.0.0), which OpenAI's
webhooks keep to: HMAC-SHA256 over id, time and body, by a secret that is written
``whsec_`` and base64. Pure. Knows neither HTTP nor what is told.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

PREFIX = "whsec_"
LEAST_BYTES, MOST_BYTES = 24, 64  # of a secret, by the specification


def secret_of(text: str) -> bytes | None:
    """What a written secret stands for; None if it is none."""
    if not text.startswith(PREFIX):
        return None
    try:
        secret = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return None
    return secret if LEAST_BYTES <= len(secret) <= MOST_BYTES else None


def signed(secret: bytes, event_id: str, at_s: int, body: bytes) -> dict[str, str]:
    """The headers that go with a body.

    Args:
        secret: Shared with who gets it.
        event_id: The same for every try of one event.
        at_s: Of this try, in seconds since 1970.
        body: To be sent.
    """
    content = f"{event_id}.{at_s}.".encode() + body
    digest = hmac.new(secret, content, hashlib.sha256).digest()
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
