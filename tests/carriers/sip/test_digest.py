"""Who knows the password."""

from __future__ import annotations

import pytest
from aiosipua import (
    SipDigestAuth,
    SipRequest,
    build_credentials,
    parse_auth,
    stringify_auth,
)

from tests.carriers.sip.phone import OFFER, Phone, rung
from voiceserver.carriers.sip.digest import Digest
from voiceserver.config import Config, SipConfig, SipTrunk

URI = "sip:100@127.0.0.1"


def authorization(
    challenge: str, password: str = "secret", method: str = "INVITE", count: int = 1
) -> str:
    made = build_credentials(
        SipDigestAuth("pbx", password),
        parse_auth(challenge),
        method,
        URI,
        nonce_count=count,
    )
    assert made is not None
    return stringify_auth(made)


def request(value: str, method: str = "INVITE") -> SipRequest:
    made = SipRequest(method=method, uri=URI)
    made.add_header("Authorization", value)
    return made


@pytest.mark.parametrize("which", [0, 1])
def test_who_knows_the_password_proves_it_once(which: int) -> None:
    """By either algorithm; the same words again prove nothing."""
    digest = Digest(lambda: 0)
    challenge = digest.challenges()[which][1]
    value = authorization(challenge)
    assert not digest.proves(request(authorization(challenge, "x")), "pbx", "secret")
    assert not digest.proves(request(value), "other", "secret")
    assert not digest.proves(request(value, "BYE"), "pbx", "secret")
    assert digest.proves(request(value), "pbx", "secret")
    assert not digest.proves(request(value), "pbx", "secret")
    assert digest.proves(request(authorization(challenge, count=2)), "pbx", "secret")


def test_a_nonce_is_ours_and_not_old() -> None:
    """Two minutes."""
    now_s = 0
    digest = Digest(lambda: now_s * 1_000_000_000)
    challenge = digest.challenges()[0][1]
    foreign = Digest(lambda: 0).challenges()[0][1]
    assert not digest.proves(request(authorization(foreign)), "pbx", "secret")
    now_s = 121
    assert not digest.proves(request(authorization(challenge)), "pbx", "secret")


@pytest.mark.parametrize("value", ["", "Basic x", "Digest nonce=", 'Digest realm="'])
def test_junk_proves_nothing(value: str) -> None:
    """Nothing raises."""
    assert not Digest(lambda: 0).proves(request(value), "pbx", "secret")


def test_a_trunk_with_a_password_is_asked_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """401, then the call is taken."""
    monkeypatch.setenv("PBX", "secret")
    trunk = SipTrunk(("127.0.0.0/8",), "pbx", "pbx", "PBX")

    async def scenario(phone: Phone) -> None:
        phone.say(phone.request("INVITE", OFFER, branch="z9hG4bKx"))
        await phone.settle()
        assert phone.statuses == [401]
        phone.say(phone.request("ACK", branch="z9hG4bKx", to_tag=phone.tag))
        challenge = phone.response(401).get_header("www-authenticate")
        assert challenge is not None
        value = authorization(challenge)
        headers = f"Authorization: {value}\r\n"
        phone.say(phone.request("INVITE", OFFER, number=2, headers=headers))
        await phone.settle()
        assert phone.statuses[1:] == [100, 180, 200]

    rung(scenario, Config(sip=SipConfig(port=5060, trunk=(trunk,))))
