"""``voiceserver calibrate``, against a provider on loopback."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from tests.chat_faults import ChatService, Head
from tests.faulty_text_server import FaultyTextServer
from voiceserver.cli.gate.calibrate import ask_all, calibrate, write
from voiceserver.config import Config, TextConfig, TextProvider
from voiceserver.engines.gate.checkable import Checkable
from voiceserver.engines.gate.gate import opened_gate
from voiceserver.errors import ConfigError, ProviderFailed

SUMS = [Checkable(f"what is {n} plus one", (str(n + 1),)) for n in range(60)]


class Small(ChatService):
    """Right, and sure of it, about sums up to forty."""

    async def answer(
        self, body: dict[str, Any], key: str = ""
    ) -> AsyncGenerator[Head | bytes, None]:
        n = int(body["messages"][-1]["content"].split()[2])
        sure = n < 40
        self.logprob = (-0.1 if sure else -2.5) if body.get("logprobs") else None
        self.deltas = ("It ", "is ", f"{n + 1 if sure else 7}.", " I am sure of it.")
        async with aclosing(super().answer(body, key)) as parts:
            async for part in parts:
                yield part


@pytest.mark.net
async def test_a_provider_is_calibrated_and_the_gate_opens_with_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both sources; others' calibrations in the file stay."""
    file = tmp_path / "gate.json"
    async with FaultyTextServer(service=Small()) as server:
        provider = TextProvider("cheap", server.base_url, "ok")
        config = Config(text=TextConfig(provider=(provider,)))
        model, checked = await ask_all(config, "cheap", SUMS)
    assert model == "ok" and sum(each.right for each in checked) == 40
    assert write("cheap", model, checked, {}, file) == 0
    told = capsys.readouterr().out
    assert "60 answers, 67% right, AUC 1.00" in told
    maps = json.loads(file.read_text())["providers"]["cheap"]["maps"]
    assert set(maps) == {"logprobs+text", "text"}
    assert file.with_suffix(".svg").exists()
    assert opened_gate(str(file), 0.5, {"cheap": "ok"}, 1.5).judges("cheap")


def test_what_cannot_be_used_is_refused_before_anything_is_asked(
    tmp_path: Path,
) -> None:
    """Provider and files by name."""
    provider = TextProvider("cheap", "http://127.0.0.1:9/v1", "m")
    config = Config(text=TextConfig(provider=(provider,)))
    to = tmp_path / "gate.json"
    with pytest.raises(ConfigError, match=r"no .*'dear'; there are: cheap"):
        calibrate(config, "dear", None, to)
    with pytest.raises(ConfigError, match=r"none\.txt"):
        calibrate(config, "cheap", tmp_path / "none.txt", to)
    mine = tmp_path / "mine.txt"
    mine.write_text("no bar\n")
    with pytest.raises(ConfigError, match=r"mine\.txt, line 1"):
        calibrate(config, "cheap", mine, to)
    mine.write_text("one plus one | 2\n")
    with pytest.raises(ProviderFailed, match="answered 0 questions"):
        calibrate(config, "cheap", mine, to)
    assert not to.exists()
