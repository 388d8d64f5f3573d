"""Signatures of AudioHook requests."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.server.access.genesys_signature import SignedRequest, signed_nonce

# The example of Genesys' documentation of AudioHook's security.
KEY = "SGVsbG8sIEkgYW0gdGhlIEFQSSBrZXkh"
SECRET = base64.b64decode("TXlTdXBlclNlY3JldEtleVRlbGxOby0xITJAMyM0JDU=")
NONCE = "VGhpc0lzQVVuaXF1ZU5vbmNl"
CREATED_S = 1_641_013_200
INPUT = (
    '("@request-target" "@authority" "audiohook-organization-id" '
    '"audiohook-session-id" "audiohook-correlation-id" "x-api-key")'
    f';keyid="{KEY}";nonce="{NONCE}";alg="hmac-sha256"'
    f";created={CREATED_S};expires=3282026430"
)
HEADERS = {
    "audiohook-organization-id": "d7934305-0972-4844-938e-9060eef73d05",
    "audiohook-session-id": "30b0e395-84d3-4570-ac13-9a62d8f514c0",
    "audiohook-correlation-id": "e160e428-53e2-487c-977d-96989bf5c99d",
    "x-api-key": KEY,
    "signature": "sig1=:NZBwyBHRRyRoeLqy1IzOa9VYBuI8TgMFt2GRDkDuJh4=:",
    "signature-input": f"sig1={INPUT}",
}
REQUEST = SignedRequest("audiohook.example.com", "/api/v1/voicebiometrics/ws", HEADERS)


def signed(
    request: SignedRequest, parameters: str, secret: bytes = SECRET
) -> SignedRequest:
    """Sign a request as Genesys would, with these parameters of the signature."""
    names = [each.strip('"') for each in parameters[1:].partition(")")[0].split()]
    derived = {"@authority": request.authority, "@request-target": request.target}
    lines = [
        f'"{name}": {derived.get(name) or request.headers[name]}' for name in names
    ]
    text = "\n".join([*lines, f'"@signature-params": {parameters}'])
    seal = base64.b64encode(hmac.new(secret, text.encode(), hashlib.sha256).digest())
    headers = {
        **request.headers,
        "signature-input": f"sig1={parameters}",
        "signature": f"sig1=:{seal.decode()}:",
    }
    return replace(request, headers=headers)


def test_the_documentations_example_is_good() -> None:
    """And so is what the test signs the same way."""
    assert signed_nonce(REQUEST, SECRET, CREATED_S + 1) == NONCE
    assert signed(REQUEST, INPUT) == REQUEST


@pytest.mark.parametrize(
    "request_",
    [
        replace(REQUEST, authority="another.example.com"),
        replace(REQUEST, target="/v1/telephony/genesys?token=x"),
        *(
            replace(REQUEST, headers={**HEADERS, name: value})
            for name, value in (
                ("audiohook-session-id", "another"),
                ("x-api-key", "another"),
                ("signature", "sig1=:AAAA:"),
                ("signature", "sig1=:A:"),
                ("signature", "sig2=:NZBwyBHRRyRoeLqy1IzOa9VYBuI8TgMFt2GRDkDuJh4=:"),
                ("signature-input", f"sig2={INPUT}"),
                ("signature-input", "sig1=()"),
            )
        ),
        replace(REQUEST, headers={}),
        *(
            replace(
                REQUEST,
                headers={key: each for key, each in HEADERS.items() if key != name},
            )
            for name in HEADERS
        ),
        signed(REQUEST, INPUT, b"another"),
        signed(REQUEST, INPUT.replace(' "audiohook-session-id"', "")),
        signed(REQUEST, INPUT.replace(' "x-api-key"', ' "x-api-key" "x-api-key"')),
        signed(REQUEST, INPUT.replace(NONCE, "short")),
        signed(REQUEST, INPUT.replace("hmac-sha256", "rsa-pss-sha512")),
        signed(REQUEST, INPUT.replace(f'keyid="{KEY}"', 'keyid="another"')),
        signed(REQUEST, INPUT.replace(f";created={CREATED_S}", "")),
        signed(
            REQUEST, INPUT.replace("expires=3282026430", f"expires={CREATED_S - 9}")
        ),
        signed(REQUEST, INPUT.replace("expires=3282026430", 'expires="later"')),
    ],
)
def test_what_is_otherwise_is_not(request_: SignedRequest) -> None:
    """Whatever of it was changed, left out, or signed by somebody else."""
    assert signed_nonce(request_, SECRET, CREATED_S + 1) == ""


@pytest.mark.parametrize(
    ("later_s", "good"), [(-4, False), (-2, True), (9, True), (11, False)]
)
def test_it_lives_for_seconds(later_s: int, good: bool) -> None:
    """And begins no later than clocks differ."""
    assert bool(signed_nonce(REQUEST, SECRET, CREATED_S + later_s)) is good


@given(st.text(max_size=60), st.text(max_size=60))
def test_junk_is_no_signature(given_input: str, sealed: str) -> None:
    """And never an error."""
    headers = {**HEADERS, "signature-input": given_input, "signature": sealed}
    assert signed_nonce(replace(REQUEST, headers=headers), SECRET, CREATED_S) == ""
