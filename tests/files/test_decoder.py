"""Files are decoded in a process of their own, within bounds."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncGenerator, Coroutine
from pathlib import Path

import numpy as np
import pytest

from tests.files.test_decoding import GOOD, tone, written
from tests.polling import until
from voiceserver.audio import MIC_RATE, to_int16
from voiceserver.errors import BadAudio, EngineFailed, VoiceServerError
from voiceserver.files.decoder import Decoder
from voiceserver.files.decoder_child import Limits
from voiceserver.files.decoding import decode
from voiceserver.files.pieces import Recording

pytestmark = pytest.mark.net
_LIMITS = Limits()


@contextlib.asynccontextmanager
async def decoding(
    slots: int = 2, limits: Limits = _LIMITS
) -> AsyncGenerator[Decoder, None]:
    """A decoder whose process runs."""
    decoder = Decoder(slots, limits)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(decoder.run())
        try:
            yield decoder
        finally:
            running.cancel()


@contextlib.asynccontextmanager
async def endless(
    decoder: Decoder, folder: Path
) -> AsyncGenerator[asyncio.Task[Recording | VoiceServerError], None]:
    """A file that is being decoded, for ever: nobody writes to the pipe."""
    os.mkfifo(folder / "pipe")
    await decoder.decode(GOOD)
    await until(lambda: not children(decoder.pid))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(_caught(decoder.decode(folder / "pipe")))
        await until(lambda: bool(children(decoder.pid)))
        try:
            yield task
        finally:
            task.cancel()
            (folder / "pipe").unlink()


async def test_what_comes_back_is_what_decoding_gives(tmp_path: Path) -> None:
    """Pushed or at a path; a file of many messages too, and several at a time."""
    long = written(tone(90.0, MIC_RATE), MIC_RATE)
    async with decoding() as decoder:
        for content in (GOOD, long):
            (tmp_path / "a b\udce4.wav").write_bytes(content)
            expected = to_int16(decode(content))
            for given in (content, bytearray(content), tmp_path / "a b\udce4.wav"):
                assert np.array_equal(await decoder.decode(given), expected)
        found = await asyncio.gather(*(decoder.decode(long) for _ in range(5)))
        assert {len(recording) for recording in found} == {90 * MIC_RATE}


async def test_silence_keeps_its_place_and_takes_no_memory() -> None:
    """Ten seconds of it between two tones come back, though they are never sent."""
    sound, quiet = tone(1.0, MIC_RATE), np.zeros(10 * MIC_RATE, np.float32)
    content = written(np.concatenate([sound, quiet, sound, quiet]), MIC_RATE)
    async with decoding() as decoder:
        found = await decoder.decode(content)
    assert np.array_equal(found, to_int16(decode(content)))


async def test_what_is_wrong_with_a_file_is_told(tmp_path: Path) -> None:
    """In the words of the decoding."""
    (tmp_path / "empty").touch()
    async with decoding() as decoder:
        for given in (b"text", b"", tmp_path / "empty"):
            with pytest.raises(BadAudio, match="not a sound file"):
                await decoder.decode(given)
        with pytest.raises(BadAudio, match="several"):
            await decoder.decode(GOOD * 2)


async def test_who_gives_up_leaves_nothing_running(tmp_path: Path) -> None:
    """Cancelled while a file is decoded: its process goes, and its place is free."""
    async with decoding(slots=1) as decoder:
        for _ in range(3):
            async with endless(decoder, tmp_path) as task:
                task.cancel()
                await asyncio.wait({task})
                await until(lambda: not children(decoder.pid))
        assert len(await decoder.decode(GOOD)) == MIC_RATE // 2


async def test_a_file_that_ends_its_process_ends_no_other(tmp_path: Path) -> None:
    """As a crash of a library would."""
    async with decoding() as decoder, endless(decoder, tmp_path) as task:
        for pid in children(decoder.pid):
            os.kill(pid, signal.SIGSEGV)
        assert isinstance(await task, BadAudio)
        assert len(await decoder.decode(GOOD)) == MIC_RATE // 2


async def test_the_death_of_the_process_is_no_fault_of_a_file(tmp_path: Path) -> None:
    """It is told, and the process is started again."""
    async with decoding() as decoder, endless(decoder, tmp_path) as task:
        copies, first = children(decoder.pid), decoder.pid
        for pid in (first, *copies):
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
        assert isinstance(await task, EngineFailed)
        await until(lambda: decoder.pid not in (None, first))
        assert len(await decoder.decode(GOOD)) == MIC_RATE // 2


async def _caught(
    decoding: Coroutine[None, None, Recording],
) -> Recording | VoiceServerError:
    try:
        return await decoding
    except VoiceServerError as error:
        return error


def children(pid: int | None) -> list[int]:
    """The living children of a process."""
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(one) for one in listed.read_text().split()]
