"""Opens scripted engines in place of the real ones."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator

import pytest

from tests.fakes import FakeSpeech
from tests.server.running import fake_engines
from voiceserver.config import Config
from voiceserver.engines.opened import Engines
from voiceserver.errors import EngineFailed
from voiceserver.metrics import Metrics


class OpenedEngines:
    """What was asked to be opened.

    Attributes:
        configs: One for each opening.
        engines: What is given.
        broken: A slot that cannot be opened; empty for none.
        error: What it raises.
    """

    def __init__(self) -> None:
        self.configs: list[Config] = []
        self.engines = fake_engines()
        self.broken = ""
        self.error: Exception = EngineFailed("speech", "no model file")

    @contextlib.asynccontextmanager
    async def __call__(
        self, config: Config, metrics: Metrics
    ) -> AsyncGenerator[Engines, None]:
        self.configs.append(config)
        if self.broken and getattr(config.engines, self.broken) != "stub":
            raise self.error
        yield self.engines

    @property
    def speech(self) -> FakeSpeech:
        assert isinstance(self.engines.speech, FakeSpeech)
        return self.engines.speech


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> OpenedEngines:
    """Replace the opening of engines in every command."""
    engines = OpenedEngines()
    for command in ("say", "transcribe", "check", "serving.serve"):
        monkeypatch.setattr(f"voiceserver.cli.{command}.open_engines", engines)
        monkeypatch.setattr("voiceserver.cli.loop.set_up", lambda *args: None)
    return engines
