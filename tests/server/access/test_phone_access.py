"""Whether a telephone service may bring calls."""

from __future__ import annotations

import base64

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from voiceserver.config import ServerConfig, TelephonyConfig
from voiceserver.errors import ConfigError
from voiceserver.server.access.phone_access import PhoneAccess, Seen, signature
from voiceserver.server.access.security import access_rules
from voiceserver.server.answers import Refusal

KEY, OWN, TWILIO = "k" * 24, "own secret", "12345"
ENVIRONMENT = {"KEY": KEY, "OWN": OWN, "TWILIO": TWILIO}
CONFIG = TelephonyConfig(token_env="OWN", twilio_token_env="TWILIO")


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s


def access(clock: Clock | None = None, config: TelephonyConfig = CONFIG) -> PhoneAccess:
    rules = access_rules(ServerConfig(api_key_env="KEY"), ENVIRONMENT)
    return PhoneAccess(config, rules, ENVIRONMENT, clock or Clock())


def test_twilios_own_example_has_its_signature() -> None:
    """``twilio.com/docs/usage/security``: the request of the documentation."""
    form = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675309",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
    }
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert signature("12345", url, form) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="
    assert access().signed("twilio", "RSOYDt4T1cUTdK1PDd93/VVr8B8=", url, form)


def test_a_socket_may_be_signed_by_any_of_its_addresses() -> None:
    """Twilio signs ``wss``, and may put a slash behind it."""
    url = "https://voice.example.org/v1/telephony/twilio"
    for written in (
        url,
        url.replace("https", "wss"),
        url.replace("https", "wss") + "/",
    ):
        given = signature(TWILIO, written, {})
        assert access().signed("twilio", given, url, {})


@pytest.mark.parametrize(
    ("service", "given"),
    [
        ("twilio", None),
        ("twilio", ""),
        ("twilio", "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        ("twilio", "ä"),
        ("signalwire", signature("", "https://h/p", {})),
        ("", signature("", "https://h/p", {})),
    ],
)
def test_no_other_signature_admits(service: str, given: str | None) -> None:
    """Nor one by a secret that is not set."""
    assert not access().signed(service, given, "https://h/p", {})


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"asterisk:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("authorization", "token", "known"),
    [
        (f"Bearer {KEY}", None, True),
        (f"Bearer {OWN}", None, True),
        (basic(OWN), None, True),
        (None, OWN, True),
        (None, KEY, True),
        (None, None, False),
        (None, "", False),
        ("Bearer", None, False),
        ("Bearer x", "y", False),
        (basic("x"), None, False),
        ("Basic %%%", None, False),
        (f"Digest {KEY}", None, False),
    ],
)
def test_a_key_or_the_secret_admits(
    authorization: str | None, token: str | None, known: bool
) -> None:
    """In any of the places that services have for it."""
    assert access().knows(authorization, token) is known


def test_a_token_admits_once_and_for_a_minute() -> None:
    """In any worker: they have the same secrets."""
    clock = Clock()
    maker, other = access(clock), access(clock)
    token = maker.token()
    assert other.takes(token)
    assert not other.takes(token)
    late = maker.token()
    clock.now_s += 61
    assert not maker.takes(late)


@given(st.text(max_size=60))
def test_no_other_token_admits(text: str) -> None:
    """Whatever it looks like."""
    known = access()
    assert not known.takes(text)
    token = known.token()
    assume(text != token[-1])  # it is that very token then
    assert not known.takes(token[:-1] + text)


def test_what_is_no_utf_8_admits_nobody_and_is_no_fault() -> None:
    """Bytes of headers, and what JSON escapes, come as half surrogates."""
    assert not access().takes("vt_\udcff.1.\udcff")
    assert not access().knows("Bearer \udcff", "\udcff")
    url, form = "https://voice.example.org/v1/telephony/twilio", {"To": "\ud800"}
    assert not access().signed("twilio", "\udcff", url, form)


def test_tokens_of_another_server_do_not_admit() -> None:
    """They are sealed by all its secrets."""
    other = access(config=TelephonyConfig(token_env="OWN"))
    assert not access().takes(other.token())


def test_what_was_sent_before_is_refused() -> None:
    """A signature is the same whenever it is sent."""
    known = access()
    known.check_new("twilio MZ1 CA1")
    known.check_new("twilio MZ2 CA1")
    with pytest.raises(Refusal) as refused:
        known.check_new("twilio MZ1 CA1")
    assert refused.value.code == "replayed"


def test_a_server_with_no_secret_asks_for_none() -> None:
    """It listens on loopback only."""
    known = PhoneAccess(TelephonyConfig(), access_rules(ServerConfig()), {})
    assert not known.guarded
    assert known.knows(None, None)
    known.check_new("x")
    known.check_new("x")


def test_a_variable_that_is_not_set_is_named() -> None:
    """Rather than a server that takes anybody."""
    with pytest.raises(ConfigError, match=r"telephony.token_env: .* NONE is not set"):
        access(config=TelephonyConfig(token_env="NONE"))


def test_what_was_seen_is_forgotten_in_time() -> None:
    """And bounded."""
    clock = Clock()
    seen = Seen(clock)
    assert not seen.again("a")
    assert seen.again("a")
    clock.now_s += 3601
    assert not seen.again("a")


def test_a_secret_of_genesys_is_in_base64() -> None:
    """Else what it signs could never be right; with one its signature decides."""
    config = TelephonyConfig(genesys_secret_env="OWN")
    with pytest.raises(ConfigError, match="base64"):
        access(config=config)
    environment = {"GENESYS": base64.b64encode(b"x" * 32).decode()}
    config = TelephonyConfig(genesys_secret_env="GENESYS")
    rules = access_rules(ServerConfig(), {})
    it = PhoneAccess(config, rules, environment)
    assert it.guarded
    assert it.wants_signature("genesys")
    assert not it.wants_signature("twilio")
    assert not access().wants_signature("genesys")
