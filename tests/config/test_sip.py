"""Who may ring by SIP, and where."""

from __future__ import annotations

import pytest

from voiceserver.config import NumberConfig, SipConfig
from voiceserver.config.parse import parse
from voiceserver.errors import ConfigError


def test_without_trunks_this_machine_may_call() -> None:
    """And nobody else."""
    (trunk,) = SipConfig(port=5060).trunks()
    assert trunk.cidr == ("127.0.0.0/8", "::1/128")


def test_without_numbers_all_are_answered() -> None:
    """With some, those and no other."""
    assert SipConfig().answers_at("")
    listed = SipConfig(number=(NumberConfig("+1 555 0100"),))
    assert listed.answers_at("15550100")
    assert not listed.answers_at("7")
    assert SipConfig(number=(NumberConfig("*"),)).answers_at("7")


ACCOUNT = 'account = [{{ user = "2", password_env = "P", {} }}]'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("port = 70000", "port must be"),
        ('host = "localhost"', "host must be an IP address"),
        ("port = 5060\ntls_port = 5060", "and another one"),
        ("tls_port = 5061", "needs a port beside it"),
        ('public_ip = "me"', "public_ip must be"),
        ("rtp_port_min = 5", "rtp_port_min"),
        ("rtp_port_min = 30000", "in order"),
        ("invites_per_s = 0", "invites_per_s must be"),
        ("session_s = 10", "session_s must be"),
        ("silent_s = 1.0", "silent_s must be"),
        ('port = 5060\nhost = "0.0.0.0"', "\\[\\[sip.account\\]\\] says who may call"),
        ("ring_s = 0.0", "ring_s must be"),
        ('trunk = [{ cidr = ["::1"], login = "a" }]', "given together"),
        ('trunk = [{ cidr = ["::1"], dial = [""] }]', "one is empty"),
        ('trunk = [{ cidr = ["::1"], host = "a b" }]', "host must be like"),
        ('trunk = [{ cidr = ["::1"], transport = "x" }]', "transport"),
        ('trunk = [{ cidr = ["::1"], srtp = true }]', 'srtp needs transport = "tls"'),
        ('trunk = [{ cidr = ["::1"], caller = "a b" }]', "caller must be"),
        ('trunk = [{ cidr = ["::1"], proxy = "a b" }]', "proxy must be like"),
        (ACCOUNT.format('registrar = "a", proxy = "b c"'), "proxy must be like"),
        (ACCOUNT.format('registrar = "a b"'), "registrar must be like"),
        (ACCOUNT.format('registrar = "b", expires_s = 5'), "expires_s must be"),
        (
            "trunk = [{ cidr = ['::1'], name = '2' }]\n"
            + ACCOUNT.format('registrar = "b"'),
            "names of their own",
        ),
        ("trunk = [{ cidr = [] }]", "at least one network"),
        ('trunk = [{ cidr = ["x"] }]', "is not like"),
        ('trunk = [{ cidr = ["::1"], user = "a" }]', "given together"),
        (
            'number = [{ number = "1" }, { number = "1" }]',
            "two \\[\\[sip.number\\]\\] tables are for",
        ),
    ],
)
def test_what_cannot_be_is_said(text: str, message: str) -> None:
    """With what is allowed."""
    with pytest.raises(ConfigError, match=message):
        parse("[sip]\n" + text)
