"""``[cluster]``."""

from __future__ import annotations

from pathlib import Path

import pytest

from voiceserver.config import ClusterConfig, PoolConfig
from voiceserver.config.parse import load
from voiceserver.errors import ConfigError


@pytest.mark.parametrize(
    "address", ["", "10.0.0.1", "ray://10.0.0.1:1", "a b:1", "u@h:1"]
)
def test_an_address_that_cannot_be_is_refused(address: str) -> None:
    """With what it must be."""
    with pytest.raises(ValueError, match=r"10\.0\.0\.1:6379"):
        ClusterConfig(address)


def test_addresses_that_can_be() -> None:
    """The cluster that this machine has joined, or a head."""
    assert ClusterConfig().address == "auto"
    assert ClusterConfig("head.local:6379").address == "head.local:6379"


@pytest.mark.parametrize("name", ["", "Voice", "a_b", "-a", "a b"])
def test_a_name_is_fit_for_an_application(name: str) -> None:
    """Small letters, digits and hyphens."""
    with pytest.raises(ValueError, match="name"):
        ClusterConfig(name=name)


@pytest.mark.parametrize(
    ("wrong", "wanted"),
    [
        ({"engine": "ray"}, "behind itself"),
        ({"replicas": 0}, "replicas"),
        ({"replicas": 4, "max_replicas": 2}, "max_replicas"),
        ({"streams": 0}, "streams"),
        ({"cpus": -1.0}, "cpus"),
        ({"gpus": 65.0}, "gpus"),
        ({"drain_s": 0.0}, "drain_s"),
    ],
)
def test_a_pool_that_cannot_be_is_refused(
    wrong: dict[str, object], wanted: str
) -> None:
    """By the name of the field."""
    with pytest.raises(ValueError, match=wanted):
        PoolConfig(**wrong)  # type: ignore[arg-type]


def test_a_server_asks_for_as_many_streams_as_there_may_be() -> None:
    """In all replicas, at most as many as the line to the gateway has slots."""
    assert PoolConfig(replicas=2, streams=8).slots == 16
    assert PoolConfig(replicas=2, max_replicas=5, streams=8).slots == 40
    assert PoolConfig(replicas=10_000, streams=1_000).slots == 60_000


def test_a_file_says_it_all(tmp_path: Path) -> None:
    """And a fault in it is named with its table."""
    path = tmp_path / "voiceserver.toml"
    path.write_text('[cluster.speech]\nengine = "neural"\nreplicas = 3\n')
    assert load(path).cluster.speech.replicas == 3
    path.write_text("[cluster.speech]\nstreams = 0\n")
    with pytest.raises(ConfigError, match=r"cluster\.speech"):
        load(path)
