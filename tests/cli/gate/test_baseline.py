"""``voiceserver baseline``, against a provider on loopback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.chat_faults import ChatService
from tests.faulty_text_server import FaultyTextServer
from voiceserver.cli.gate.baseline import ask_all, otherwise, record, tell, write
from voiceserver.config import Config, TextConfig, TextProvider
from voiceserver.engines.watch.baseline import Quality, read
from voiceserver.engines.watch.questions import QUESTIONS
from voiceserver.errors import ConfigError, ProviderFailed

pytestmark = pytest.mark.net
FEW = QUESTIONS[:40]


def asking(url: str, model: str) -> Config:
    return Config(text=TextConfig(provider=(TextProvider("p", url, model),)))


async def test_a_provider_is_as_it_used_to_be_until_it_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is written is compared with; one that fails now is told of."""
    path = tmp_path / "baseline.json"
    async with FaultyTextServer() as server:
        good = await ask_all(asking(server.base_url, "ok"), FEW)
        failing = await ask_all(asking(server.base_url, "500"), FEW)
    assert write(good, path) == 0
    assert json.loads(path.read_text())["providers"]["p"]["of"] == len(FEW)
    assert tell(good, read(path)) == 0
    assert "as it used to be" in capsys.readouterr().out
    with pytest.raises(ConfigError, match="record it anew"):
        tell(failing, read(path))
    broken = failing["p"]._replace(version=good["p"].version)
    assert tell({"p": broken}, read(path)) == 1
    assert "failures 0 -> 1" in capsys.readouterr().out
    with pytest.raises(ProviderFailed, match="nothing is recorded"):
        write(failing, path)


async def test_how_good_answers_are_is_part_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A model that knows less than it did, and costs more, is told of."""
    path = tmp_path / "baseline.json"
    service = ChatService(deltas=("Canberra, ", "twelve, ", "seven, ", "Austen."))
    async with FaultyTextServer(service=service) as server:
        provider = TextProvider("p", server.base_url, "ok", price_out=10.0)
        config = Config(text=TextConfig(provider=(provider,)))
        good = await ask_all(config, FEW)
        assert write(good, path) == 0
        quality = read(path)["p"].quality
        assert (quality.right, quality.tokens_out) == (3, 7 * len(FEW))
        assert tell(good, read(path)) == 0
    before = Quality(18, 20, 1000, 100, 0.01)
    assert otherwise(before, Quality(16, 20, 1000, 100, 0.012)) == []
    assert otherwise(before, Quality(5, 20, 1000, 100, 0.02)) == [
        "right 90% -> 25%",
        "cost $0.0100 -> $0.0200",
    ]
    assert "3 of " in capsys.readouterr().out


def test_without_a_provider_there_is_nothing_to_ask(tmp_path: Path) -> None:
    """And no file."""
    with pytest.raises(ConfigError, match=r"text\.provider"):
        record(Config(), tmp_path / "x")
