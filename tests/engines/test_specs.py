"""Which process runs an engine, here and at a replica."""

from __future__ import annotations

from dataclasses import replace

import pytest

from voiceserver.config import ClusterConfig, Config, EnginesConfig, PoolConfig
from voiceserver.engines.specs import (
    deployed_as,
    domain_of,
    recogniser_process,
    speech_process,
    text_process,
)
from voiceserver.engines.table import ProcessRow, Slot, row_named
from voiceserver.errors import ConfigError


def row(slot: Slot, name: str) -> ProcessRow:
    found = row_named(slot, name)
    assert isinstance(found, ProcessRow)
    return found


def test_a_voice_is_run_as_its_row_says() -> None:
    """Its core, the model, and what it needs."""
    config = Config()
    spec = speech_process(config, row("speech", "espeak"))
    assert spec.name == "espeak"
    assert spec.settings["kind"] == "speech"
    assert spec.settings["extra"] == "espeak"
    assert spec.settings["core"] == "voiceserver.engines.espeak.voice:load"


def test_a_model_is_given_to_the_recogniser_that_it_is_of() -> None:
    """One that stands by has its own."""
    config = Config(engines=EnginesConfig(recogniser="whisper"))
    config = replace(config, recogniser=replace(config.recogniser, model="whisper-x"))
    whisper = recogniser_process(config, row("recogniser", "whisper"), None)
    standby = recogniser_process(config, row("recogniser", "pocketsphinx"), None)
    assert whisper.settings["model"] == "whisper-x"
    assert whisper.settings["kind"] == "jobs"
    assert standby.settings["model"] == ""


def test_a_gateway_is_told_only_where_its_replicas_are() -> None:
    """What they run was settled when they were deployed."""
    cluster = ClusterConfig("10.0.0.1:6379", speech=PoolConfig("espeak", 2, streams=4))
    config = Config(cluster=cluster)
    spec = speech_process(config, row("speech", "ray"))
    assert spec.module == "voiceserver.cluster.gateway"
    assert spec.settings == {
        "address": "10.0.0.1:6379",
        "name": "voiceserver-speech",
        "slots": 8,
        "extra": "cluster",
    }
    assert deployed_as(config, "speech") == spec.settings["name"]
    ears = recogniser_process(config, row("recogniser", "ray"), None)
    assert ears.settings["name"] == "voiceserver-recogniser"


def test_a_text_model_knows_its_role() -> None:
    """From the start, so that it has read it when the first call comes."""
    spec = text_process(Config(), row("text", "transformers"))
    assert spec.settings["instructions"] == Config().text.instructions
    assert spec.settings["kind"] == "jobs"


def test_a_domain_is_read_where_there_is_one() -> None:
    """And one that is missing is told by its name."""
    config = Config()
    assert domain_of(config) is None
    missing = replace(config, text=replace(config.text, domain="/missing.toml"))
    with pytest.raises(ConfigError, match=r"missing\.toml"):
        domain_of(missing)
