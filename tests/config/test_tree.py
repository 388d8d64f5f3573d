"""The ranges that settings check by themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from voiceserver.config import (
    MediaConfig,
    RecogniserConfig,
    ServerConfig,
    SpeechConfig,
    TextProvider,
)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ServerConfig(port=65_536), "port must be 0..65535"),
        (lambda: ServerConfig(max_calls=0), "max_calls must be at least 1"),
        (lambda: ServerConfig(max_call_s=0), "max_call_s must be at least 1"),
        (lambda: RecogniserConfig(processes=0), "processes must be 1..64"),
        (lambda: SpeechConfig(speed=4.1), "speed must be 0.25..4"),
        (lambda: TextProvider("a", "example.org", "m"), "base_url must start with"),
    ],
)
def test_a_value_out_of_range_is_refused(
    make: Callable[[], object], words: str
) -> None:
    """Naming the setting and its range."""
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize(
    "wrong",
    [
        {"ice_servers": ("http://relay.example.org",)},
        {"udp_port_min": 50_000},
        {"udp_port_min": 50_000, "udp_port_max": 40_000},
        {"udp_port_min": 80, "udp_port_max": 90},
        {"public_ip": "voice.example.org"},
    ],
)
def test_media_settings_that_cannot_work_are_refused(wrong: dict[str, Any]) -> None:
    """When the file is read, not at the first call."""
    with pytest.raises(ValueError, match=next(iter(wrong)).split("_m")[0]):
        MediaConfig(**wrong)


def test_a_relay_and_a_port_range_are_accepted() -> None:
    """As firewalls ask for."""
    servers = ("stun:s.example.org:3478", "turns:r.example.org?transport=tcp")
    MediaConfig(servers, udp_port_min=40_000, udp_port_max=40_100, public_ip="::1")


def test_a_certificate_comes_with_its_key() -> None:
    """Neither is of use alone."""
    with pytest.raises(ValueError, match="together"):
        ServerConfig(tls_cert="cert.pem")
