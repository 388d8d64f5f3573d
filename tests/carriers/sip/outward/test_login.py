"""Who the server is where a trunk asks."""

from __future__ import annotations

import pytest
from aiosipua import SipRequest, SipResponse

from voiceserver.carriers.sip.digest import REALM, Digest
from voiceserver.carriers.sip.outward.login import Login, login_at
from voiceserver.config import SipTrunk


def asked(method: str = "INVITE") -> SipRequest:
    return SipRequest(method=method, uri="sip:200@pbx")


def refused(status: int, *challenges: str) -> SipResponse:
    made = SipResponse(status_code=status, reason_phrase="x")
    name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
    for each in challenges:
        made.add_header(name, each)
    return made


def test_the_strongest_challenge_is_answered_rightly() -> None:
    """As our own check of it finds."""
    digest = Digest(lambda: 0)
    challenges = [value for _, value in digest.challenges()]
    proof = Login("u", "p").proof(asked(), refused(401, *reversed(challenges)))
    assert proof is not None
    name, value = proof
    assert name == "Authorization"
    assert "SHA-256" in value
    again = asked()
    again.add_header(name, value)
    assert digest.proves(again, "u", "p")


def test_a_proxy_is_answered_in_a_header_of_its_own() -> None:
    """Without qop, as old ones ask."""
    proof = Login("u", "p").proof(asked(), refused(407, 'Digest realm="r", nonce="n"'))
    assert proof is not None
    assert proof[0] == "Proxy-Authorization"


def test_a_wrong_password_is_not_tried_twice() -> None:
    """But where only the nonce was too old."""
    login, request = Login("u", "p"), asked()
    request.add_header("Authorization", "Digest x")
    challenge = f'Digest realm="{REALM}", nonce="n"'
    assert login.proof(request, refused(401, challenge)) is None
    assert login.proof(request, refused(401, challenge + ", stale=true")) is not None


@pytest.mark.parametrize(
    "response",
    [
        refused(403, 'Digest realm="r", nonce="n"'),
        refused(401),
        refused(401, "Basic x"),
        refused(401, 'Digest realm="r", nonce="n", algorithm=SHA-512'),
        refused(401, 'Digest realm="r"'),
    ],
)
def test_what_cannot_be_answered_is_not(response: SipResponse) -> None:
    """Nothing raises."""
    assert Login("u", "p").proof(asked(), response) is None
    assert Login().proof(asked(), response) is None


def test_the_password_is_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    """And is never shown."""
    monkeypatch.setenv("PBX", "secret")
    trunk = SipTrunk(("127.0.0.1",), login="u", login_password_env="PBX")
    assert login_at(trunk) == Login("u", "secret")
    assert "secret" not in repr(login_at(trunk))
    assert login_at(SipTrunk(("127.0.0.1",))) == Login()
