"""Which process runs a configured engine: its row and the settings, as a ``ChildSpec``.

The same where the process is a child of the server and where it is one of a replica.
Starts none.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

from voiceserver.config import Config
from voiceserver.config.cluster import PoolConfig
from voiceserver.engines.domain.terms import Domain
from voiceserver.engines.expected import expected_words, grammar, known_words
from voiceserver.engines.remote.recogniser import recogniser_spec
from voiceserver.engines.remote.synthesizer import speech_spec
from voiceserver.engines.remote.text import text_spec
from voiceserver.engines.table import ProcessRow
from voiceserver.errors import of_setting
from voiceserver.processes.ipc import Meta
from voiceserver.processes.process import ChildSpec


def domain_of(config: Config) -> Domain | None:
    """Read what callers may ask for; None where no file of it is configured.

    Raises:
        ConfigError: If it cannot be used; says file, line and why.
    """
    if not config.text.domain:
        return None
    from voiceserver.engines.domain import load

    with of_setting("text.domain"):
        return load(Path(config.text.domain))


def recogniser_process(
    config: Config, row: ProcessRow, domain: Domain | None
) -> ChildSpec:
    """Describe a recogniser's process.

    Args:
        config: All settings.
        row: The recogniser's; of another than the configured one, it has no model.
        domain: What callers may ask for; None if anything.
    """
    if row.gateway:
        return _gateway(config, row, config.cluster.recogniser)
    own = config.recogniser
    named = (config.engines.recogniser, config.cluster.recogniser.engine)
    settings: Meta = {
        "model": own.model if row.name in named else "",
        "grammar": grammar(config, domain),
        "language": own.language,
        "words": list(expected_words(config, domain)),
        "known": list(known_words(domain)),
    } | _own_settings(config, row)
    spec = recogniser_spec(row.name, row.load, settings, row.kind or "recogniser")
    return _run_as(row, spec)


def speech_process(config: Config, row: ProcessRow) -> ChildSpec:
    """Describe a voice's process."""
    if row.gateway:
        return _gateway(config, row, config.cluster.speech)
    settings: Meta = {
        "model": config.speech.model,
        "lexicon": config.speech.lexicon,
    } | _own_settings(config, row)
    return _run_as(row, speech_spec(row.name, row.load, settings))


def text_process(config: Config, row: ProcessRow) -> ChildSpec:
    """Describe the process of a text model."""
    settings: Meta = {"instructions": config.text.instructions}
    settings |= _own_settings(config, row)
    return _run_as(row, text_spec(row.name, row.load, settings))


def deployed_as(config: Config, slot: str) -> str:
    """Name of an engine's replicas in the cluster."""
    return f"{config.cluster.name}-{slot}"


def _gateway(config: Config, row: ProcessRow, pool: PoolConfig) -> ChildSpec:
    settings: Meta = {
        "address": config.cluster.address,
        "name": deployed_as(config, row.slot),
        "slots": pool.slots,
    }
    module, _, _ = row.load.partition(":")
    return _run_as(row, ChildSpec(row.name, module, settings))


def _own_settings(config: Config, row: ProcessRow) -> Meta:
    return asdict(getattr(config, row.settings)) if row.settings else {}


def _run_as(row: ProcessRow, spec: ChildSpec) -> ChildSpec:
    """Run it as its row says."""
    return replace(
        spec,
        settings={**spec.settings, "extra": row.extra},
        threads=row.threads,
        environment=row.environment,
        start_limit_s=row.start_limit_s,
    )
