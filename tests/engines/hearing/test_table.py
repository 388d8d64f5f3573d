"""Each dialect of a transcription service is opened, with its key where it belongs."""

from __future__ import annotations

import pytest

from tests.fake_sockets import FakeSockets
from voiceserver.config import Config, RecogniserConfig, RecogniserProvider
from voiceserver.engines.hearing.live import LiveService
from voiceserver.engines.hearing.service import TranscriptionService
from voiceserver.engines.hearing.services import Service
from voiceserver.engines.hearing.table import service_of, tells_ends
from voiceserver.engines.providers.services.http import Http
from voiceserver.errors import ConfigError

NOVA = RecogniserProvider("ears", "http://h", "nova-3", "deepgram", key_env="KEY")
REALTIME = RecogniserProvider(
    "ears", "http://h/v1", "m", "openai_realtime", key_env="KEY"
)
AZURE = RecogniserProvider(
    "ears", "http://h", "MAI-Transcribe-2", "azure", key_env="KEY"
)
FLUX = RecogniserProvider("ears", "http://h", "flux-general-en", "deepgram")


def opened(provider: RecogniserProvider, sockets: FakeSockets) -> Service:
    return service_of(provider, Http(), sockets, {"KEY": "k"})


def test_a_dialect_has_its_service() -> None:
    openai = RecogniserProvider("ears", "http://h/v1", "whisper-1")
    assert isinstance(opened(openai, FakeSockets()), TranscriptionService)
    assert isinstance(opened(AZURE, FakeSockets()), TranscriptionService)
    assert isinstance(opened(FLUX, FakeSockets()), LiveService)
    assert isinstance(opened(REALTIME, FakeSockets()), LiveService)


@pytest.mark.parametrize(("which", "how"), [("NOVA", "Token"), ("REALTIME", "Bearer")])
async def test_each_is_shown_the_key_its_way(which: str, how: str) -> None:
    sockets = FakeSockets()
    await opened({"NOVA": NOVA, "REALTIME": REALTIME}[which], sockets).warm()
    [headers] = sockets.headers
    assert headers["Authorization"] == f"{how} k"
    assert headers["User-Agent"].startswith("voiceserver/")


def test_a_missing_key_is_told_at_the_start() -> None:
    with pytest.raises(ConfigError, match=r"recogniser\.provider.*ears.*KEY"):
        service_of(NOVA, Http(), FakeSockets(), {})


def test_only_flux_tells_of_a_turns_end() -> None:
    for provider, tells in ((NOVA, False), (FLUX, True)):
        ears = RecogniserConfig(provider=(provider,))
        assert tells_ends(Config(recogniser=ears)) == tells
