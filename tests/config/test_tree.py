"""The tree of settings: defaults that work, ranges that are checked."""

from __future__ import annotations

from dataclasses import fields, is_dataclass

import pytest

from voiceserver.config import (
    Config,
    RecogniserConfig,
    ServerConfig,
    SpeechConfig,
    TextProvider,
    TurnConfig,
)


def test_no_file_is_needed() -> None:
    """Everything has a default, and it is loopback."""
    assert Config().server.host == "127.0.0.1"


def test_every_setting_is_explained() -> None:
    """Each table's docstring names each of its keys: the reference is made from it."""
    for table in fields(Config):
        kind = type(getattr(Config(), table.name))
        assert is_dataclass(kind)
        for key in fields(kind):
            assert f"{key.name}:" in (kind.__doc__ or ""), f"{table.name}.{key.name}"


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (ServerConfig, {"port": 70_000}),
        (ServerConfig, {"max_calls": 0}),
        (TurnConfig, {"threshold": 0.1}),
        (TurnConfig, {"silence_ms": 5}),
        (TurnConfig, {"cap_ms": 100}),
        (TurnConfig, {"max_utterance_s": 0}),
        (RecogniserConfig, {"processes": 0}),
        (SpeechConfig, {"speed": 9}),
        (TextProvider, {"name": "a", "base_url": "ftp://x", "model": "m"}),
    ],
)
def test_what_cannot_work_is_refused_by_name(
    kind: type, values: dict[str, object]
) -> None:
    """The message names the key."""
    with pytest.raises(ValueError, match=next(reversed(values)) + "|base_url"):
        kind(**values)
