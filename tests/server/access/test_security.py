"""Who may use the server."""

from __future__ import annotations

from pathlib import Path

import pytest

from voiceserver.config import ServerConfig
from voiceserver.errors import ConfigError
from voiceserver.server.access.security import access_rules, is_loopback
from voiceserver.server.answers import Refusal

KEY = {"VS_KEY": "correct horse battery"}
OPEN = access_rules(ServerConfig())
KEYED = access_rules(ServerConfig(host="0.0.0.0", api_key_env="VS_KEY"), KEY)
LISTED = access_rules(
    ServerConfig(allowed_origins=("https://voice.example.org", "null"))
)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.9.9.9", "localhost", "LOCALHOST.", "[::1]", "::1"]
)
def test_loopback_has_many_names(host: str) -> None:
    """All of 127/8, ``::1`` and ``localhost``."""
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    ["0.0.0.0", "::", "", "192.168.1.2", "127.0.0.1.example.org", "localhost.evil.org"],
)
def test_other_addresses_are_not_loopback(host: str) -> None:
    """Nor do names count that only begin like it."""
    assert not is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.org", ""])
def test_a_public_address_without_a_key_is_refused(host: str) -> None:
    """And the message says how to do it right."""
    with pytest.raises(ConfigError, match="api_key_env = "):
        access_rules(ServerConfig(host=host), {})


@pytest.mark.parametrize("environment", [{}, {"VS_KEY": ""}, {"VS_KEY": " "}])
def test_a_key_that_is_not_set_is_refused(environment: dict[str, str]) -> None:
    """Rather than serving without one."""
    with pytest.raises(ConfigError, match="VS_KEY is not set"):
        access_rules(ServerConfig(api_key_env="VS_KEY"), environment)


def test_an_origin_that_is_none_is_refused_at_start() -> None:
    """A bare host name would never match."""
    with pytest.raises(ConfigError, match=r"voice\.example\.org"):
        access_rules(ServerConfig(allowed_origins=("voice.example.org",)))


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8080", "localhost", "localhost:1", "[::1]:8080"]
)
@pytest.mark.parametrize(
    "origin",
    [None, "http://localhost:3000", "http://127.0.0.1:8080", "https://[::1]:9"],
)
def test_loopback_pages_and_programs_may_come(host: str, origin: str | None) -> None:
    """Without any key."""
    OPEN.check_source(host, origin)
    OPEN.check_key(None)
    OPEN.check_key("Bearer whatever")


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        (None, None, 400),
        ("", None, 400),
        ("a b", None, 400),
        ("localhost:80:80", None, 400),
        ("evil.example", None, 403),  # DNS rebinding
        ("evil.example:8080", "http://evil.example:8080", 403),
        ("127.0.0.1", "http://evil.example", 403),
        ("127.0.0.1", "null", 403),
        ("127.0.0.1", "", 403),
        ("127.0.0.1", "http://localhost.evil.example", 403),
        ("127.0.0.1", "http://[", 403),
        ("127.0.0.1", "http://x:99999", 403),
        ("127.0.0.1", "file://localhost", 403),
    ],
)
def test_strangers_may_not(host: str | None, origin: str | None, status: int) -> None:
    """Foreign pages, rebound names and malformed headers."""
    with pytest.raises(Refusal) as refused:
        OPEN.check_source(host, origin)
    assert refused.value.status == status


def test_a_listed_origin_may_come_also_under_its_own_name() -> None:
    """As behind a proxy that passes the host on."""
    LISTED.check_source("127.0.0.1:8080", "https://voice.example.org")
    LISTED.check_source("voice.example.org", "https://voice.example.org")
    LISTED.check_source("127.0.0.1", "null")
    with pytest.raises(Refusal):
        LISTED.check_source("127.0.0.1", "http://voice.example.org")


def test_behind_a_key_any_host_will_do_but_pages_only_of_the_same() -> None:
    """A foreign page could not know the key, but is refused all the same."""
    KEYED.check_source("192.168.1.5:8080", None)
    KEYED.check_source("192.168.1.5:8080", "http://192.168.1.5:8080")
    with pytest.raises(Refusal):
        KEYED.check_source("192.168.1.5:8080", "http://evil.example")


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Basic correct horse battery",
        "correct horse battery",
        "Bearer \ud800",
    ],
)
def test_a_wrong_key_is_refused(header: str | None) -> None:
    """With 401 and how to give it."""
    with pytest.raises(Refusal) as refused:
        KEYED.check_key(header)
    assert refused.value.status == 401
    assert refused.value.headers == {"WWW-Authenticate": "Bearer"}


def test_the_right_key_is_taken() -> None:
    """The scheme's case does not matter (RFC 9110, 11.1)."""
    KEYED.check_key("Bearer correct horse battery")
    KEYED.check_key("bearer correct horse battery")


def test_a_short_key_is_called_so() -> None:
    """The log warns of it; the operator may have their reasons."""
    config = ServerConfig(api_key_env="VS_KEY")
    assert access_rules(config, {"VS_KEY": "secret"}).short_key
    assert not KEYED.short_key


def test_keys_of_a_file_are_taken_too(tmp_path: Path) -> None:
    """One a line, with remarks; together with that of the environment."""
    file = tmp_path / "keys"
    file.write_text(
        "# of the kiosks\nfirst-key-of-the-file\n\nsecond-key-of-the-file\n"
    )
    config = ServerConfig(host="0.0.0.0", api_key_env="VS_KEY", api_key_file=str(file))
    rules = access_rules(config, KEY)
    for key in ("first-key-of-the-file", "second-key-of-the-file", KEY["VS_KEY"]):
        rules.check_key(f"Bearer {key}")
    with pytest.raises(Refusal):
        rules.check_key("Bearer # of the kiosks")


@pytest.mark.parametrize("content", [None, b"", b"# none yet\n", b"\xff\xfe"])
def test_file_without_keys_is_refused(tmp_path: Path, content: bytes | None) -> None:
    """Missing, empty, remarks only, no text: never an open server instead."""
    file = tmp_path / "keys"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match="api_key_file"):
        access_rules(ServerConfig(api_key_file=str(file)), {})
