"""Signing what webhooks are told."""

from __future__ import annotations

import base64

import pytest

from voiceserver.server.access.webhook_signature import PREFIX, secret_of, signed

# The example of the specification (standardwebhooks.com, "Signature scheme").
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
EVENT = "msg_p5jXN8AQM9LWM0D4loKWxJek"
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_it_signs_as_the_standard_does() -> None:
    """By its own example."""
    secret = secret_of(SECRET)
    assert secret is not None
    assert signed(secret, EVENT, 1614265330, BODY) == {
        "webhook-id": EVENT,
        "webhook-timestamp": "1614265330",
        "webhook-signature": SIGNATURE,
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        PREFIX,
        PREFIX + "not base64!",
        PREFIX + base64.b64encode(bytes(23)).decode(),
        PREFIX + base64.b64encode(bytes(65)).decode(),
    ],
)
def test_what_is_no_secret_is_none(text: str) -> None:
    """Too short a one too."""
    assert secret_of(text) is None
