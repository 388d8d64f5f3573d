"""What every command needs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from voiceserver.cli.loop import log_to_stderr, run, ungrouped, with_only
from voiceserver.config import (
    CallWebhookConfig,
    Config,
    EnginesConfig,
    ServerConfig,
    SipAccount,
    SipConfig,
    SipTrunk,
    TextConfig,
    TextProvider,
)
from voiceserver.errors import EngineFailed


def test_only_the_engines_in_use_are_opened() -> None:
    """The others are stubs."""
    config = with_only(Config(), "speech")
    assert config.engines == EnginesConfig(
        "stub", "stub", "stub", "neural", turns="none"
    )


def test_an_error_of_ours_comes_out_of_a_group_alone() -> None:
    """Unless something else is wrong as well."""
    ours = EngineFailed("speech", "gone")
    inner = ExceptionGroup("inner", [ours])
    with pytest.raises(EngineFailed) as raised, ungrouped():
        raise ExceptionGroup("outer", [inner])
    assert raised.value is ours
    for others in ([inner, ValueError()], [ValueError(), inner]):
        with pytest.raises(ExceptionGroup), ungrouped():
            raise ExceptionGroup("outer", others)


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


@pytest.fixture
def _root_logger() -> Iterator[None]:
    """Put back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.usefixtures("_root_logger")
@pytest.mark.parametrize("around", ["{}", " {}\n"])
def test_configured_keys_are_struck_out_of_logs(
    around: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those that the environment holds, also with blanks around them."""
    monkeypatch.setenv("VS_TEST_KEY", around.format("canary-4711"))
    log_to_stderr(Config(server=ServerConfig(api_key_env="VS_TEST_KEY")))
    logging.getLogger("x").warning("key", extra={"value": "canary-4711"})
    assert "canary" not in capsys.readouterr().err


@pytest.mark.usefixtures("_root_logger")
def test_whatever_secret_is_configured_is_struck_out_of_logs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In lists of tables too: those of trunks, accounts and webhooks were not."""
    for number in range(4):
        monkeypatch.setenv(f"VS_TEST_{number}", f"canary-471{number}")
    trunk = SipTrunk(("192.0.2.0/24",), "t", user="u", password_env="VS_TEST_0")
    account = SipAccount("pbx.example", "100", "VS_TEST_1")
    webhook = CallWebhookConfig("https://example.com", "VS_TEST_2")
    provider = TextProvider("a", "https://example.com/v1", "m", key_env="VS_TEST_3")
    sip = SipConfig(trunk=(trunk,), account=(account,), webhook=webhook)
    log_to_stderr(Config(sip=sip, text=TextConfig(provider=(provider,))))
    for number in range(4):
        logging.getLogger("x").warning("key", extra={"value": f"canary-471{number}"})
    lines = capsys.readouterr().err
    assert "canary" not in lines and lines.count("key") == 4


@pytest.mark.usefixtures("_root_logger")
def test_keys_of_a_file_are_struck_out_of_logs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every line of it; remarks are no secret."""
    file = tmp_path / "keys"
    file.write_text("# kiosks\ncanary-4711\n\n  canary-4712\n")
    log_to_stderr(Config(server=ServerConfig(api_key_file=str(file))))
    for value in ("canary-4711", "canary-4712", "kiosks"):
        logging.getLogger("x").warning("key", extra={"value": value})
    lines = capsys.readouterr().err
    assert "canary" not in lines and "kiosks" in lines


@pytest.mark.usefixtures("_root_logger")
def test_a_file_of_keys_that_is_missing_stops_no_logging(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A command that needs none goes on; the server says so by itself."""
    log_to_stderr(Config(server=ServerConfig(api_key_file=str(tmp_path / "none"))))
    logging.getLogger("x").warning("here")
    assert "here" in capsys.readouterr().err
