"""``voiceserver cluster``; with a real one in ``tests/cluster/test_ray_serve``."""

from __future__ import annotations

from pathlib import Path

import pytest

from voiceserver.cli import cluster as module
from voiceserver.cli import main
from voiceserver.cli.cluster import pools, process_of
from voiceserver.config import ClusterConfig, Config, PoolConfig
from voiceserver.errors import ConfigError

EARS = Config(cluster=ClusterConfig(recogniser=PoolConfig("pocketsphinx")))


def test_without_an_engine_it_says_what_to_write(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is asked of a cluster."""
    monkeypatch.setattr(module, "deploy", lambda config: [*pools(config)] and 0)
    path = tmp_path / "voiceserver.toml"
    path.write_text("")
    assert main(["cluster", "deploy", "--config", str(path)]) == 2
    assert '[cluster.speech] engine = "neural"' in capsys.readouterr().err


def test_a_missing_package_is_named_with_its_extra(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for every engine."""

    def without_ray(_config: Config) -> int:
        raise ModuleNotFoundError("No module named 'ray'", name="ray")

    monkeypatch.setattr(module, "deploy", without_ray)
    path = tmp_path / "voiceserver.toml"
    path.write_text("")
    assert main(["cluster", "deploy", "--config", str(path)]) == 1
    assert "cluster" in capsys.readouterr().err


def test_a_replica_runs_the_process_that_a_server_would() -> None:
    """With the settings of the file."""
    ((slot, pool),) = pools(EARS)
    spec = process_of(EARS, slot, pool)
    assert spec.settings["core"] == "voiceserver.engines.sphinx.decoder:load"
    assert spec.settings["grammar"]


def test_an_engine_without_a_process_cannot_be_deployed() -> None:
    """A stub is part of the server."""
    with pytest.raises(ConfigError, match="no process of its own"):
        process_of(Config(), "speech", PoolConfig("stub"))
    with pytest.raises(ConfigError, match='did you mean "neural"'):
        process_of(Config(), "speech", PoolConfig("neurral"))
