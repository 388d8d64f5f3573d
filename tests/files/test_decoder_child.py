"""What decoding a file may take is bounded, and told to be the file's fault."""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.files.test_decoder import decoding
from tests.files.test_decoding import GOOD
from tests.files.test_joined import bare, mp3
from voiceserver.audio import MIC_RATE
from voiceserver.errors import BadAudio
from voiceserver.files.decoder_child import Limits

pytestmark = pytest.mark.net


def bomb(n_samples: int = 55_000_000) -> bytes:
    """A small MP4 whose table of samples says that there are very many."""
    sink = io.BytesIO()
    with av.open(sink, "w", format="mp4") as container:
        stream: Any = container.add_stream("aac", rate=16_000)
        stream.layout = "mono"
        for number in range(20):
            quiet = np.zeros((1, 1024), np.float32)
            frame = av.AudioFrame.from_ndarray(quiet, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 16_000, number * 1024
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    content = bytearray(sink.getvalue())
    for box, at, *values in (
        (b"stsz", 8, 1, n_samples),
        (b"stsc", 8, 1, 1, n_samples, 1),
        (b"stco", 8, 1),
        (b"stts", 8, 1, n_samples, 1024),
    ):
        place = content.find(box) + at
        struct.pack_into(f">{len(values)}I", content, place, *values)
    return bytes(content)


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
