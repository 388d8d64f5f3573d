"""``voiceserver cluster``: engines to a cluster: deployed, looked at, removed.

Which engines, and how many replicas, ``[cluster]`` says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from voiceserver.cli.arguments import EXIT_FAILED, EXIT_GOOD
from voiceserver.config import Config, PoolConfig
from voiceserver.engines.ears import resolved
from voiceserver.engines.specs import (
    deployed_as,
    domain_of,
    recogniser_process,
    speech_process,
)
from voiceserver.engines.table import ProcessRow, Slot, row_named
from voiceserver.errors import ConfigError, NotInstalled
from voiceserver.processes.process import ChildSpec


def pools(config: Config) -> Iterator[tuple[Slot, PoolConfig]]:
    """Yield the slots with replicas.

    Raises:
        ConfigError: If there is none.
    """
    both: tuple[tuple[Slot, PoolConfig], ...] = (
        ("recogniser", config.cluster.recogniser),
        ("speech", config.cluster.speech),
    )
    named = [(slot, pool) for slot, pool in both if pool.engine]
    if not named:
        raise ConfigError(
            'nothing to deploy: [cluster.speech] engine = "neural" (or '
            '[cluster.recogniser] engine = "whisper") says what replicas run'
        )
    yield from named


def process_of(config: Config, slot: Slot, pool: PoolConfig) -> ChildSpec:
    """Describe the process that a replica runs.

    Raises:
        ConfigError: If there is no such engine, or it runs in no process of its own.
    """
    row = row_named(slot, pool.engine)
    if not isinstance(row, ProcessRow):
        raise ConfigError(
            f'[cluster.{slot}] engine = "{pool.engine}" has no process of its own'
        )
    if slot == "speech":
        return speech_process(config, row)
    named = replace(config, engines=replace(config.engines, recogniser="auto"))
    model = config.recogniser.model or resolved(named).recogniser.model
    config = replace(config, recogniser=replace(config.recogniser, model=model))
    return recogniser_process(config, row, domain_of(config))


def deploy(config: Config) -> int:
    """Deploy what is configured, or change it; says each as it is up."""
    from voiceserver.cluster.ray_serve import deploy as deployed

    for slot, pool in pools(config):
        name, spec = deployed_as(config, slot), process_of(config, slot, pool)
        print(f"{name}: {pool.engine}, {_replicas(pool)} ...", flush=True)
        deployed(config.cluster.address, name, pool, spec)
        print(f"{name}: up", flush=True)
    return EXIT_GOOD


def status(config: Config) -> int:
    """Print how the deployments stand; 1 if any is not running."""
    from voiceserver.cluster.ray_serve import standing

    found = standing(config.cluster.address)
    good = True
    for slot, _ in pools(config):
        name = deployed_as(config, slot)
        print(f"{name}: {found.get(name, 'not deployed')}")
        good = good and found.get(name, "").startswith("running")
    return EXIT_GOOD if good else EXIT_FAILED


def remove(config: Config) -> int:
    """Take the deployments away; what they have is finished first."""
    from voiceserver.cluster.ray_serve import remove as removed

    removed(
        config.cluster.address, [deployed_as(config, slot) for slot, _ in pools(config)]
    )
    return EXIT_GOOD


def run(config: Config, action: str) -> int:
    """Do what was asked for.

    Raises:
        NotInstalled: If Ray is not.
    """
    try:
        return {"deploy": deploy, "status": status, "remove": remove}[action](config)
    except ImportError as error:
        raise NotInstalled("ray", error, "cluster") from error


def _replicas(pool: PoolConfig) -> str:
    if pool.max_replicas > pool.replicas:
        return f"{pool.replicas} to {pool.max_replicas} replicas"
    return "1 replica" if pool.replicas == 1 else f"{pool.replicas} replicas"
