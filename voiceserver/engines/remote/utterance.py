"""An utterance that is recognised in another process: its audio there, its words here.

It keeps its audio: if its process dies, it is decoded again by the next one with a
place, and whoever waits for it notices nothing but the time. What a core has settled
for good is kept as words, its audio no more. Knows not what decodes it, nor where.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Protocol

from voiceserver.audio import MIC_RATE, Samples, to_int16
from voiceserver.engines.base import Hypothesis, Opening
from voiceserver.engines.remote.hypotheses import joined, read
from voiceserver.errors import EngineFailed
from voiceserver.processes.ipc import Meta, fitting
from voiceserver.processes.supervised import Job

MAX_UTTERANCE_S = 60  # kept of one utterance; what came before is dropped and counted
MAX_DECODED_S = 600  # by one process; then it is begun anew with what is kept
# Bytes of int16 sent at a time, 60 ms. What has not been sent when the user's turn
# ends is decoded while everybody waits, at some 0.4 of its duration.
BLOCK = 2 * MIC_RATE * 60 // 1000
WINDOW = 2 * MIC_RATE * 2  # bytes sent and not yet decoded: 2 s
# An utterance that kills three processes is not tried again. The last time it has the
# process to itself: those that shared it before were not to blame.
REPLAYS = 2
VOICE_STEP = MIC_RATE // 20  # samples of a voice, or of quiet, that are news
MAX_PROMPT = 1500  # characters; twice what a recogniser can heed
MAX_PROMPT_BYTES = 3500  # of it in a message, which holds little more beside its audio


class Pool(Protocol):
    """Where an utterance gets a place in a process."""

    @property
    def name(self) -> str:
        """Of the engine."""

    @property
    def replays(self) -> bool:
        """Whether an utterance whose process died waits for the next."""

    def queue(self, utterance: RemoteUtterance, first: bool = False) -> None:
        """Let it wait for a place."""

    def forget(self, utterance: RemoteUtterance) -> None:
        """Let it wait no longer."""

    def dropped(self, samples: int) -> None:
        """Count audio beyond the longest utterance."""


class RemoteUtterance:
    """An ``Utterance`` and the ``JobSink`` of its job.

    Args:
        pool: Gives it a process.
        opening: What its core is told of it.
    """

    def __init__(self, pool: Pool, opening: Opening) -> None:
        self._pool = pool
        self._opening = opening
        self._audio = bytearray()  # int16, all that is not settled: for the replay
        self._kept_from = 0  # samples before it
        self._origin = 0  # samples before what the process got: it counts from there
        self._settled = Hypothesis()  # words of what is settled for good
        self._sent = 0  # bytes, to the process that has it now
        self._decoded = 0  # of those
        self._gone = 0  # of those, no longer kept
        self._complete = False  # no more audio comes
        self._told = False  # the process knows that
        self._pushed = 0  # samples
        self._voiced = 0  # of those, to the end of the last voice
        self._voice_told = 0  # of those, as the process knows
        self._covered = 0  # of those, heard in a hypothesis as good as a final
        self._job: Job | None = None
        self._latest = Hypothesis()
        self._before_loss = Hypothesis()
        self._losses = 0
        self._over = asyncio.Event()
        self._why = ""  # it failed

    @property
    def latest(self) -> Hypothesis:
        """The newest hypothesis, ready at once."""
        return self._latest

    @property
    def last_try(self) -> bool:
        """Whether the next process that dies under it is its last."""
        return self._losses == REPLAYS

    @property
    def decoding(self) -> bool:
        """Whether it has a place in a process."""
        return self._job is not None

    @property
    def dead(self) -> bool:
        """Whether it has ended without a final."""
        return bool(self._why)

    @property
    def told(self) -> Meta:
        """What a core is told when it begins with it."""
        asked = self._opening
        meta: Meta = {
            "language": asked.language[:35],
            "prompt": fitting(asked.prompt[:MAX_PROMPT], MAX_PROMPT_BYTES),
            "overlap": asked.overlap,
            "timed": asked.timed,
            "whole": asked.whole,
        }
        return {name: value for name, value in meta.items() if value}

    def push(self, samples: Samples) -> None:
        """Add audio, 16 kHz; ignored once it is complete or closed."""
        if self._complete or self._over.is_set():
            return
        self._audio += to_int16(samples).tobytes()
        self._pushed += len(samples)
        self._pump()
        self._forget_oldest()
        if self._job is not None and self._sent > 2 * MAX_DECODED_S * MIC_RATE:
            job, self._job = self._job, None
            job.cancel()
            self._pool.queue(self, first=True)

    def voiced(self, until: int) -> None:
        """Tell where the last voice ended, in samples pushed."""
        self._voiced = max(self._voiced, until)
        news = self._voiced - self._voice_told
        quiet = self._pushed - self._voiced
        if news >= VOICE_STEP or (news and quiet >= VOICE_STEP):
            self._tell_voiced()

    def _tell_voiced(self) -> None:
        if self._job is not None and self._voiced > self._origin:
            self._voice_told = self._voiced
            self._job.note({"voiced": self._voiced - self._origin})

    def _forget_oldest(self) -> None:
        """Keep the newest: a question is at the end. What was decoded is no loss."""
        beyond = len(self._audio) - 2 * MAX_UTTERANCE_S * MIC_RATE
        if beyond <= 0:
            return
        unsent = max(0, beyond - (self._sent - self._gone))
        self._drop(beyond)
        if unsent:
            self._pool.dropped(unsent // 2)

    def _drop(self, n_bytes: int) -> None:
        """Keep the first bytes no longer; those that were not sent never will be."""
        unsent = max(0, n_bytes - (self._sent - self._gone))
        del self._audio[:n_bytes]
        self._kept_from += n_bytes // 2
        self._gone += n_bytes - unsent

    async def final(self) -> Hypothesis:
        """Say that no more audio comes and wait for the final hypothesis.

        May be cancelled and called again.

        Raises:
            EngineFailed: If the recogniser could not give one, or it was closed.
        """
        if not self._complete:
            self._complete = True
            if self._voiced and self._covered >= self._voiced:
                self._accept()  # nothing was said since: no need to ask
            else:
                self._tell_voiced()
                self._pump()
        await self._over.wait()
        if self._why:
            raise EngineFailed(self._pool.name, self._why)
        return self._latest

    def close(self) -> None:
        """Stop the work and give the process back; may be called at any time."""
        if not self._over.is_set():
            self.refuse("the utterance was closed")

    def refuse(self, why: str) -> None:
        """End without a result."""
        self._give_back()
        self._fail(why)

    def _accept(self) -> None:
        """End with what is known."""
        if not self._over.is_set():
            self._give_back()
            self._latest = replace(self._latest, final=True, behind=False)
            self._audio.clear()
            self._over.set()

    def _give_back(self) -> None:
        self._pool.forget(self)
        job, self._job = self._job, None
        if job is not None:
            job.cancel()

    def leased(self, job: Job) -> None:
        """A process is ours: decode from the beginning of what is kept."""
        self._job = job
        self._sent = self._decoded = self._gone = 0
        self._told = False
        self._origin = self._kept_from
        self._tell_voiced()
        self._pump()

    def item(self, meta: Meta, body: bytes) -> None:
        """Take a partial, words settled for good, and the leave to send more."""
        decoded = meta.get("decoded")
        self._decoded = 2 * decoded if isinstance(decoded, int) else self._sent
        if "complete" in meta:
            self._hear(meta, body)
        self._pump()

    def _hear(self, meta: Meta, body: bytes) -> None:
        """Take a hypothesis of the audio that is not settled.

        Its meta may say up to where it heard all voices (``covered``), and that it is
        settled up to a sample (``settled``). Samples count from the first it got.
        """
        self._latest = self._joined(read(meta, body, final=False))
        covered, settled = meta.get("covered"), meta.get("settled")
        if isinstance(covered, int):
            self._covered = max(self._covered, self._origin + covered)
        if isinstance(settled, int):
            self._settled = self._latest
            self._latest = replace(self._latest, behind=True)  # there is more to come
            self._drop(max(0, 2 * settled - self._gone))

    def _joined(self, tail: Hypothesis) -> Hypothesis:
        return joined(self._settled, tail, self._origin / MIC_RATE)

    def ended(self, meta: Meta, body: bytes) -> None:
        """Take the final hypothesis."""
        self._job = None
        self._latest = self._joined(read(meta, body, final=True))
        self._audio.clear()
        self._over.set()

    def failed(self, why: str) -> None:
        """The core could not go on."""
        self._job = None
        self._fail(why)

    def lost(self, why: str) -> None:
        """The process died: wait for another one, ahead of all others."""
        self._job = None
        self._losses += 1
        # It covers only the beginning: whoever needs words soon must not settle for
        # it, as they would for a partial that the final merely corrects.
        if self._latest.text:
            self._before_loss = self._latest
            self._latest = replace(self._settled, behind=True)
            self._covered = 0
        if self._losses > REPLAYS or not self._pool.replays:
            self._fail(why)
        else:
            self._pool.queue(self, first=True)

    def _fail(self, why: str) -> None:
        self._why = why.removeprefix(f"{self._pool.name}: ")
        if not self._latest.text:
            self._latest = self._before_loss
        self._audio.clear()
        self._over.set()

    def _pump(self) -> None:
        """Send what there is: whole blocks, the rest at the end, within the window."""
        job = self._job
        if job is None:
            return
        least = 1 if self._complete else BLOCK
        at = self._sent - self._gone
        while len(self._audio) - at >= least and self._sent - self._decoded < WINDOW:
            end = min(at + BLOCK, len(self._audio))
            job.push(bytes(self._audio[at:end]))
            self._sent += end - at
            at = end
        if self._complete and not self._told and at == len(self._audio):
            self._told = True
            job.finish()
