"""Has sound files decoded in a process of their own, bounded in memory and time.

The process is started when the first file comes and kept. Knows nothing of formats, of
HTTP, or of what the samples are for.
"""

from __future__ import annotations

import asyncio
import mmap
import os
from dataclasses import asdict
from pathlib import Path

import numpy as np

from voiceserver.audio import MIC_RATE
from voiceserver.errors import BadAudio, EngineFailed
from voiceserver.files.decoder_child import Limits
from voiceserver.files.decoding import LONGEST_S
from voiceserver.files.pieces import Recording
from voiceserver.processes.ipc import MAX_BODY, Meta
from voiceserver.processes.process import ChildSpec
from voiceserver.processes.supervised import Job, Supervised

NAME = "decoder"
SLOTS = 2  # files decoded at once; more wait
_ENDING = 8  # that nobody waits for any more, and are being killed
_LIMITS = Limits()
_UNDER_WAY = 16 * MAX_BODY  # bytes of a file
_CHILD = "voiceserver.files.decoder_child"
_NICENESS = 10  # calls go first
_LATE_S = 30.0  # beyond the limit of a file: the process itself hangs


class Decoder:
    """Decodes files while ``run`` runs.

    Args:
        slots: Files at once.
        limits: Of each.
    """

    def __init__(self, slots: int = SLOTS, limits: Limits = _LIMITS) -> None:
        spec = ChildSpec(NAME, _CHILD, asdict(limits), niceness=_NICENESS)
        self._child = Supervised(spec, slots + _ENDING)
        self._silent_s = limits.clock_s + _LATE_S
        self._free = asyncio.Semaphore(slots)
        self._wanted = asyncio.Event()
        self._entered = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """Process id of the process while it is up."""
        return self._child.pid

    def want(self) -> None:
        """Start the process already: a file will come."""
        self._wanted.set()

    async def run(self) -> None:
        """Keep the process, once it is wanted, until cancelled."""
        await self._wanted.wait()
        async with self._child:
            self._entered.set()
            await asyncio.Event().wait()

    async def decode(self, content: bytes | bytearray | Path) -> Recording:
        """Decode a file, or one that lies at a path.

        Returns:
            Shape ``(n,)``, n >= 1, 16 kHz mono.

        Raises:
            BadAudio: If it cannot be decoded within the bounds.
            EngineFailed: If the process cannot be started, or died.
        """
        self.want()
        await self._entered.wait()
        await self._child.ready()
        async with self._free:
            found = _Decoded(self._silent_s)
            named = isinstance(content, Path)
            pushed = os.fsencode(content) if isinstance(content, Path) else content
            job = self._child.open({"named": named}, found)
            try:
                await _push(job, found, pushed)
                job.finish()
                return await found.whole()
            except TimeoutError:
                raise EngineFailed(NAME, "it hangs") from None
            finally:
                job.cancel()


async def _push(job: Job, found: _Decoded, content: bytes | bytearray) -> None:
    view = memoryview(content)
    for at in range(0, len(view), MAX_BODY):
        await found.taken(at - _UNDER_WAY)
        job.push(bytes(view[at : at + MAX_BODY]))


class _Decoded:
    """What has come of a file.

    Args:
        silent_s: Longest wait from one sign of the process to the next.
    """

    def __init__(self, silent_s: float) -> None:
        self._silent_s = silent_s
        self._taken = 0  # bytes of the file
        self._recording = np.zeros(0, np.int16)
        self._n_samples = 0
        self._ended = False
        self._error: Exception | None = None
        self._news = asyncio.Event()

    def item(self, meta: Meta, body: bytes) -> None:
        """Take a sign of progress, or samples."""
        n_samples, n_zeros, taken = map(meta.get, ("n_samples", "n_zeros", "taken"))
        if isinstance(taken, int):
            self._taken = taken
        elif isinstance(n_samples, int):
            most = int(LONGEST_S * MIC_RATE) + MIC_RATE
            self._recording = _untouched(min(n_samples, most))
        elif isinstance(n_zeros, int):
            self._n_samples += n_zeros
        else:
            block = np.frombuffer(body, "<i2")
            end = self._n_samples + len(block)
            self._recording[self._n_samples : end] = block
            self._n_samples = end
        self._news.set()

    def ended(self, meta: Meta, body: bytes) -> None:
        """That was all."""
        self._ended = True
        self._news.set()

    def failed(self, why: str) -> None:
        """The file is to blame."""
        self._error = BadAudio(why)
        self._news.set()

    def lost(self, why: str) -> None:
        """The process died: a file cannot bring that about."""
        self._error = EngineFailed(NAME, why)
        self._news.set()

    async def taken(self, n_bytes: int) -> None:
        """Wait until so much of the file has arrived; errors as ``whole``."""
        while self._taken < n_bytes:
            await self._sign()

    async def whole(self) -> Recording:
        """Wait for all samples.

        Raises:
            BadAudio: If the file cannot be decoded.
            EngineFailed: If the process died.
            TimeoutError: If it gives no sign of life.
        """
        while not self._ended:
            await self._sign()
        return self._recording

    async def _sign(self) -> None:
        if self._error is not None:
            raise self._error
        self._news.clear()
        async with asyncio.timeout(self._silent_s):
            await self._news.wait()
        if self._error is not None:
            raise self._error


def _untouched(n_samples: int) -> Recording:
    """Silence that takes no memory where it stays silence, nor any once it is dropped.

    From the C library it would have to be written, and might be kept for others.
    """
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    pages = mmap.mmap(-1, max(1, n_samples) * 2, flags=flags)
    return np.frombuffer(pages, np.int16)[:n_samples]
