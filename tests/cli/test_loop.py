"""What every command needs."""

from __future__ import annotations

import asyncio
import logging

import pytest

from voiceserver.cli.loop import log_to_stderr, only_ours, run, with_only
from voiceserver.config import Config, EnginesConfig, ServerConfig
from voiceserver.errors import EngineFailed


def test_only_the_engines_in_use_are_opened() -> None:
    """The others are stubs."""
    config = with_only(Config(), "speech")
    assert config.engines == EnginesConfig("stub", "stub", "stub", "neural")


def test_an_error_of_ours_comes_out_of_a_group_alone() -> None:
    """Unless something else is wrong as well."""
    ours = EngineFailed("speech", "gone")
    inner = ExceptionGroup("inner", [ours])
    assert only_ours(ExceptionGroup("outer", [inner])) is ours
    assert only_ours(ExceptionGroup("outer", [inner, ValueError()])) is None
    assert only_ours(ExceptionGroup("outer", [ValueError(), inner])) is None


def test_other_groups_come_out_whole() -> None:
    """They are bugs and want their traceback."""

    async def fail() -> None:
        raise ExceptionGroup("bug", [ValueError()])

    with pytest.raises(ExceptionGroup, match="bug"):
        run(fail())


def test_commands_run_on_uvloop() -> None:
    """Where there is one."""

    async def loop() -> str:
        return type(asyncio.get_running_loop()).__module__

    assert run(loop()) == "uvloop"


def test_configured_keys_are_struck_out_of_logs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those that the environment holds."""
    monkeypatch.setenv("VS_TEST_KEY", "canary-4711")
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        log_to_stderr(Config(server=ServerConfig(api_key_env="VS_TEST_KEY")))
        logging.getLogger("x").warning("key", extra={"value": "canary-4711"})
    finally:
        root.handlers[:], level = before
        root.setLevel(level)
    assert "canary" not in capsys.readouterr().err
