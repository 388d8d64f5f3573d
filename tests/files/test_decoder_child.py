"""What decoding a file may take is bounded, and told to be the file's fault."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.hostile_inputs import bomb
from tests.files.test_decoder import decoding
from tests.files.test_decoding import GOOD
from tests.files.test_joined import bare, mp3
from voiceserver.audio import MIC_RATE
from voiceserver.errors import BadAudio
from voiceserver.files.decoder_child import Limits

pytestmark = pytest.mark.net


def heavy() -> bytes:
    """Takes seconds of computing: each byte might begin a frame."""
    return bare(mp3()) + b"\xff" * 4_500_000


async def test_a_file_that_takes_much_memory_is_refused() -> None:
    """A thousand bytes that took 1.7 GB; the process lives, and the next is heard."""
    async with decoding() as decoder:
        await decoder.decode(GOOD)
        pid = decoder.pid
        with pytest.raises(BadAudio):
            await decoder.decode(bomb())
        assert len(await decoder.decode(GOOD)) == MIC_RATE // 2
        assert decoder.pid == pid


async def test_a_file_that_takes_much_computing_is_refused() -> None:
    """Its copy is killed; the next file has its own time."""
    async with decoding(limits=Limits(cpu_s=1)) as decoder:
        for _ in range(2):
            with pytest.raises(BadAudio, match="takes too long"):
                await decoder.decode(heavy())
            assert len(await decoder.decode(GOOD)) == MIC_RATE // 2


async def test_a_file_that_never_ends_is_refused(tmp_path: Path) -> None:
    """By the clock."""
    async with decoding(limits=Limits(clock_s=0.2)) as decoder:
        await decoder.decode(GOOD)
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(BadAudio, match="takes too long"):
            await decoder.decode(tmp_path / "pipe")
