"""What makes a server one host of several."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from voiceserver.cli.serving import host as module
from voiceserver.cli.serving.host import host_name, membership, own_url
from voiceserver.cluster.secret import Secrets
from voiceserver.config import ClusterConfig, Config, HostConfig
from voiceserver.errors import ConfigError

SECRET = "a secret that all hosts share"
SET = {"VS": SECRET, "OLD": "the secret that was before"}


def config(**calls: str) -> Config:
    named = {"host": "a", "url": "http://10.0.0.5:8080", "secret_env": "VS"} | calls
    return Config(cluster=ClusterConfig(calls=HostConfig(**named)))


def test_what_is_written_is_taken() -> None:
    """Both secrets too."""
    me = membership(config(second_secret_env="OLD"), 1, SET)
    assert (me.name, me.url, me.tls) == ("a", "http://10.0.0.5:8080", None)
    assert me.secrets.fingerprints == Secrets(*SET.values()).fingerprints


@pytest.mark.parametrize("secret", ["", "short"])
def test_a_secret_that_is_none_is_told(secret: str) -> None:
    """With how to make one."""
    with pytest.raises(ConfigError, match="openssl rand"):
        membership(config(), 1, {"VS": secret})
    with pytest.raises(ConfigError, match="second_secret_env: OLD"):
        membership(config(second_secret_env="OLD"), 1, {"VS": SECRET, "OLD": secret})


def test_a_machine_says_its_name_and_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that one file does for all hosts; what is no use to others is told."""
    monkeypatch.setattr(socket, "gethostname", lambda: "Voice_Server-7.example.org")
    monkeypatch.setattr(socket, "gethostbyname", lambda _name: "10.0.0.7")
    assert host_name() == "voice-server-7"
    assert own_url(8080, secure=True) == "https://10.0.0.7:8080"
    me = membership(config(host="auto", url="auto"), 9000, SET)
    assert (me.name, me.url) == ("voice-server-7", "http://10.0.0.7:9000")
    monkeypatch.setattr(socket, "gethostbyname", lambda _name: "127.0.1.1")
    with pytest.raises(ConfigError, match="url ="):
        own_url(8080, secure=False)
    monkeypatch.setattr(socket, "gethostname", lambda: "---")
    with pytest.raises(ConfigError, match="has no name"):
        host_name()


def test_certificates_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    """With their file."""
    with pytest.raises(ConfigError, match="none"):
        membership(config(ca_file=str(tmp_path / "none.pem")), 1, SET)
    assert module.AUTO == "auto"
